/** Deliveries on the caller's own loop: for sinks that are objects, and where no worker is to be had. */

import { errorMessage, type Sink, type SinkHealth, type SinkOutcome, type SinkSpec } from '@runcast/core';
import type { RunDirectory } from '@runcast/runlog';
import { DeliveryEngine } from './delivery-engine.ts';
import type { DeliveryEvent, SinkSettlement } from './delivery-event.ts';
import type { DeliveryHost } from './delivery-host.ts';
import { loadSinks, type OpenFailure } from './load-sink.ts';
import { keepingAlive, type Scheduler } from './scheduler.ts';

export interface InlineHostOptions {
  readonly directory: RunDirectory;
  readonly sinks: readonly (Sink | SinkSpec)[];
  readonly scheduler: Scheduler;
  readonly onEvent: (event: DeliveryEvent) => void;
  readonly reason?: string;
}

/** Thrown when opening: some sinks cannot be. */
export class SinkOpenError extends AggregateError {
  readonly code = 'RUNCAST_SINK_OPEN';
  readonly failures: readonly OpenFailure[];

  constructor(failures: readonly OpenFailure[]) {
    const lines = failures.map(({ sink, error }) => `  ${sink}: ${errorMessage(error)}`);
    super(
      failures.map(({ error }) => error),
      `${failures.length === 1 ? '1 sink' : `${failures.length} sinks`} cannot be opened\n${lines.join('\n')}`,
    );
    this.name = 'SinkOpenError';
    this.failures = failures;
  }
}

export class InlineHost implements DeliveryHost {
  readonly kind = 'inline';
  readonly reason: string | undefined;
  readonly #engine: DeliveryEngine;

  private constructor(engine: DeliveryEngine, reason: string | undefined) {
    this.#engine = engine;
    this.reason = reason;
  }

  /** Rejects with a {@link SinkOpenError}; sinks that did open are then closed again. */
  static async open(options: InlineHostOptions): Promise<InlineHost> {
    const { sinks, failures: unmade } = await loadSinks(options.sinks);
    const engine = new DeliveryEngine({ ...options, sinks });
    const failures = [...unmade, ...(await engine.open())];
    if (failures.length > 0) {
      await engine.close({ status: 'unknown', final: false }, 0);
      throw new SinkOpenError(failures);
    }
    engine.start();
    return new InlineHost(engine, options.reason);
  }

  /** Looks for records now, and not only with the next poll: for a writer on the same loop, who knows that many have come. */
  wake(): void {
    this.#engine.wake();
  }

  health(): Readonly<Record<string, SinkHealth>> {
    return this.#engine.health();
  }

  flush(timeoutMs: number): Promise<readonly SinkSettlement[]> {
    return keepingAlive(this.#engine.flush(timeoutMs));
  }

  close(outcome: SinkOutcome, timeoutMs: number): Promise<readonly SinkSettlement[]> {
    return keepingAlive(this.#engine.close(outcome, timeoutMs));
  }

  endNow(outcome: SinkOutcome): void {
    this.#engine.endNow(outcome);
  }
}
