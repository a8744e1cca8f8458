/**
 * One sink's delivery: reads the logs from the sink's cursor, hands it batches in order with one call in flight, and owns
 * everything that can go wrong in between. It works step by step and synchronously as far as the sink does, so that the same
 * code runs in a loop, in a worker, and in the last moments of a process.
 */

import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  errorInfo,
  PositionLostError,
  RecordsRefusedError,
  RetryableSinkError,
  TerminalSinkError,
  type ErrorInfo,
  type RecordBatch,
  type RecordKind,
  type RecordRefusal,
  type RunRecord,
  type Sink,
  type SinkHealth,
  type SinkOutcome,
  type SinkState,
} from '@runcast/core';
import type { LogChunk, LogPosition, ReadLimits, RunDirectory, RunLogs } from '@runcast/runlog';
import { backoffMs } from './backoff.ts';
import { CursorStore, deliveredPosition, EMPTY_CURSOR, type Cursor } from './cursor-store.ts';
import type { DeadLetter, DeliveryEvent, SinkSettlement } from './delivery-event.ts';
import type { Scheduler } from './scheduler.ts';
import { writersInTurn } from './writer-order.ts';

/** How much of a log one batch covers at most. Larger ones deliver no faster and hold more memory. */
const MAX_BATCH_BYTES = 320 * 1024;

export interface SinkDeliveryOptions {
  readonly sink: Sink;
  readonly directory: RunDirectory;
  readonly logs: RunLogs;
  readonly scheduler: Scheduler;
  readonly onEvent: (event: DeliveryEvent) => void;
}

/**
 * What a step came to: `delivered` and more may be there, `idle` for want of records, `waiting` for the next attempt after a
 * failure, or `stopped` for good.
 */
export type Progress = 'delivered' | 'idle' | 'waiting' | 'stopped';

interface PendingBatch {
  readonly batch: RecordBatch;
  readonly next: LogPosition;
}

export class SinkDelivery {
  readonly #sink: Sink;
  readonly #directory: RunDirectory;
  readonly #logs: RunLogs;
  readonly #scheduler: Scheduler;
  readonly #onEvent: (event: DeliveryEvent) => void;
  readonly #store: CursorStore;
  readonly #kinds: ReadonlySet<RecordKind>;
  readonly #everyNSteps: number;
  #cursor: Cursor = EMPTY_CURSOR;
  #pending: PendingBatch | undefined;
  /** What the backend says it still has, until the cursor has gone back to it. */
  #held: ReadonlyMap<string, number> | undefined;
  /** The cursor has moved since it was stored. */
  #unstored = false;
  #state: SinkState = 'starting';
  #attempts = 0;
  #retryAtMs = -Infinity;
  #delivered = 0;
  #deliveredSteps = 0;
  #skippedKinds = 0;
  #skippedSteps = 0;
  #refused = 0;
  #retries = 0;
  #lastError: ErrorInfo | undefined;
  #inFlight: Promise<unknown> | undefined;

  constructor(options: SinkDeliveryOptions) {
    this.#sink = options.sink;
    this.#directory = options.directory;
    this.#logs = options.logs;
    this.#scheduler = options.scheduler;
    this.#onEvent = options.onEvent;
    this.#store = new CursorStore(options.directory, options.sink.name);
    this.#kinds = new Set(options.sink.traits.kinds);
    this.#everyNSteps = options.sink.logEveryNSteps ?? 1;
  }

  get name(): string {
    return this.#sink.name;
  }

  get isLocal(): boolean {
    return this.#sink.traits.locality === 'local';
  }

  get state(): SinkState {
    return this.#state;
  }

  /** Why the sink is asked again, or is not any more; undefined while it takes what it is given. */
  get trouble(): string | undefined {
    return this.#state === 'retrying' || this.#state === 'stopped' ? this.#lastError?.message : undefined;
  }

  /** When the next attempt is due, in Unix milliseconds; in the past where none is waited for. */
  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  /** Opens the sink where its cursor stands. Throws what the sink throws. */
  async open(): Promise<void> {
    this.#cursor = this.#locate(this.#store.read());
    try {
      await this.#openSink();
    } catch (error) {
      if (!(error instanceof PositionLostError)) throw error;
      this.#onEvent({ type: 'sinkError', sink: this.name, error: errorInfo(error), terminal: false });
      this.#cursor = EMPTY_CURSOR;
      this.#store.remove();
      await this.#openSink();
    }
    this.#state = 'delivering';
  }

  /** Delivers the next batch. Returns at once where the sink does; never throws or rejects. */
  advance(): Progress | Promise<Progress> {
    if (this.#hasEnded()) return 'stopped';
    if (this.#inFlight !== undefined) return this.#inFlight.then(() => 'waiting');
    if (this.#scheduler.nowMs() < this.#retryAtMs) return 'waiting';
    try {
      if (this.#held !== undefined) this.#goBack(this.#held);
      this.#pending ??= this.#nextBatch();
      // Others read the stored cursor: a member that flushes, a command that lists what is owed.
      if (this.#pending === undefined && this.#unstored) {
        this.#storeCursor();
        this.#recovered();
      }
    } catch (error) {
      return this.#postponed(error);
    }
    return this.#pending === undefined ? 'idle' : this.#deliver(this.#pending);
  }

  /** Try again now, whatever the backoff says. */
  retryNow(): void {
    this.#retryAtMs = -Infinity;
  }

  /** True where everything up to `target` has been read and handed over. */
  hasDelivered(target: ReadonlyMap<string, number>): boolean {
    return (
      this.#held === undefined &&
      [...target].every(([writer, seq]) => deliveredPosition(this.#cursor, writer).seq >= seq)
    );
  }

  /**
   * Makes what was delivered durable and stores the cursor. Returns why that failed, or undefined. A sink's own calls never
   * overlap: it waits for the one in flight.
   */
  async flush(): Promise<string | undefined> {
    const problem = await this.#exclusive(() => {
      const flushing = this.#sink.flush();
      if (flushing !== undefined) return flushing.then(() => this.#storeCursor());
      this.#storeCursor();
      return undefined;
    });
    return problem?.message;
  }

  /** A heartbeat for a sink that is idle; one that is busy shows by that that it lives. */
  async tick(): Promise<void> {
    if (this.#sink.tick === undefined || this.#state !== 'delivering' || this.#isBusy()) return;
    const now = this.#scheduler.nowMs();
    const problem = await this.#exclusive(() => this.#sink.tick?.(now));
    if (problem !== undefined && !this.#hasEnded())
      this.#onEvent({ type: 'sinkError', sink: this.name, error: problem, terminal: false });
  }

  /** Ends with the sink, whatever becomes of its cursor. Returns why that failed, or undefined. */
  async close(outcome: SinkOutcome): Promise<string | undefined> {
    while (this.#inFlight !== undefined) await this.#inFlight;
    // A sink that was never opened has no cursor to store, and what is on the disk may be worth more.
    const unstored = this.#state === 'starting' ? undefined : this.#cursorProblem();
    const problem = await this.#exclusive(() => {
      this.#state = 'closed';
      return this.#sink.close(outcome);
    });
    return (problem ?? unstored)?.message;
  }

  /**
   * The same within one call, for a process that is ending: delivers, flushes and closes as far as the sink works
   * synchronously. What it cannot finish stays owed, in the log.
   */
  endNow(outcome: SinkOutcome): void {
    if (this.#isBusy() || this.#state === 'closed') return;
    this.retryNow();
    for (let progress = this.advance(); progress === 'delivered'; progress = this.advance());
    // Of a sink that works synchronously both are over when they return.
    void this.flush();
    void this.close(outcome);
  }

  /** Bytes of the logs that have not been handed over. */
  lagBytes(): number {
    return this.#logs.bytesAfter((writer) => deliveredPosition(this.#cursor, writer));
  }

  settlement(reason: string | undefined): SinkSettlement {
    return {
      sink: this.name,
      owedRecords: this.#owedRecords(),
      skippedSteps: this.#skippedSteps,
      deliveredSteps: this.#deliveredSteps,
      reason,
    };
  }

  health(): SinkHealth {
    const lagBytes = this.lagBytes();
    return {
      state: this.#state,
      delivered: this.#delivered,
      skippedKinds: this.#skippedKinds,
      skippedSteps: this.#skippedSteps,
      refused: this.#refused,
      lagRecords: lagBytes === 0 ? 0 : this.#owedRecords(),
      lagBytes,
      retries: this.#retries,
      lastError: this.#lastError,
    };
  }

  #openSink(): void | Promise<void> {
    return this.#sink.open?.({
      runId: this.#directory.runId,
      runDirectory: this.#directory.path,
      position: this.#cursor.position,
    });
  }

  /** Offsets are hints: they are checked against the logs once, here. */
  #locate(cursor: Cursor): Cursor {
    const known = new Set(this.#logs.writers);
    const delivered = [...cursor.delivered].map(([writer, position]): [string, LogPosition] => [
      writer,
      known.has(writer) ? this.#logs.reader(writer).locate(position) : position,
    ]);
    return { ...cursor, delivered: new Map(delivered) };
  }

  /** The batch that failed is made anew: its place in the log may now be a later one. */
  #goBack(held: ReadonlyMap<string, number>): void {
    const delivered = [...this.#cursor.delivered].map(([writer, position]): [string, LogPosition] => [
      writer,
      { ...position, seq: Math.min(position.seq, held.get(writer) ?? Infinity) },
    ]);
    const position = this.#sink.position?.();
    this.#cursor = this.#locate({ delivered: new Map(delivered), position, intent: undefined });
    this.#pending = undefined;
    this.#held = undefined;
    this.#unstored = true;
  }

  #owedRecords(): number {
    return this.#logs.recordsAfter((writer) => deliveredPosition(this.#cursor, writer));
  }

  /** The next records of the writer whose turn it is, or those that an intent from before a crash names. */
  #nextBatch(): PendingBatch | undefined {
    const { intent } = this.#cursor;
    if (intent !== undefined && this.#logs.writers.includes(intent.writer)) {
      const from = deliveredPosition(this.#cursor, intent.writer);
      const repeated = this.#read(intent.writer, {
        maxBytes: Math.max(1, intent.next.offset - from.offset),
        throughSeq: intent.next.seq,
      });
      if (repeated !== undefined) return repeated;
    }
    for (const writer of writersInTurn(this.#logs, (name) => deliveredPosition(this.#cursor, name))) {
      const batch = this.#read(writer, { maxBytes: MAX_BATCH_BYTES });
      if (batch !== undefined) return batch;
    }
    return undefined;
  }

  #read(writer: string, limits: ReadLimits): PendingBatch | undefined {
    const from = deliveredPosition(this.#cursor, writer);
    const chunk = this.#logs.reader(writer).read(from, limits);
    if (chunk.next.offset === from.offset) return undefined;
    this.#setCorruptLinesAside(writer, chunk);
    const records = chunk.records.filter((record) => this.#takes(record));
    return { batch: { writer, from: from.seq + 1, to: chunk.next.seq, records }, next: chunk.next };
  }

  #takes(record: RunRecord): boolean {
    if (!this.#kinds.has(record.kind)) {
      this.#skippedKinds += 1;
      return false;
    }
    if (record.kind === 'step' && record.n % this.#everyNSteps !== 0) {
      this.#skippedSteps += 1;
      return false;
    }
    return true;
  }

  #deliver(pending: PendingBatch): Progress | Promise<Progress> {
    const { batch, next } = pending;
    try {
      if (batch.records.length === 0) return this.#succeeded(pending);
      this.#store.write({ ...this.#cursor, intent: { writer: batch.writer, next } });
      const writing = this.#sink.write(batch);
      if (writing === undefined) return this.#succeeded(pending);
      return this.#track(
        writing.then(() => this.#succeeded(pending)).catch((error: unknown) => this.#failed(pending, error)),
      );
    } catch (error) {
      return this.#failed(pending, error);
    }
  }

  #succeeded({ batch, next }: PendingBatch): Progress {
    const position = batch.records.length === 0 ? this.#cursor.position : this.#sink.position?.();
    this.#cursor = { delivered: new Map(this.#cursor.delivered).set(batch.writer, next), position, intent: undefined };
    this.#pending = undefined;
    this.#unstored = true;
    this.#delivered += batch.records.length;
    this.#deliveredSteps += batch.records.reduce((count, record) => count + (record.kind === 'step' ? 1 : 0), 0);
    this.#recovered();
    return 'delivered';
  }

  #recovered(): void {
    if (this.#attempts > 0) this.#onEvent({ type: 'recovered', sink: this.name, attempts: this.#attempts });
    this.#attempts = 0;
    this.#state = 'delivering';
  }

  #failed(pending: PendingBatch, error: unknown): Progress {
    if (!(error instanceof RecordsRefusedError)) return this.#postponed(error);
    try {
      return this.#setRecordsAside(pending, error.refusals) ? 'delivered' : this.#postponed(error);
    } catch (diskError) {
      // Without its dead letter no record is given up.
      return this.#postponed(diskError);
    }
  }

  #postponed(error: unknown): Progress {
    const info = this.#noted(error);
    if (this.#hasEnded()) return 'stopped';
    this.#attempts += 1;
    this.#retries += 1;
    this.#state = 'retrying';
    const asked = error instanceof RetryableSinkError ? error.retryAfterMs : undefined;
    const delayMs = backoffMs(this.#attempts, this.#scheduler.random(), asked);
    this.#retryAtMs = this.#scheduler.nowMs() + delayMs;
    if (this.#attempts === 1) this.#onEvent({ type: 'sinkError', sink: this.name, error: info, terminal: false });
    this.#onEvent({ type: 'retry', sink: this.name, attempt: this.#attempts, delayMs, error: info });
    return 'waiting';
  }

  /** Remembers a failure, and stops a sink that says it will never take anything more. */
  #noted(error: unknown): ErrorInfo {
    const info = errorInfo(error);
    this.#lastError = info;
    const lost = error instanceof PositionLostError;
    if (lost) this.#held = error.held;
    // What is lost in the middle and not said is found again by nobody; opened anew, the sink starts from the log's beginning.
    const isFinal = error instanceof TerminalSinkError || (lost && error.held === undefined);
    if (isFinal && !this.#hasEnded()) {
      this.#state = 'stopped';
      this.#onEvent({ type: 'sinkError', sink: this.name, error: info, terminal: true });
    }
    return info;
  }

  /** Takes refused records out of the pending batch. False where none of them is in it: asking again would change nothing. */
  #setRecordsAside({ batch, next }: PendingBatch, refusals: readonly RecordRefusal[]): boolean {
    const reasons = new Map(refusals.map(({ seq, reason }) => [seq, reason]));
    const letters = batch.records.flatMap((record): readonly DeadLetter[] => {
      const reason = reasons.get(record.seq);
      if (reason === undefined) return [];
      return [{ writer: batch.writer, seq: record.seq, reason, record: JSON.stringify(record) }];
    });
    if (letters.length === 0) return false;
    this.#writeDeadLetters(letters);
    this.#pending = { batch: { ...batch, records: batch.records.filter((record) => !reasons.has(record.seq)) }, next };
    return true;
  }

  #setCorruptLinesAside(writer: string, chunk: LogChunk): void {
    this.#writeDeadLetters(
      chunk.corrupt.map(({ offset, problem }) => ({
        writer,
        offset,
        reason: `the line at byte ${offset} of the log ${problem}`,
      })),
    );
  }

  #writeDeadLetters(letters: readonly DeadLetter[]): void {
    const [first] = letters;
    if (first === undefined) return;
    mkdirSync(this.#directory.deadLetterDirectory, { recursive: true });
    const lines = letters.map((letter) => `${JSON.stringify(letter)}\n`).join('');
    appendFileSync(join(this.#directory.deadLetterDirectory, `${this.name}.jsonl`), lines);
    this.#refused += letters.length;
    const message = `${letters.length} records set aside in dead-letters/${this.name}.jsonl, the first because: ${first.reason}`;
    this.#lastError = { message, code: 'RUNCAST_RECORDS_REFUSED' };
    this.#onEvent({ type: 'sinkError', sink: this.name, error: this.#lastError, terminal: false });
  }

  #storeCursor(): void {
    this.#store.write(
      this.#pending === undefined
        ? this.#cursor
        : { ...this.#cursor, intent: { writer: this.#pending.batch.writer, next: this.#pending.next } },
    );
    this.#unstored = false;
  }

  /**
   * Makes one call to the sink when no other is in flight. Where none is, and the sink works synchronously, it is over
   * when this returns. Resolves to why it failed, or undefined.
   */
  async #exclusive(call: () => void | Promise<void>): Promise<ErrorInfo | undefined> {
    while (this.#inFlight !== undefined) await this.#inFlight;
    if (this.#state === 'closed') return { message: 'the sink is closed', code: 'RUNCAST_SINK_CLOSED' };
    let calling: void | Promise<void>;
    try {
      calling = call();
    } catch (error) {
      return this.#noted(error);
    }
    if (calling === undefined) return undefined;
    return this.#track(
      calling.then(
        () => undefined,
        (error: unknown) => this.#noted(error),
      ),
    );
  }

  #cursorProblem(): ErrorInfo | undefined {
    try {
      this.#storeCursor();
      return undefined;
    } catch (error) {
      return this.#noted(error);
    }
  }

  #hasEnded(): boolean {
    return this.#state === 'stopped' || this.#state === 'closed';
  }

  #isBusy(): boolean {
    return this.#inFlight !== undefined;
  }

  /** Marks a call that never rejects as the one in flight. */
  #track<T>(settled: Promise<T>): Promise<T> {
    const tracked = settled.finally(() => {
      this.#inFlight = undefined;
    });
    this.#inFlight = tracked;
    return tracked;
  }
}
