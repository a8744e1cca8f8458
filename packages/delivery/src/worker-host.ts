/**
 * Deliveries in a worker thread. The worker holds no process open, prints nothing, and when it cannot start or dies, the
 * same sinks go on from their cursors on the caller's loop.
 */

import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { errorMessage, type SinkHealth, type SinkOutcome, type SinkSpec } from '@runcast/core';
import type { RunDirectory } from '@runcast/runlog';
import type { DeliveryEvent, SinkSettlement } from './delivery-event.ts';
import type { DeliveryHost } from './delivery-host.ts';
import { SinkOpenError } from './inline-host.ts';
import { lagRecords } from './lag-records.ts';
import { EXIT_STATE, readFromWorker, type FromWorker, type ToWorker, type WorkerTask } from './messages.ts';

/** A worker that has said nothing for this long when opening is taken for one that will not. */
const START_TIMEOUT_MS = 15_000;
/** What a call may take over its own timeout before the worker counts as hanging. */
const ANSWER_GRACE_MS = 5_000;
/** Enough for batches of a third of a megabyte and several sinks, and a bound that a leak in a sink meets before the trainer does. */
const MAX_HEAP_MB = 256;
/** What a batch leaves behind is garbage at once; a young generation of the default size only holds more of it. */
const MAX_YOUNG_HEAP_MB = 12;

export interface WorkerHostOptions {
  readonly directory: RunDirectory;
  /** Directory of all runs. */
  readonly dir: string;
  readonly specs: readonly SinkSpec[];
  readonly onEvent: (event: DeliveryEvent) => void;
  /** The worker's file; the one beside this module where left out. */
  readonly workerUrl?: URL;
}

/** The worker could not be started, or did not answer. */
export class WorkerStartError extends Error {
  readonly code = 'RUNCAST_WORKER_START';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WorkerStartError';
  }
}

/** The sinks that could not be opened, none where all is well; or that there is no worker. */
type OpenOutcome = Extract<FromWorker, { type: 'opened' }>['failures'] | WorkerStartError;

export class WorkerHost implements DeliveryHost {
  readonly kind = 'worker';
  readonly reason: undefined;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #exitState: Int32Array;
  readonly #options: WorkerHostOptions;
  readonly #waiting = new Map<number, (settlements: readonly SinkSettlement[] | undefined) => void>();
  #health: Readonly<Record<string, SinkHealth>> = {};
  readonly #opening: PromiseWithResolvers<OpenOutcome> = Promise.withResolvers();
  #onDeath: ((reason: string) => void) | undefined;
  #nextId = 0;
  #ending = false;
  #alive = true;
  /** What will end the worker, or has. */
  #failure: string | undefined;

  private constructor(options: WorkerHostOptions) {
    const url = options.workerUrl ?? defaultWorkerUrl();
    if (!existsSync(fileURLToPath(url)))
      throw new WorkerStartError(`the worker's file is not to be found (${fileURLToPath(url)}), as after bundling`);
    const { port1, port2 } = new MessageChannel();
    const exitState = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const task: WorkerTask = {
      dir: options.dir,
      runId: options.directory.runId,
      sinks: options.specs.map(({ name, module, config }) => ({ name, module, config })),
      exitState,
    };
    this.#options = options;
    this.#exitState = new Int32Array(exitState);
    this.#port = port1;
    this.#worker = new Worker(url, {
      name: 'runcast',
      workerData: { task, port: port2 },
      transferList: [port2],
      // A caller's loaders and flags are for its own code; and sinks read no environment.
      execArgv: url.pathname.endsWith('.ts')
        ? ['--conditions=runcast-source', '--disable-warning=ExperimentalWarning']
        : [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: MAX_YOUNG_HEAP_MB },
    });
    // Without a listener a failure here would be an uncaught exception in training.
    this.#worker.on('error', (error) => {
      this.#failure ??= errorMessage(error);
    });
    // Only now it writes no more, and another may take over.
    this.#worker.on('exit', (code) => this.#died(this.#failure ?? `the worker exited with code ${code}`));
    this.#port.on('message', (message: unknown) => this.#receive(message));
    this.#port.unref();
    this.#worker.unref();
  }

  /** Rejects with {@link SinkOpenError} where a sink cannot be opened, and {@link WorkerStartError} where the worker cannot. */
  static async open(options: WorkerHostOptions): Promise<WorkerHost> {
    const host = startHost(() => new WorkerHost(options));
    host.#worker.ref();
    const timer = setTimeout(() => {
      // A loop that was busy all the time has not been given the answer yet.
      host.#receiveAll();
      host.#opening.resolve(new WorkerStartError(`the worker did not answer within ${START_TIMEOUT_MS / 1000} s`));
    }, START_TIMEOUT_MS);
    const failures = await host.#opening.promise;
    clearTimeout(timer);
    if (failures instanceof WorkerStartError || failures.length > 0) {
      host.#ending = true;
      await host.#worker.terminate();
      throw failures instanceof WorkerStartError
        ? failures
        : new SinkOpenError(failures.map(({ sink, error }) => ({ sink, error: new Error(error.message) })));
    }
    host.#worker.unref();
    return host;
  }

  /** Calls back once the worker has gone although nobody ended it. */
  onDeath(callback: (reason: string) => void): void {
    this.#onDeath = callback;
  }

  health(): Readonly<Record<string, SinkHealth>> {
    // A trainer that never yields sees what the worker has said all the same.
    this.#receiveAll();
    return this.#health;
  }

  async flush(timeoutMs: number): Promise<readonly SinkSettlement[]> {
    return this.#ask((id) => ({ type: 'flush', id, timeoutMs }), timeoutMs);
  }

  async close(outcome: SinkOutcome, timeoutMs: number): Promise<readonly SinkSettlement[]> {
    const settlements = await this.#ask((id) => ({ type: 'close', id, timeoutMs, outcome }), timeoutMs);
    this.#ending = true;
    await this.#worker.terminate();
    this.#port.close();
    return settlements;
  }

  endNow(outcome: SinkOutcome, timeoutMs: number): void {
    this.#ending = true;
    if (!this.#alive) return;
    this.#send({ type: 'end', outcome });
    Atomics.wait(this.#exitState, 0, EXIT_STATE.running, timeoutMs);
  }

  #send(message: ToWorker): void {
    this.#port.postMessage(message);
  }

  /** The worker's answer, or what it last said of its sinks where it does not answer any more. */
  async #ask(question: (id: number) => ToWorker, timeoutMs: number): Promise<readonly SinkSettlement[]> {
    const id = this.#nextId;
    this.#nextId += 1;
    const answer = new Promise<readonly SinkSettlement[] | undefined>((resolve) => {
      this.#waiting.set(id, resolve);
      if (!this.#alive) resolve(undefined);
    });
    this.#send(question(id));
    this.#worker.ref();
    const timer = setTimeout(() => this.#waiting.get(id)?.(undefined), timeoutMs + ANSWER_GRACE_MS);
    const settlements = await answer;
    clearTimeout(timer);
    this.#waiting.delete(id);
    this.#worker.unref();
    return settlements ?? this.#unanswered();
  }

  #unanswered(): readonly SinkSettlement[] {
    return this.#options.specs.map(({ name }) => {
      const health = this.#health[name];
      return {
        sink: name,
        owedRecords: health === undefined ? 0 : lagRecords(health),
        skippedSteps: 0,
        deliveredSteps: 0,
        reason: 'the worker does not answer',
      };
    });
  }

  #receiveAll(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#receive(received.message);
    }
  }

  #receive(raw: unknown): void {
    let message: FromWorker;
    try {
      message = readFromWorker(raw);
    } catch (error) {
      // Thrown here it would end training.
      this.#failure ??= `the worker says what this version does not understand: ${errorMessage(error)}`;
      void this.#worker.terminate();
      return;
    }
    switch (message.type) {
      case 'opened':
        this.#opening.resolve(message.failures);
        return;
      case 'health':
        this.#health = message.sinks;
        return;
      case 'event':
        this.#options.onEvent(message.event);
        return;
      case 'settled':
        this.#waiting.get(message.id)?.(message.settlements);
        return;
    }
  }

  #died(reason: string): void {
    this.#alive = false;
    // Its last words may be waiting behind the news of its end.
    this.#receiveAll();
    this.#opening.resolve(new WorkerStartError(reason));
    for (const resolve of this.#waiting.values()) resolve(undefined);
    if (!this.#ending) this.#onDeath?.(reason);
  }
}

/** `--permission` without `--allow-worker`, for one, throws when the worker is constructed. */
function startHost(start: () => WorkerHost): WorkerHost {
  try {
    return start();
  } catch (error) {
    if (error instanceof WorkerStartError) throw error;
    throw new WorkerStartError(errorMessage(error), { cause: error });
  }
}

function defaultWorkerUrl(): URL {
  return new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
}
