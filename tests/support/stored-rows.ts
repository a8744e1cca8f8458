// What a run store holds, read by SQL as a person would read it, and what the records of a log should have left there. Neither
// shares code with the sink or the reader.
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isJsonObject, toJson, type JsonObject, type JsonValue, type RunRecord } from '@runcast/core';
import { DatabaseError } from 'pg';
import { withPostgres } from './postgres-server.ts';

export type StoreRow = Readonly<Record<string, unknown>>;

/** One record as the store holds it: of `history` with its axis and metrics, of `records` with its data. */
export interface StoredRecord {
  readonly writer: string;
  readonly seq: number;
  readonly time: number;
  readonly kind: string;
  readonly axis?: string | null;
  readonly key?: string | null;
  readonly step: number | null;
  /** `metrics` or `data`. */
  readonly values: JsonObject;
}

const UNDEFINED_TABLE = '42P01';

/** @param sql With a `?` for each value. Rows of a store whose file or tables nobody has made yet are none. */
export async function queryStore(url: string, sql: string, ...values: readonly string[]): Promise<readonly StoreRow[]> {
  const file = storeFile(url);
  return file === undefined ? queryPostgres(url, sql, values) : querySqlite(file, sql, values);
}

async function queryPostgres(url: string, sql: string, values: readonly string[]): Promise<readonly StoreRow[]> {
  let count = 0;
  const numbered = sql.replaceAll('?', () => `$${(count += 1)}`);
  try {
    return await withPostgres(url, async (client) => {
      const { rows } = await client.query<Record<string, unknown>>(numbered, [...values]);
      return rows;
    });
  } catch (error) {
    if (error instanceof DatabaseError && error.code === UNDEFINED_TABLE) return [];
    throw error;
  }
}

function querySqlite(file: string, sql: string, values: readonly string[]): readonly StoreRow[] {
  if (!existsSync(file)) return [];
  const database = new DatabaseSync(file, { timeout: 10_000 });
  try {
    return database.prepare(sql).all(...values);
  } finally {
    database.close();
  }
}

function storeFile(url: string): string | undefined {
  return url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined;
}

/** Records of a run, a writer's in their order. */
export async function storedRecords(url: string, runId: string): Promise<readonly StoredRecord[]> {
  const history = await queryStore(
    url,
    `SELECT writer, seq, time, kind, axis, step, CAST(metrics AS text) AS values_json
     FROM history WHERE run_id = ? ORDER BY writer, seq`,
    runId,
  );
  const others = await queryStore(
    url,
    `SELECT writer, seq, time, kind, key, step, CAST(data AS text) AS values_json
     FROM records WHERE run_id = ? ORDER BY writer, seq`,
    runId,
  );
  return [...history, ...others].map((row) => readRecord(row)).toSorted((one, other) => one.seq - other.seq);
}

function readRecord(row: StoreRow): StoredRecord {
  const { writer, seq, time, kind, axis, key, step, values_json: json } = row;
  return {
    writer: String(writer),
    seq: Number(seq),
    time: Number(time),
    kind: String(kind),
    ...('axis' in row ? { axis: textOrNull(axis) } : { key: textOrNull(key) }),
    step: step === null ? null : Number(step),
    values: objectOf(JSON.parse(String(json))),
  };
}

function textOrNull(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value;
  throw new TypeError('no text');
}

/** What the store should hold of the record. */
export function expectedRecord(writer: string, record: RunRecord): StoredRecord {
  const { seq, time, kind } = record;
  const head = { writer, seq, time, kind };
  switch (record.kind) {
    case 'step':
      return { ...head, axis: 'step', step: record.step, values: record.metrics };
    case 'epoch':
    case 'validation':
      return { ...head, axis: 'epoch', step: record.epoch, values: record.metrics };
    case 'log': {
      const { series, step = null, metrics } = record;
      const axis = series === undefined ? 'step' : `${series}/step`;
      return { ...head, axis: step === null ? null : axis, step, values: metrics };
    }
    case 'system':
      return { ...head, axis: null, step: null, values: record.metrics };
    default: {
      const { v: _version, seq: _seq, time: _time, kind: _kind, ...data } = record;
      const key = 'key' in record ? record.key : null;
      const step = 'step' in record && typeof record.step === 'number' ? record.step : null;
      return { ...head, key, step, values: objectOf(JSON.parse(JSON.stringify(data))) };
    }
  }
}

/** One text for a record, as it is held or as it should be. */
export function recordText({ writer, seq, time, kind, axis, key, step, values }: StoredRecord): string {
  // A column takes neither NUL nor half a character; what is in `values` is JSON, which escapes them.
  const name = key?.replaceAll('\0', '\u{FFFD}').toWellFormed();
  return JSON.stringify([writer, seq, time, kind, axis, name, step, values]);
}

function objectOf(value: unknown): JsonObject {
  const json = toJson(value);
  if (!json.ok || !isJsonObject(json.value)) throw new TypeError(`${JSON.stringify(value)} is no object`);
  return json.value;
}

/** A run's row, with its JSON columns parsed; undefined where there is none. */
export async function storedRun(url: string, runId: string): Promise<StoredRun | undefined> {
  const [row] = await queryStore(
    url,
    `SELECT *, CAST(tags AS text) AS tags_json, CAST(config AS text) AS config_json, CAST(summary AS text) AS summary_json
     FROM runs WHERE run_id = ?`,
    runId,
  );
  if (row === undefined) return undefined;
  return {
    row,
    tags: valueOf(row['tags_json']),
    config: objectOf(JSON.parse(String(row['config_json']))),
    summary: objectOf(JSON.parse(String(row['summary_json']))),
  };
}

export interface StoredRun {
  /** Columns as the database's client gives them. */
  readonly row: StoreRow;
  readonly tags: JsonValue;
  readonly config: JsonObject;
  readonly summary: JsonObject;
}

function valueOf(text: unknown): JsonValue {
  const json = toJson(JSON.parse(String(text)));
  if (!json.ok) throw new TypeError(`${String(text)} is no JSON`);
  return json.value;
}
