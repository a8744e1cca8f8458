/**
 * Samples the machine into a log of its own: a log has one writer, and the trainer's loop, which may never yield, writes the
 * other. To those who deliver the run it is one more process that has joined it.
 */

import { Recorder, type ErrorInfo, type OpenRecord, type RecordBody, type ScalarMap } from '@runcast/core';
import { LogWriter, nullBlobStore, type RunDirectory } from '@runcast/runlog';
import { machineMetrics } from './machine-metrics.ts';
import type { MachineReading } from './machine-reading.ts';

/** Records that memory holds while the disk takes nothing, in bytes: hours of them. */
const MAX_PENDING_BYTES = 1024 * 1024;
/** Over less time than this, processor time says nothing. */
const MIN_SPAN_MS = 50;

export interface SystemCollectorOptions {
  readonly directory: RunDirectory;
  /** The log's first record. */
  readonly open: RecordBody<OpenRecord>;
  /** From one record to the next, in milliseconds. */
  readonly intervalMs: number;
  /** Must not throw. */
  readonly readMachine: () => MachineReading;
  /** Must not reject. */
  readonly readGpus: (signal: AbortSignal) => Promise<ScalarMap>;
  /** Told of what went wrong, once for each time that it goes wrong. */
  readonly onFailure: (error: ErrorInfo) => void;
  readonly nowMs: () => number;
  /** Calls back once after `delayMs`. Returns what cancels it. */
  readonly schedule: (callback: () => void, delayMs: number) => () => void;
}

export class SystemCollector {
  readonly #options: SystemCollectorOptions;
  readonly #log: LogWriter;
  readonly #recorder: Recorder;
  readonly #first: MachineReading;
  readonly #ending = new AbortController();
  #before: MachineReading;
  #cancel: () => void;

  /** Begins to collect. Throws the system's error where the log cannot be made. */
  constructor(options: SystemCollectorOptions) {
    const { directory, open, nowMs, onFailure } = options;
    this.#options = options;
    this.#log = new LogWriter({
      logDirectory: directory.logDirectory,
      writer: open.writer,
      onFailure,
      onRecovery: ignore,
      maxPendingBytes: MAX_PENDING_BYTES,
    });
    this.#recorder = new Recorder({
      log: this.#log,
      blobs: nullBlobStore,
      nowMs,
      // Of the calls that check what a trainer gives them, none is made.
      onRejected: ignore,
    });
    this.#recorder.record(open);
    this.#first = options.readMachine();
    this.#before = this.#first;
    this.#cancel = this.#schedule();
  }

  /** Records what has been used since the last sample, and closes the log. Idempotent, never throws. */
  end(): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.#cancel();
    const now = this.#options.readMachine();
    if (now.atMs - this.#before.atMs >= MIN_SPAN_MS) this.#record(now, {});
    this.#recorder.record({ kind: 'close', status: 'finished', final: false });
    this.#log.close();
  }

  #schedule(): () => void {
    return this.#options.schedule(() => void this.#sample(), this.#options.intervalMs);
  }

  async #sample(): Promise<void> {
    // Asked first, since it takes long: all figures of a record are of one moment, about.
    const gpus = await this.#options.readGpus(this.#ending.signal);
    if (this.#ending.signal.aborted) return;
    this.#record(this.#options.readMachine(), gpus);
    this.#cancel = this.#schedule();
  }

  #record(now: MachineReading, gpus: ScalarMap): void {
    this.#recorder.record({ kind: 'system', metrics: { ...machineMetrics(this.#first, this.#before, now), ...gpus } });
    this.#before = now;
  }
}

function ignore(): void {}
