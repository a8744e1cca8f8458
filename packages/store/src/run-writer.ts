/**
 * What a run comes to in a store, as work for either database. A batch is one transaction: its rows, the run's row, and the
 * position of its writer, which is the truth about what is there. Whatever was done twice is seen by it and left out.
 */

import {
  linesOf,
  PositionLostError,
  RetryableSinkError,
  TerminalSinkError,
  type JsonValue,
  type RecordBatch,
  type RunRecord,
  type RunStatus,
} from '@runcast/core';
import { z } from 'zod';
import { historyRow, KeyMetrics, metricsRow, otherRow } from './record-rows.ts';
import { numberIn, textIn } from './row-values.ts';
import { RunState } from './run-state.ts';
import { HISTORY, KEY_METRICS, RECORDS, RUNS } from './schema.ts';
import { ask, upsert, type SqlValue, type Work } from './statement.ts';
import { ValueIndex } from './value-index.ts';

/** How often the index of values is made again while a run logs, in seconds of the run's own time. */
const INDEX_INTERVAL_SECS = 1;

const POSITION = z.object({ held: z.record(z.string(), z.int().min(-1)) });

type Rows = (readonly SqlValue[])[];

export class RunWriter {
  readonly #runId: string;
  readonly #address: string;
  readonly #keyMetrics: KeyMetrics;
  readonly #index: ValueIndex;
  /** The last `seq` of each writer that the store has, as far as it was told. */
  #held: ReadonlyMap<string, number> = new Map();
  /** The same once the transaction at hand is committed. */
  #next: Map<string, number> | undefined;
  /** As the store has it; undefined where nobody knows, and where it has no such run. */
  #state: RunState | undefined;
  #isLoaded = false;
  #indexedAt = -Infinity;

  /**
   * @param address Of the database, for messages.
   * @param position What {@link position} returned once; throws a PositionLostError where it is none.
   */
  constructor(runId: string, address: string, keyMetrics: readonly string[], position: JsonValue | undefined) {
    this.#runId = runId;
    this.#address = address;
    this.#keyMetrics = new KeyMetrics(keyMetrics);
    this.#index = new ValueIndex(runId);
    if (position === undefined) return;
    const parsed = POSITION.safeParse(position);
    if (!parsed.success) throw new PositionLostError(`${JSON.stringify(position)} is no position in a run store`);
    this.#held = new Map(Object.entries(parsed.data.held));
  }

  /** What the store has is known. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Records of the run are in the store, as far as it was told. */
  get hasRun(): boolean {
    return this.#held.size > 0;
  }

  position(): JsonValue {
    return { held: Object.fromEntries(this.#held) };
  }

  /** What the store has is to be asked for again: a transaction failed, or its end is not known. */
  forget(): void {
    this.#isLoaded = false;
    this.#state = undefined;
    this.#next = undefined;
    this.#index.forget();
  }

  /** Asks what the store has. Throws a PositionLostError where it has less than it was told to have. */
  *load(): Work<void> {
    const there = yield* this.#positions();
    const [row] = yield* ask('SELECT * FROM runs WHERE run_id = ?', [this.#runId]);
    this.#state = row === undefined ? undefined : RunState.read(this.#runId, row);
    this.#isLoaded = true;
    const lost = this.#lostFrom(there);
    this.#held = new Map([...there, ...lost]);
    if (lost.size > 0)
      throw new PositionLostError(`${this.#address} has lost the last records of ${[...lost.keys()].join(', ')}`, {
        held: lost,
      });
  }

  /** Writes what of the batch is not there. It is, once the transaction is {@link committed}. */
  *write(batch: RecordBatch): Work<void> {
    const { writer, to, records } = batch;
    const known = this.#held.get(writer) ?? -1;
    const lines = linesOf(batch);
    const rows = new BatchRows();
    this.#next = new Map(this.#held);
    for (const [index, record] of records.entries())
      if (record.seq > known) yield* this.#take(writer, record, lines?.[index], rows);
    if (rows.count === 0) return;
    yield* rows.write();
    yield* this.#writeRun();
    yield* this.#movePosition(writer, known, to);
    this.#next.set(writer, to);
  }

  /** What was written last is there. */
  committed(): void {
    this.#index.committed();
    this.#held = this.#next ?? this.#held;
    this.#next = undefined;
  }

  /** Says that the run is alive, and brings the index of its values up to date. */
  *beat(nowMs: number): Work<void> {
    this.#state?.beat(nowMs / 1000);
    yield* this.writeAll();
  }

  /** Ends a run that has not said itself how it ended. */
  *end(status: RunStatus): Work<void> {
    this.#state?.endUnsaid(status);
    yield* this.writeAll();
  }

  /** The run's row and the index of its values, as they are now. Throws a RetryableSinkError where rows of the run were lost. */
  *writeAll(): Work<void> {
    yield* this.#checkHeld();
    this.#indexedAt = -Infinity;
    yield* this.#writeRun();
  }

  *#take(writer: string, record: RunRecord, line: string | undefined, rows: BatchRows): Work<void> {
    if (this.#state?.isBegunAgainBy(writer, record) === true) {
      // Nobody goes on with it: neither whoever began it, nor what it left.
      if (this.#state.isAlive(record.time)) throw new TerminalSinkError(this.#aliveMessage());
      yield* this.#clearBefore(writer, record.time);
      this.#state = undefined;
      this.#index.forget();
    }
    this.#state ??= new RunState(this.#runId, record.time);
    const state = this.#state;
    state.take(writer, record);
    const owner = { runId: this.#runId, writer };
    const metrics = metricsRow(record);
    if (metrics === undefined) {
      rows.records.push(otherRow(owner, record));
      if (record.kind === 'open' && record.resume_step !== undefined)
        yield* this.#supersede(record.resume_step, record.time);
      return;
    }
    const { place } = metrics;
    const superseded = place?.axis === 'step' && state.isSuperseded(place.step, record.time);
    rows.history.push(historyRow(owner, record, metrics, superseded, line));
    if (superseded) return;
    rows.keyMetrics.push(...this.#keyMetrics.rows(this.#runId, metrics, record.time));
  }

  /** An earlier run of this id, in a directory that is no more. Members of this one may have come before its owner. */
  *#clearBefore(writer: string, time: number): Work<void> {
    for (const table of ['history', 'records'])
      yield* ask(`DELETE FROM ${table} WHERE run_id = ? AND time < ? AND writer <> ?`, [this.#runId, time, writer]);
    yield* ask('DELETE FROM key_metrics WHERE run_id = ? AND time < ?', [this.#runId, time]);
    yield* ask(
      `DELETE FROM positions WHERE run_id = ? AND writer <> ?
       AND writer NOT IN (SELECT writer FROM history WHERE run_id = ?)
       AND writer NOT IN (SELECT writer FROM records WHERE run_id = ?)`,
      [this.#runId, writer, this.#runId, this.#runId],
    );
    this.#next = yield* this.#positions();
  }

  /** The run's row counts what was written: where that is gone, it would be counted twice when it comes again. */
  *#checkHeld(): Work<void> {
    const lost = this.#lostFrom(yield* this.#positions());
    if (lost.size > 0)
      throw new RetryableSinkError(`${this.#address} has not what it had of ${[...lost.keys()].join(', ')}`);
  }

  /** Of each writer of which less is there than the store was told to have, the last `seq` that is. */
  #lostFrom(there: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const last = [...this.#held.keys()].map((writer) => [writer, there.get(writer) ?? -1] as const);
    return new Map(last.filter(([writer, seq]) => seq < (this.#held.get(writer) ?? -1)));
  }

  *#positions(): Work<Map<string, number>> {
    const rows = yield* ask('SELECT writer, seq FROM positions WHERE run_id = ?', [this.#runId]);
    return new Map(rows.map((row) => [textIn(row, 'writer') ?? '', numberIn(row, 'seq') ?? -1]));
  }

  *#supersede(step: number, time: number): Work<void> {
    const values = [this.#runId, 'step', step, time];
    yield* ask('UPDATE history SET superseded = ? WHERE run_id = ? AND axis = ? AND step >= ? AND time < ?', [
      true,
      ...values,
    ]);
    yield* ask('DELETE FROM key_metrics WHERE run_id = ? AND axis = ? AND step >= ? AND time < ?', values);
  }

  *#writeRun(): Work<void> {
    const state = this.#state;
    if (state === undefined) return;
    yield* upsert(RUNS, [state.row()]);
    if (state.heartbeatAt < this.#indexedAt + INDEX_INTERVAL_SECS) return;
    yield* this.#index.write({ config: state.config, summary: state.summary, tags: state.tags });
    this.#indexedAt = state.heartbeatAt;
  }

  *#movePosition(writer: string, known: number, to: number): Work<void> {
    const moved =
      known === -1
        ? yield* ask(
            'INSERT INTO positions (run_id, writer, seq) VALUES (?, ?, ?) ON CONFLICT (run_id, writer) DO UPDATE SET seq = excluded.seq WHERE positions.seq = -1 RETURNING seq',
            [this.#runId, writer, to],
          )
        : yield* ask('UPDATE positions SET seq = ? WHERE run_id = ? AND writer = ? AND seq = ? RETURNING seq', [
            to,
            this.#runId,
            writer,
            known,
          ]);
    if (moved.length === 0)
      throw new RetryableSinkError(`${this.#address} has not what it had of the writer ${writer}`);
  }

  #aliveMessage(): string {
    return `${this.#address} holds a run ${JSON.stringify(this.#runId)} that goes on elsewhere, or did minutes ago: choose another run id (RUNCAST__RUN_ID)`;
  }
}

/** Rows of a batch. */
class BatchRows {
  readonly history: Rows = [];
  readonly records: Rows = [];
  readonly keyMetrics: Rows = [];

  get count(): number {
    return this.history.length + this.records.length;
  }

  *write(): Work<void> {
    yield* upsert(HISTORY, this.history);
    yield* upsert(RECORDS, this.records);
    yield* upsert(KEY_METRICS, this.keyMetrics);
  }
}
