/**
 * The publisher of an open run: the recorder's calls, and around them the life of the run: health, events, flush, and the
 * several ways in which a process comes to its end.
 */

import { EventEmitter } from 'eventemitter3';
import {
  errorInfo,
  errorMessage,
  Recorder,
  UndeliveredError,
  type BlobStore,
  type CloseOptions,
  type CloseReport,
  type FlushOptions,
  type MetricShapes,
  type MetricsPublisher,
  type PublisherEvents,
  type PublisherHealth,
  type PublisherListener,
  type RecordLog,
  type RunInfo,
  type RunStatus,
  type SinkOutcome,
  type Undelivered,
} from '@runcast/core';
import type { DeliveryEvent, DeliveryHost, SinkSettlement } from '@runcast/delivery';
import { discardEndedLogs, updateManifest, type Lease, type LogWriter, type RunDirectory } from '@runcast/runlog';
import { CONTEXT_FILE_VARIABLE, WANDB_CONTEXT_FILE_VARIABLE } from './context-file.ts';
import { onProcessExit } from './exit-hook.ts';

const DEFAULT_FLUSH_TIMEOUT_MS = 30_000;
/** How long an exiting process waits for its local sinks. */
const EXIT_TIMEOUT_MS = 5_000;
/** Warnings printed by one publisher to whom nobody listens, at most. */
const MAX_WARNINGS = 20;

/** What an open run consists of; every part but the log may be missing: without a sink, and for a member. */
export interface OpenRun {
  readonly info: RunInfo;
  readonly directory: RunDirectory | undefined;
  readonly writer: LogWriter | undefined;
  readonly log: RecordLog;
  readonly blobs: BlobStore;
  /** Undefined where no sink is on. */
  readonly host: DeliveryHost | undefined;
  /** Held by the publisher that owns the run and ends it. */
  readonly lease: Lease | undefined;
  readonly closeTimeoutMs: number;
  readonly keepLog: 'always' | 'until-delivered';
  readonly fsync: 'never' | 'close';
  readonly nowMs: () => number;
}

/** Events, apart from the publisher, since the log and the host exist before it does. */
export class PublisherEmitter {
  readonly emitter: EventEmitter<PublisherEvents> = new EventEmitter<PublisherEvents>();
  readonly #warned = new Set<string>();

  /** A listener that throws is the application's mistake and must not end up in the trainer's call. */
  emit<E extends keyof PublisherEvents>(event: E, ...args: EventEmitter.EventArgs<PublisherEvents, E>): boolean {
    try {
      return this.emitter.emit(event, ...args);
    } catch (error) {
      this.warn(`a listener of ${JSON.stringify(event)} threw: ${String(error)}`);
      return true;
    }
  }

  /** What nobody listens to is printed once, through Node's own warnings: nothing is passed over in silence. */
  warn(message: string): void {
    if (this.#warned.has(message) || this.#warned.size >= MAX_WARNINGS) return;
    this.#warned.add(message);
    process.emitWarning(message, { type: 'RuncastWarning' });
  }

  /** A member has become the one that delivers the run, or has failed to. */
  takeover(failure: unknown): void {
    if (failure === undefined) this.deliveryEvent({ type: 'recovered', sink: 'owner', attempts: 0 });
    else this.deliveryEvent({ type: 'sinkError', sink: 'owner', error: errorInfo(failure), terminal: false });
  }

  deliveryEvent(event: DeliveryEvent): void {
    switch (event.type) {
      case 'sinkError':
        if (!this.emit('sinkError', event))
          this.warn(
            `${event.sink}: ${event.error.message}${event.terminal ? '; it has stopped, the run log keeps what it is owed' : ''}`,
          );
        return;
      case 'retry':
        this.emit('retry', event);
        return;
      case 'recovered':
        this.emit('recovered', event);
        return;
      default:
        event satisfies never;
    }
  }
}

export class RunPublisher<Shapes extends MetricShapes = MetricShapes>
  extends Recorder<Shapes>
  implements MetricsPublisher<Shapes>
{
  readonly run: RunInfo;
  readonly contextFile: string | undefined;
  readonly childEnv: Readonly<Record<string, string>>;
  readonly #open: OpenRun;
  readonly #events: PublisherEmitter;
  readonly #forgetExit: () => void;
  #closing: Promise<CloseReport> | undefined;

  constructor(open: OpenRun, events: PublisherEmitter) {
    super({
      log: open.log,
      blobs: open.blobs,
      nowMs: open.nowMs,
      onRejected: (rejection) => {
        if (!events.emit('rejected', rejection))
          events.warn(
            `${rejection.call}: ${rejection.key === '' ? 'the value' : rejection.key} ${rejection.reason}; it is not recorded`,
          );
      },
    });
    this.run = open.info;
    this.contextFile = open.directory?.contextFile;
    this.childEnv =
      this.contextFile === undefined
        ? {}
        : { [CONTEXT_FILE_VARIABLE]: this.contextFile, [WANDB_CONTEXT_FILE_VARIABLE]: this.contextFile };
    this.#open = open;
    this.#events = events;
    this.#forgetExit =
      open.writer === undefined ? (): void => undefined : onProcessExit((exitCode) => this.#endWithProcess(exitCode));
  }

  on<E extends keyof PublisherEvents>(event: E, listener: PublisherListener<E>): this {
    this.#events.emitter.on(event, listener);
    return this;
  }

  once<E extends keyof PublisherEvents>(event: E, listener: PublisherListener<E>): this {
    this.#events.emitter.once(event, listener);
    return this;
  }

  off<E extends keyof PublisherEvents>(event: E, listener: PublisherListener<E>): this {
    this.#events.emitter.off(event, listener);
    return this;
  }

  health(): PublisherHealth {
    const { host, writer } = this.#open;
    return {
      host: host?.kind ?? 'none',
      hostReason: host === undefined ? 'no sink is on' : host.reason,
      log: {
        records: this.records,
        pendingBytes: writer?.pendingBytes ?? 0,
        dropped: this.dropped,
        lastError: writer?.lastError,
      },
      rejected: this.rejected,
      sinks: host?.health() ?? {},
    };
  }

  async flush(options: FlushOptions = {}): Promise<void> {
    const { timeoutMs = DEFAULT_FLUSH_TIMEOUT_MS, signal } = options;
    signal?.throwIfAborted();
    const { host, writer } = this.#open;
    const undelivered: UndeliveredError[] = [];
    if (writer !== undefined && !writer.drain())
      undelivered.push(
        new UndeliveredError('log', writer.pendingLines, writer.lastError?.message ?? 'the disk takes nothing'),
      );
    if (host !== undefined && this.#closing === undefined) {
      const settlements = await orAborted(host.flush(timeoutMs), signal);
      for (const { sink, owedRecords, reason } of settlements)
        if (reason !== undefined) undelivered.push(new UndeliveredError(sink, owedRecords, reason));
    }
    if (undelivered.length > 0)
      throw new AggregateError(undelivered, undelivered.map(({ message }) => message).join('; '));
  }

  close(options: CloseOptions = {}): Promise<CloseReport> {
    this.#closing ??= this.#close(options.status ?? 'finished', options.timeoutMs ?? this.#open.closeTimeoutMs);
    return this.#closing;
  }

  /** A disposer is not told whether its block failed, so the run's status is not known either. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ status: 'unknown' });
  }

  async #close(status: RunStatus, timeoutMs: number): Promise<CloseReport> {
    const { host, writer, lease, fsync } = this.#open;
    const outcome = this.#recordEnd(status);
    this.end();
    this.#forgetExit();
    const settlements = (await host?.close(outcome, timeoutMs)) ?? [];
    const health = this.health();
    const lost = this.#closeLog(writer, fsync);
    const undelivered = settlements.flatMap((settlement) => this.#undelivered(settlement));
    const complete = undelivered.length === 0 && lost === 0;
    if (health.host !== 'none') this.#settle(complete);
    lease?.release();
    const report: CloseReport = { status, complete, undelivered, health, notices: notices(settlements, lost) };
    this.#announce(report);
    return report;
  }

  #announce(report: CloseReport): void {
    for (const event of report.undelivered) {
      const { sink, records, reason, command } = event;
      const heard = this.#events.emit('undelivered', event);
      if (!heard) this.#events.warn(`${sink} is owed ${records} records (${reason}); deliver them with: ${command}`);
    }
    for (const notice of report.notices) this.#events.warn(notice);
    this.#events.emit('closed', report);
  }

  /** Notes in the run directory whether all is delivered, and deletes the log where it is and is not to be kept. */
  #settle(complete: boolean): void {
    const { directory, keepLog } = this.#open;
    if (directory === undefined) return;
    try {
      updateManifest(directory, [], complete);
      if (complete && keepLog === 'until-delivered') discardEndedLogs(directory);
    } catch (error) {
      this.#events.warn(`the run directory ${directory.path} could not be tidied up: ${errorMessage(error)}`);
    }
  }

  #recordEnd(status: RunStatus): SinkOutcome {
    const final = this.#open.lease !== undefined;
    this.record({ kind: 'close', status, final });
    this.#open.writer?.drain();
    return { status, final };
  }

  /** Returns how many records are lost with the log, because its disk still takes nothing. */
  #closeLog(writer: LogWriter | undefined, fsync: 'never' | 'close'): number {
    if (writer === undefined) return 0;
    try {
      if (fsync === 'close') writer.sync();
    } catch (error) {
      this.#events.warn(`the run log could not be forced to the disk: ${String(error)}`);
    }
    return writer.close() + this.dropped;
  }

  #undelivered({ sink, owedRecords, reason }: SinkSettlement): readonly Undelivered[] {
    if (reason === undefined) return [];
    const path = this.#open.directory?.path ?? '';
    return [
      {
        sink,
        records: owedRecords,
        reason,
        command: `npx runcast sync ${/^[\w./-]+$/u.test(path) ? path : JSON.stringify(path)} --to ${sink}`,
      },
    ];
  }

  /** The process ends without close: the log is completed, and local sinks with it. Later calls still reach the log. */
  #endWithProcess(exitCode: number): void {
    if (this.#closing !== undefined) {
      // Ended in the middle of close: its records are in the log already, the local sinks get what is left.
      this.#open.writer?.drain();
      this.#open.host?.endNow({ status: 'unknown', final: this.#open.lease !== undefined }, EXIT_TIMEOUT_MS);
      return;
    }
    const outcome = this.#recordEnd(exitCode === 0 ? 'unknown' : 'failed');
    this.#open.host?.endNow(outcome, EXIT_TIMEOUT_MS);
  }
}

/** What a user would otherwise find out by an empty chart. */
function notices(settlements: readonly SinkSettlement[], lost: number): readonly string[] {
  const empty = settlements
    .filter(({ deliveredSteps, skippedSteps }) => deliveredSteps === 0 && skippedSteps > 0)
    .map(
      ({ sink, skippedSteps }) =>
        `${sink} got none of the run's ${skippedSteps} steps: its LOG_EVERY_N_STEPS is greater than that`,
    );
  return lost === 0
    ? empty
    : [`${lost} records are lost: the disk took nothing for longer than memory lasted`, ...empty];
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
