/**
 * System metrics as the publisher sees them: a thread that is started, and ended before the run is. It keeps no process alive,
 * and whatever becomes of it, training goes on.
 */

import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { errorInfo, errorMessage, type ErrorInfo, type OpenRecord, type RecordBody } from '@runcast/core';
import { END, MONITOR_STATE, readFromCollector, type CollectorTask } from './monitor-messages.ts';

/** What ending waits for the last sample and the end of the log, at most. */
const END_TIMEOUT_MS = 1_000;
/** A sample leaves little behind; the rest is the code itself. */
const MAX_HEAP_MB = 32;
const MAX_YOUNG_HEAP_MB = 2;

export interface SystemMonitorOptions {
  /** Directory of all runs. */
  readonly dir: string;
  /** The log's first record; its writer is the log's name. */
  readonly open: RecordBody<OpenRecord>;
  /** From one record to the next, in milliseconds. */
  readonly intervalMs: number;
  /** Told that there are no metrics, or none for now, and why. */
  readonly onFailure: (error: ErrorInfo) => void;
  /** The worker's file; the one beside this module where left out. */
  readonly workerUrl?: URL;
}

/**
 * Records `system` metrics into a log of its own in the run's directory, until {@link SystemMonitor.end}. A machine's and a
 * process's metrics are those of this machine and this process.
 */
export class SystemMonitor {
  readonly #worker: Worker | undefined;
  readonly #state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

  /** Never throws: where there can be no thread, `onFailure` hears of it. */
  constructor(options: SystemMonitorOptions) {
    try {
      this.#worker = this.#start(options);
    } catch (error) {
      options.onFailure(errorInfo(new Error(`there are no system metrics: ${errorMessage(error)}`)));
    }
  }

  /**
   * Completes the log with a last sample, within this call: what delivers the run afterwards finds all of it. Blocks for some
   * milliseconds, and for a second at most. Idempotent, never throws.
   */
  end(): void {
    const { starting, collecting, ended } = MONITOR_STATE;
    // One that has not begun yet will find that it need not.
    const found = Atomics.compareExchange(this.#state, 0, starting, ended);
    if (found !== collecting) return;
    this.#worker?.postMessage(END);
    Atomics.wait(this.#state, 0, collecting, END_TIMEOUT_MS);
  }

  /** As {@link end}; resolves once the thread has gone. */
  async close(): Promise<void> {
    this.end();
    await this.#worker?.terminate();
  }

  #start({ dir, open, intervalMs, onFailure, workerUrl = defaultWorkerUrl() }: SystemMonitorOptions): Worker {
    if (!existsSync(workerUrl))
      throw new Error(`the worker's file is not to be found (${fileURLToPath(workerUrl)}), as after bundling`);
    const task: CollectorTask = { dir, runId: open.run, intervalMs, open, state: this.#state.buffer };
    const worker = new Worker(workerUrl, {
      name: 'runcast-system',
      workerData: task,
      // A caller's loaders and flags are for its own code.
      execArgv: workerUrl.pathname.endsWith('.ts')
        ? ['--conditions=runcast-source', '--disable-warning=ExperimentalWarning']
        : [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: MAX_YOUNG_HEAP_MB },
    });
    worker.on('message', (message: unknown) => onFailure(readFromCollector(message)));
    // Without a listener a failure there would be an uncaught exception in training.
    worker.on('error', (error) =>
      onFailure(errorInfo(new Error(`there are no more system metrics: ${errorMessage(error)}`))),
    );
    worker.unref();
    return worker;
  }
}

function defaultWorkerUrl(): URL {
  return new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
}
