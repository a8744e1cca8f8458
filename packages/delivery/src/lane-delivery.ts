/**
 * One lane of a sink: reads the logs from the lane's cursor, hands over batches in order with one call in flight, and owns
 * everything that can go wrong in between. It works step by step and synchronously as far as the sink does, so that the same
 * code runs in a loop, in a worker, and in the last moments of a process.
 */

import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  errorInfo,
  PositionLostError,
  RecordsRefusedError,
  RetryableSinkError,
  TerminalSinkError,
  type ErrorInfo,
  type JsonValue,
  type LaneHealth,
  type LoggedLines,
  type RecordBatch,
  type RecordKind,
  type RecordRefusal,
  type RunRecord,
  type Sink,
  type SinkState,
} from '@runcast/core';
import type { LogChunk, LogPosition, ReadLimits, RunDirectory, RunLogs } from '@runcast/runlog';
import { backoffMs } from './backoff.ts';
import { CursorStore, deliveredPosition, EMPTY_CURSOR, type Cursor, type Intent } from './cursor-store.ts';
import type { DeadLetter, DeliveryEvent } from './delivery-event.ts';
import type { Scheduler } from './scheduler.ts';
import type { LaneName, SinkCalls } from './sink-calls.ts';
import { cursorName } from './stored-positions.ts';
import { writersInTurn } from './writer-order.ts';

/**
 * How much of a log one batch covers at most. Larger ones go to this machine's own disk no faster, and hold more memory; to a
 * backend elsewhere each is a round trip.
 */
const MAX_BATCH_BYTES = { local: 96 * 1024, remote: 192 * 1024 } as const;

/** With a smaller backlog than this the next batch waits for a poll, so that a trickle is not one cursor write a record. */
const BACKLOG_BYTES = 64 * 1024;
/**
 * How long the stored cursor of a sink that is cut back to it may be behind. Its batches need no intent: whatever lies
 * behind the cursor is cut off and delivered again.
 */
const STORE_INTERVAL_MS = 200;

export interface LaneDeliveryOptions {
  readonly sink: Sink;
  readonly lane: LaneName;
  /** Shared with the sink's other lane. */
  readonly calls: SinkCalls;
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
  readonly batch: Required<RecordBatch>;
  readonly next: LogPosition;
}

/** What a lane asks of its sink. */
interface LaneCalls {
  readonly kinds: readonly RecordKind[];
  write(batch: RecordBatch): void | Promise<void>;
  position?(): JsonValue;
  pauseMs?(behind: boolean): number;
}

export class LaneDelivery {
  readonly #sink: Sink;
  readonly #lane: LaneName;
  readonly #asks: LaneCalls;
  readonly #calls: SinkCalls;
  readonly #directory: RunDirectory;
  readonly #logs: RunLogs;
  readonly #scheduler: Scheduler;
  readonly #onEvent: (event: DeliveryEvent) => void;
  readonly #store: CursorStore;
  readonly #kinds: ReadonlySet<RecordKind>;
  readonly #uploadKinds: ReadonlySet<RecordKind>;
  readonly #everyNSteps: number;
  #cursor: Cursor = EMPTY_CURSOR;
  #pending: PendingBatch | undefined;
  /** What the backend says it still has, until the cursor has gone back to it. */
  #held: ReadonlyMap<string, number> | undefined;
  /** A backend on this machine is cut back to the position that it is opened at; any other is told the same batch again. */
  readonly #isCutBack: boolean;
  /** The cursor has moved since it was stored. */
  #unstored = false;
  #storedAtMs = -Infinity;
  #state: SinkState = 'starting';
  #attempts = 0;
  #retryAtMs = -Infinity;
  /** Until when the backend has asked to be left alone, in Unix milliseconds. */
  #askedUntilMs = -Infinity;
  /** Until then the backend is left alone. */
  #restUntilMs = -Infinity;
  #delivered = 0;
  #deliveredSteps = 0;
  #skippedKinds = 0;
  #skippedSteps = 0;
  #refused = 0;
  #retries = 0;
  #lastError: ErrorInfo | undefined;

  /** @param asks The sink itself, or its uploads. */
  constructor(options: LaneDeliveryOptions, asks: LaneCalls) {
    const { sink, lane } = options;
    this.#sink = sink;
    this.#lane = lane;
    this.#asks = asks;
    this.#calls = options.calls;
    this.#directory = options.directory;
    this.#logs = options.logs;
    this.#scheduler = options.scheduler;
    this.#onEvent = options.onEvent;
    this.#store = new CursorStore(options.directory, cursorName(sink.name, lane));
    this.#kinds = new Set(asks.kinds);
    this.#uploadKinds = new Set(sink.uploads?.kinds);
    this.#everyNSteps = sink.logEveryNSteps ?? 1;
    this.#isCutBack = sink.traits.locality === 'local' && asks.position !== undefined;
  }

  get state(): SinkState {
    return this.#state;
  }

  /** Why the sink is asked again, or is not any more; undefined while it takes what it is given. */
  get trouble(): string | undefined {
    return this.#state === 'retrying' || this.#state === 'stopped' ? this.#lastError?.message : undefined;
  }

  /** The position to open the sink at. */
  get position(): JsonValue | undefined {
    return this.#cursor.position;
  }

  get deliveredSteps(): number {
    return this.#deliveredSteps;
  }

  get skippedSteps(): number {
    return this.#skippedSteps;
  }

  get skippedKinds(): number {
    return this.#skippedKinds;
  }

  /** When the next attempt is due, in Unix milliseconds; in the past where none is waited for. */
  get retryAtMs(): number {
    return Math.max(this.#retryAtMs, this.#restUntilMs);
  }

  /** Reads the stored cursor. Throws the system's error. */
  load(): void {
    this.#cursor = this.#locate(this.#store.read());
  }

  /** True where the lane has a cursor from before. */
  isStored(): boolean {
    return existsSync(this.#store.path);
  }

  /** Forgets the cursor: what the sink had is lost. */
  forget(): void {
    this.#cursor = EMPTY_CURSOR;
    this.#store.remove();
  }

  /** The sink has been opened. */
  begin(): void {
    this.#state = 'delivering';
  }

  /** The sink is being closed. */
  end(): void {
    this.#state = 'closed';
  }

  /** Delivers the next batch. Returns at once where the sink does; never throws or rejects. */
  advance(): Progress | Promise<Progress> {
    if (this.#hasEnded()) return 'stopped';
    const other = this.#calls.blocking(this.#lane);
    if (other !== undefined) return other.then(() => 'waiting');
    const nowMs = this.#scheduler.nowMs();
    if (nowMs < this.#retryAtMs) return 'waiting';
    const isResting = nowMs < this.#restUntilMs;
    try {
      if (!isResting) {
        if (this.#held !== undefined) this.#goBack(this.#held);
        this.#pending ??= this.#nextBatch();
      }
      // Others read the stored cursor: a member that flushes, a command that lists what is owed, and whoever goes on after a crash.
      if (this.#pending === undefined && this.#unstored && this.#isStoringDue()) {
        this.storeCursor();
        this.#recovered();
      }
    } catch (error) {
      return this.#postponed(error);
    }
    if (isResting) return 'waiting';
    return this.#pending === undefined ? 'idle' : this.#deliver(this.#pending);
  }

  /** Try again now, whatever the backoff says, but not before the time that the backend asked for. */
  retryNow(): void {
    this.#retryAtMs = this.#askedUntilMs;
    this.#restUntilMs = -Infinity;
  }

  /** True where the lane takes nothing until then, Unix milliseconds: it has stopped, or its backend has asked for that. */
  isOut(untilMs: number): boolean {
    return this.#state === 'stopped' || (this.#state === 'retrying' && this.#askedUntilMs > untilMs);
  }

  /** Leaves the backend alone no longer. Returns whether it did. */
  hurry(): boolean {
    const rested = this.#restUntilMs > this.#scheduler.nowMs();
    this.#restUntilMs = -Infinity;
    return rested;
  }

  /** True where everything up to `target` has been read and handed over. */
  hasDelivered(target: ReadonlyMap<string, number>): boolean {
    return this.#held === undefined && [...target].every(([writer, seq]) => this.deliveredPosition(writer).seq >= seq);
  }

  /** How far the lane has come in a writer's log. */
  deliveredPosition(writer: string): LogPosition {
    return deliveredPosition(this.#cursor, writer);
  }

  /** Bytes of the logs that have not been handed over. */
  lagBytes(): number {
    return this.#logs.bytesAfter((writer) => this.deliveredPosition(writer));
  }

  /** True where the next batch should not wait for a poll. */
  hasBacklog(): boolean {
    return this.lagBytes() >= (this.#lane === 'uploads' ? 1 : BACKLOG_BYTES);
  }

  health(): LaneHealth {
    const lagBytes = this.lagBytes();
    return {
      state: this.#state,
      delivered: this.#delivered,
      refused: this.#refused,
      lagRecords: lagBytes === 0 ? 0 : this.#logs.recordsAfter((writer) => this.deliveredPosition(writer)),
      lagBytes,
      retries: this.#retries,
      lastError: this.#lastError,
    };
  }

  /** Stores the cursor now. Throws the system's error. */
  storeCursor(): void {
    this.#store.write(
      this.#pending === undefined
        ? this.#cursor
        : { ...this.#cursor, intent: { writer: this.#pending.batch.writer, next: this.#pending.next } },
    );
    this.#unstored = false;
    this.#storedAtMs = this.#scheduler.nowMs();
  }

  /** Remembers a failure, and stops a lane whose sink says it will never take anything more. */
  noted(error: unknown): ErrorInfo {
    const { message, code } = errorInfo(error);
    const info = { message: this.#lane === 'main' ? message : `uploads: ${message}`, code };
    this.#lastError = info;
    const lost = error instanceof PositionLostError;
    if (lost) this.#held = error.held;
    // What is lost in the middle and not said is found again by nobody; opened anew, the sink starts from the log's beginning.
    const isFinal = error instanceof TerminalSinkError || (lost && error.held === undefined);
    if (isFinal && !this.#hasEnded()) {
      this.#state = 'stopped';
      this.#onEvent({ type: 'sinkError', sink: this.#sink.name, error: info, terminal: true });
    }
    return info;
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
    const position = this.#asks.position?.();
    this.#cursor = this.#locate({ delivered: new Map(delivered), position, intent: undefined });
    this.#pending = undefined;
    this.#held = undefined;
    this.#unstored = true;
  }

  /** The next records of the writer whose turn it is, or those that an intent from before a crash names. */
  #nextBatch(): PendingBatch | undefined {
    const { intent } = this.#cursor;
    if (intent !== undefined && this.#logs.writers.includes(intent.writer)) {
      const from = this.deliveredPosition(intent.writer);
      const repeated = this.#read(intent.writer, {
        maxBytes: Math.max(1, intent.next.offset - from.offset),
        throughSeq: intent.next.seq,
      });
      if (repeated !== undefined) return repeated;
    }
    for (const writer of writersInTurn(this.#logs, (name) => this.deliveredPosition(name))) {
      const batch = this.#read(writer, { maxBytes: MAX_BATCH_BYTES[this.#sink.traits.locality] });
      if (batch !== undefined) return batch;
    }
    return undefined;
  }

  #read(writer: string, limits: ReadLimits): PendingBatch | undefined {
    const from = this.deliveredPosition(writer);
    const chunk = this.#readWhole(writer, from, limits);
    if (chunk.next.offset === from.offset) return undefined;
    // The sink's own lane comes upon them too.
    if (this.#lane === 'main') this.#setCorruptLinesAside(writer, chunk);
    const taken = selected(chunk, (record) => this.#taken(record));
    return { batch: { writer, from: from.seq + 1, to: chunk.next.seq, ...taken }, next: chunk.next };
  }

  /**
   * Of a lane of uploads at most one record that it takes: another that came with it is not to be sent again because this
   * one failed.
   */
  #readWhole(writer: string, from: LogPosition, limits: ReadLimits): LogChunk {
    if (this.#lane === 'main') return this.#logs.reader(writer).read(from, limits);
    const chunk = this.#logs.reader(writer).read(from, { ...limits, kinds: this.#kinds });
    const [first, second] = chunk.records.filter((record) => this.#takes(record));
    if (first === undefined || second === undefined) return chunk;
    return this.#logs.reader(writer).read(from, { ...limits, throughSeq: first.seq });
  }

  #takes({ kind }: RunRecord): boolean {
    return this.#kinds.has(kind);
  }

  /** The same, counting what is passed over. */
  #taken(record: RunRecord): boolean {
    if (!this.#takes(record)) {
      if (!this.#uploadKinds.has(record.kind)) this.#skippedKinds += 1;
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
      this.#storeIntent({ writer: batch.writer, next });
      const writing = this.#asks.write(batch);
      if (writing === undefined) return this.#succeeded(pending);
      return this.#calls.track(
        [this.#lane],
        writing.then(() => this.#succeeded(pending)).catch((error: unknown) => this.#failed(pending, error)),
      );
    } catch (error) {
      return this.#failed(pending, error);
    }
  }

  #storeIntent(intent: Intent): void {
    if (!this.#isStoringDue()) return;
    this.#store.write({ ...this.#cursor, intent });
    this.#storedAtMs = this.#scheduler.nowMs();
  }

  #isStoringDue(): boolean {
    return !this.#isCutBack || Math.abs(this.#scheduler.nowMs() - this.#storedAtMs) >= STORE_INTERVAL_MS;
  }

  #succeeded({ batch, next }: PendingBatch): Progress {
    const position = batch.records.length === 0 ? this.#cursor.position : this.#asks.position?.();
    this.#cursor = { delivered: new Map(this.#cursor.delivered).set(batch.writer, next), position, intent: undefined };
    this.#pending = undefined;
    this.#unstored = true;
    if (batch.records.length > 0)
      this.#restUntilMs = this.#scheduler.nowMs() + (this.#asks.pauseMs?.(this.hasBacklog()) ?? 0);
    this.#delivered += batch.records.length;
    this.#deliveredSteps += batch.records.reduce((count, record) => count + (record.kind === 'step' ? 1 : 0), 0);
    this.#recovered();
    return 'delivered';
  }

  #recovered(): void {
    if (this.#attempts > 0) this.#onEvent({ type: 'recovered', sink: this.#sink.name, attempts: this.#attempts });
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
    const info = this.noted(error);
    if (this.#hasEnded()) return 'stopped';
    this.#attempts += 1;
    this.#retries += 1;
    this.#state = 'retrying';
    const asked = error instanceof RetryableSinkError ? error.retryAfterMs : undefined;
    const delayMs = backoffMs(this.#attempts, this.#scheduler.random(), asked);
    const now = this.#scheduler.nowMs();
    this.#retryAtMs = now + delayMs;
    this.#askedUntilMs = asked === undefined ? -Infinity : now + asked;
    if (this.#attempts === 1) this.#onEvent({ type: 'sinkError', sink: this.#sink.name, error: info, terminal: false });
    this.#onEvent({ type: 'retry', sink: this.#sink.name, attempt: this.#attempts, delayMs, error: info });
    return 'waiting';
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
    this.#pending = { batch: { ...batch, ...selected(batch.logged, ({ seq }) => !reasons.has(seq)) }, next };
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
    appendFileSync(join(this.#directory.deadLetterDirectory, `${this.#sink.name}.jsonl`), lines);
    // Read again, these records would be set aside a second time.
    this.#storedAtMs = -Infinity;
    this.#refused += letters.length;
    const message = `${letters.length} records set aside in dead-letters/${this.#sink.name}.jsonl, the first because: ${first.reason}`;
    this.#lastError = { message, code: 'RUNCAST_RECORDS_REFUSED' };
    this.#onEvent({ type: 'sinkError', sink: this.#sink.name, error: this.#lastError, terminal: false });
  }

  #hasEnded(): boolean {
    return this.#state === 'stopped' || this.#state === 'closed';
  }
}

/** The records that `isTaken` is true of, asked once and in order, and their lines. */
function selected(
  { records, lines }: LoggedLines,
  isTaken: (record: RunRecord) => boolean,
): Pick<Required<RecordBatch>, 'records' | 'logged'> {
  const areTaken = records.map((record) => isTaken(record));
  if (!areTaken.includes(false)) return { records, logged: { records, lines } };
  const taken = records.filter((_, index) => areTaken[index]);
  return { records: taken, logged: { records: taken, lines: lines.filter((_, index) => areTaken[index]) } };
}
