/** Chooses where deliveries run, and keeps them running: a worker that cannot start or dies is replaced by the caller's loop. */

import {
  errorMessage,
  isSinkSpec,
  type LaneHealth,
  type Sink,
  type SinkHealth,
  type SinkOutcome,
  type SinkSpec,
} from '@runcast/core';
import type { RunDirectory } from '@runcast/runlog';
import type { DeliveryEvent, SinkSettlement } from './delivery-event.ts';
import type { DeliveryHost } from './delivery-host.ts';
import { InlineHost } from './inline-host.ts';
import { systemScheduler, type Scheduler } from './scheduler.ts';
import type { WorkerHost } from './worker-host.ts';

export interface OpenHostOptions {
  readonly directory: RunDirectory;
  /** Directory of all runs. */
  readonly dir: string;
  readonly sinks: readonly (Sink | SinkSpec)[];
  readonly host: 'worker' | 'inline';
  readonly onEvent: (event: DeliveryEvent) => void;
  readonly scheduler?: Scheduler;
  /** The worker's file; the package's own where left out. */
  readonly workerUrl?: URL;
}

/** What starts workers, loaded with the first of them: a program that imports this may never open anything. */
let workerHosts: Awaited<ReturnType<typeof importWorkerHosts>> | undefined;

function importWorkerHosts() {
  return import('./worker-host.ts');
}

/**
 * Loads what starts workers. An {@link openHost} after that starts its worker within the call, and needs nothing of a loop that
 * may never yield.
 */
export async function loadWorkerHosts(): Promise<void> {
  workerHosts ??= await importWorkerHosts();
}

/** Opens every sink and begins to deliver. Rejects with a SinkOpenError where a sink cannot be opened. */
export async function openHost(options: OpenHostOptions): Promise<DeliveryHost> {
  const specs = options.sinks.filter((sink) => isSinkSpec(sink));
  if (options.host === 'inline') return openInline(options, undefined);
  if (specs.length < options.sinks.length)
    return openInline(options, 'sinks passed as objects cannot go into a worker');
  const { WorkerHost: Host, WorkerStartError } = (workerHosts ??= await importWorkerHosts());
  try {
    return new FailoverHost(options, await Host.open({ ...options, specs }));
  } catch (error) {
    if (!(error instanceof WorkerStartError)) throw error;
    return openInline(options, error.message);
  }
}

function openInline(options: OpenHostOptions, reason: string | undefined): Promise<InlineHost> {
  const { directory, onEvent, scheduler = systemScheduler } = options;
  const why = reason === undefined ? {} : { reason };
  return InlineHost.open({ directory, sinks: options.sinks, scheduler, onEvent, ...why });
}

/** A worker host that turns into an in-line one when its worker dies. */
class FailoverHost implements DeliveryHost {
  readonly #options: OpenHostOptions;
  #current: DeliveryHost;
  /** The change from worker to in-line, while it is under way or after it. */
  #failover: Promise<void> | undefined;
  /** What the worker had last said of its sinks when it died; nothing while it lives. */
  #earlier: Readonly<Record<string, SinkHealth>> = {};

  constructor(options: OpenHostOptions, worker: WorkerHost) {
    this.#options = options;
    this.#current = worker;
    worker.onDeath((reason) => {
      this.#failover = this.#goInline(reason);
    });
  }

  get kind(): DeliveryHost['kind'] {
    return this.#current.kind;
  }

  get reason(): string | undefined {
    return this.#current.reason;
  }

  health(): Readonly<Record<string, SinkHealth>> {
    const now = this.#current.health();
    return Object.fromEntries(
      Object.entries(now).map(([sink, health]) => [sink, withEarlier(health, this.#earlier[sink])]),
    );
  }

  async flush(timeoutMs: number): Promise<readonly SinkSettlement[]> {
    return this.#withFailover((host) => host.flush(timeoutMs));
  }

  async close(outcome: SinkOutcome, timeoutMs: number): Promise<readonly SinkSettlement[]> {
    return this.#withFailover((host) => host.close(outcome, timeoutMs));
  }

  endNow(outcome: SinkOutcome, timeoutMs: number): void {
    this.#current.endNow(outcome, timeoutMs);
  }

  /** Asks the current host, and once more the one that replaced it meanwhile. */
  async #withFailover(
    ask: (host: DeliveryHost) => Promise<readonly SinkSettlement[]>,
  ): Promise<readonly SinkSettlement[]> {
    await this.#failover;
    const asked = this.#current;
    const settlements = await ask(asked);
    await this.#failover;
    return this.#current === asked ? settlements : ask(this.#current);
  }

  async #goInline(reason: string): Promise<void> {
    const because = `the worker died: ${reason}`;
    this.#options.onEvent({
      type: 'sinkError',
      sink: 'worker',
      error: { message: because, code: 'RUNCAST_WORKER_DIED' },
      terminal: false,
    });
    try {
      const earlier = this.#current.health();
      this.#current = await openInline(this.#options, because);
      this.#earlier = earlier;
    } catch (error) {
      // The log keeps everything; what is owed is said at close.
      this.#options.onEvent({
        type: 'sinkError',
        sink: 'worker',
        error: { message: errorMessage(error), code: 'RUNCAST_WORKER_DIED' },
        terminal: true,
      });
    }
  }
}

/** A publisher's counts go on where its host has changed; how its sinks stand is as of now. */
function withEarlier(health: SinkHealth, earlier: SinkHealth | undefined): SinkHealth {
  if (earlier === undefined) return health;
  return {
    ...health,
    ...laneCounts(health, earlier),
    skippedKinds: earlier.skippedKinds + health.skippedKinds,
    skippedSteps: earlier.skippedSteps + health.skippedSteps,
    ...(health.uploads === undefined || earlier.uploads === undefined
      ? {}
      : { uploads: { ...health.uploads, ...laneCounts(health.uploads, earlier.uploads) } }),
  };
}

function laneCounts(
  now: LaneHealth,
  earlier: LaneHealth,
): Pick<LaneHealth, 'delivered' | 'refused' | 'retries' | 'lastError'> {
  return {
    delivered: earlier.delivered + now.delivered,
    refused: earlier.refused + now.refused,
    retries: earlier.retries + now.retries,
    lastError: now.lastError ?? earlier.lastError,
  };
}
