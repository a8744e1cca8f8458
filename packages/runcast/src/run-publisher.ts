/**
 * The publisher of an open run: the recorder's calls, and around them the life of the run: health, events, flush, and the
 * several ways in which a process comes to its end.
 */

import { setTimeout as delay } from 'node:timers/promises';
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
  type SinkNotice,
  type SinkOutcome,
  type Undelivered,
} from '@runcast/core';
import {
  lagRecords,
  removeDeliveredLogs,
  type DeliveryEvent,
  type DeliveryHost,
  type SinkSettlement,
} from '@runcast/delivery';
import { updateManifest, type Lease, type LogWriter, type RunDirectory } from '@runcast/runlog';
import { CONTEXT_FILE_VARIABLE, WANDB_CONTEXT_FILE_VARIABLE } from './context-file.ts';
import { onProcessExit } from './exit-hook.ts';
import type { OwnerMonitor } from './owner-monitor.ts';

const DEFAULT_FLUSH_TIMEOUT_MS = 30_000;
/** How long an exiting process waits for its local sinks. */
const EXIT_TIMEOUT_MS = 5_000;
/** How often a log that its disk takes nothing of is tried again while closing waits for it. */
const LOG_RETRY_MS = 50;
/** Warnings printed by one publisher to whom nobody listens, at most. */
const MAX_WARNINGS = 20;
/** Longest wait in milliseconds, a day: longer ones overflow the timers. */
const MAX_TIMEOUT_MS = 86_400_000;

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
  /** Undefined where no system metrics are wanted. */
  readonly monitor: OwnerMonitor | undefined;
  readonly closeTimeoutMs: number;
  readonly keepLog: 'always' | 'until-delivered';
  readonly fsync: 'never' | 'close';
  readonly nowMs: () => number;
}

/** Events, apart from the publisher, since the log and the host exist before it does. */
export class PublisherEmitter {
  readonly emitter: EventEmitter<PublisherEvents> = new EventEmitter<PublisherEvents>();
  readonly #warned = new Set<string>();
  #runUrl: string | undefined;

  /** Where the run can be seen, once a sink has said so. */
  get runUrl(): string | undefined {
    return this.#runUrl;
  }

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
      case 'sinkNotice':
        this.#sinkNotice(event.sink, event.notice);
        return;
      default:
        event satisfies never;
    }
  }

  #sinkNotice(sink: string, notice: SinkNotice): void {
    switch (notice.type) {
      case 'runUrl':
        this.#runUrl ??= notice.url;
        if (!this.emit('runUrl', { sink, url: notice.url })) this.warn(`${sink}: the run is at ${notice.url}`);
        return;
      case 'stopRequested':
        if (!this.emit('stopRequested', { sink }))
          this.warn(`${sink}: somebody asks that the run stop; listen to "stopRequested" to do so`);
        return;
      case 'notice':
        if (!this.emit('notice', { sink, message: notice.message })) this.warn(`${sink}: ${notice.message}`);
        return;
      default:
        notice satisfies never;
    }
  }
}

export class RunPublisher<Shapes extends MetricShapes = MetricShapes>
  extends Recorder<Shapes>
  implements MetricsPublisher<Shapes>
{
  readonly contextFile: string | undefined;
  readonly childEnv: Readonly<Record<string, string>>;
  readonly #open: OpenRun;
  readonly #events: PublisherEmitter;
  readonly #forgetExit: () => void;
  #outcome: SinkOutcome | undefined;
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

  get run(): RunInfo {
    return { ...this.#open.info, url: this.#events.runUrl ?? this.#open.info.url };
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
    if (this.#closing !== undefined) {
      const { undelivered } = await orAborted(this.#closing, signal);
      return throwUndelivered(undelivered.map((owed) => new UndeliveredError(owed.sink, owed.records, owed.reason)));
    }
    const { host, writer } = this.#open;
    const undelivered: UndeliveredError[] = [];
    if (writer !== undefined && !writer.drain())
      undelivered.push(
        new UndeliveredError('log', writer.pendingLines, writer.lastError?.message ?? 'the disk takes nothing'),
      );
    if (host !== undefined) {
      const settlements = await orAborted(host.flush(boundedMs(timeoutMs)), signal);
      for (const { sink, owedRecords, reason } of settlements)
        if (reason !== undefined) undelivered.push(new UndeliveredError(sink, owedRecords, reason));
    }
    throwUndelivered(undelivered);
  }

  close(options: CloseOptions = {}): Promise<CloseReport> {
    this.#closing ??= this.#close(
      options.status ?? 'finished',
      boundedMs(options.timeoutMs ?? this.#open.closeTimeoutMs),
    );
    return this.#closing;
  }

  /** A disposer is not told whether its block failed, so the run's status is not known either. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ status: 'unknown' });
  }

  async #close(status: RunStatus, timeoutMs: number): Promise<CloseReport> {
    const { writer, lease, monitor, fsync } = this.#open;
    // First: what it still records belongs to a run that has not ended.
    const monitorClosed = monitor?.close();
    this.#outcome = this.#recordEnd(status);
    this.end();
    const deadline = this.#open.nowMs() + timeoutMs;
    await this.#awaitLog(deadline);
    const settled = await this.#settle(this.#outcome, Math.max(0, deadline - this.#open.nowMs()));
    this.#forgetExit();
    const health = this.health();
    const pending = writer?.pendingLines ?? 0;
    if (fsync === 'close') this.#attempt('the run log could not be forced to the disk', () => writer?.sync());
    const unwritten = writer?.close() ?? 0;
    const lost = unwritten + this.dropped;
    const settlements = settled.map((settlement) => withLateRecords(settlement, pending - unwritten));
    const undelivered = settlements.flatMap((settlement) => this.#undelivered(settlement));
    const complete = undelivered.length === 0 && lost === 0;
    if (health.host !== 'none') this.#tidy(complete, settlements);
    await monitorClosed;
    lease?.release();
    const report: CloseReport = { status, complete, undelivered, health, notices: notices(settlements, lost) };
    this.#announce(report);
    return report;
  }

  /** Sinks are given what is in the log: one that its disk takes nothing of has first to be written. */
  async #awaitLog(deadline: number): Promise<void> {
    const { writer, nowMs } = this.#open;
    while (writer?.drain() === false && nowMs() < deadline)
      await delay(Math.min(LOG_RETRY_MS, Math.max(0, deadline - nowMs())));
  }

  async #settle(outcome: SinkOutcome, timeoutMs: number): Promise<readonly SinkSettlement[]> {
    const { host } = this.#open;
    if (host === undefined) return [];
    try {
      return await host.close(outcome, timeoutMs);
    } catch (error) {
      // The log itself cannot be read: nobody knows what is owed, only that something may be.
      const reason = errorMessage(error);
      return Object.entries(host.health()).map(([sink, sinkHealth]) => ({
        sink,
        owedRecords: lagRecords(sinkHealth),
        skippedSteps: 0,
        deliveredSteps: 0,
        reason,
      }));
    }
  }

  /** Notes in the run directory whether all is delivered, and removes logs that are and are not to be kept. */
  #tidy(complete: boolean, settlements: readonly SinkSettlement[]): void {
    const { directory, keepLog } = this.#open;
    if (directory === undefined) return;
    this.#attempt('the run directory could not be brought up to date', () => {
      updateManifest(directory, [], complete);
      const sinks = settlements.map(({ sink }) => sink);
      if (complete && keepLog === 'until-delivered') removeDeliveredLogs(directory, sinks);
    });
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

  #recordEnd(status: RunStatus): SinkOutcome {
    const final = this.#open.lease !== undefined;
    this.record({ kind: 'close', status, final });
    this.#open.writer?.drain();
    return { status, final };
  }

  /** What goes wrong while ending is said, and keeps nothing else from ending. */
  #attempt(failing: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#events.warn(`${failing}: ${errorMessage(error)}`);
    }
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

  /**
   * The process ends without close, or in the middle of it: the log is completed, and local sinks with it. Later calls still
   * reach the log.
   */
  #endWithProcess(exitCode: number): void {
    this.#open.monitor?.end();
    this.#outcome ??= this.#recordEnd(exitCode === 0 ? 'unknown' : 'failed');
    this.#open.writer?.drain();
    this.#open.host?.endNow(this.#outcome, EXIT_TIMEOUT_MS);
  }
}

/** Records that the log took only when it was closed: no sink was asked to take them. */
function withLateRecords(settlement: SinkSettlement, late: number): SinkSettlement {
  if (late === 0) return settlement;
  const reason = settlement.reason ?? 'the log could not be written before';
  return { ...settlement, owedRecords: settlement.owedRecords + late, reason };
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

function throwUndelivered(errors: readonly UndeliveredError[]): void {
  if (errors.length > 0) throw new AggregateError(errors, errors.map(({ message }) => message).join('; '));
}

function boundedMs(timeoutMs: number): number {
  return Math.min(Math.max(timeoutMs || 0, 0), MAX_TIMEOUT_MS);
}
