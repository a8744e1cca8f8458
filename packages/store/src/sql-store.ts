/** Reads a store in either database. */

import { historyRow, historyStatement, keyMetricStatement, keyStatement } from './history-query.ts';
import { RUN_COLUMNS, runQueryStatement } from './run-query.ts';
import { SCHEMA_TABLE, SCHEMA_VERSION } from './schema.ts';
import { historyValue, keyMetricValue, SeriesCollector } from './series-collector.ts';
import { numberIn } from './row-values.ts';
import { QueryBuilder } from './query-builder.ts';
import type { StoreSource } from './store-source.ts';
import { noStore, StoreError } from './store-error.ts';
import type { HistoryQuery, HistoryRow, RunQuery, SeriesPoint, Store, StoredRun } from './store.ts';
import { storedRun } from './stored-run.ts';

export class SqlStore implements Store {
  readonly #database: StoreSource;
  readonly #nowSecs: () => number;

  private constructor(database: StoreSource, nowSecs: () => number) {
    this.#database = database;
    this.#nowSecs = nowSecs;
  }

  /** Owns the database from here on, and closes it where it is no store that this version can read. */
  static async open(database: StoreSource, nowSecs: () => number): Promise<Store> {
    try {
      await checkSchema(database);
    } catch (error) {
      await database.close();
      throw error;
    }
    return new SqlStore(database, nowSecs);
  }

  get address(): string {
    return this.#database.address;
  }

  async runs(query: RunQuery = {}): Promise<readonly StoredRun[]> {
    const nowSecs = this.#nowSecs();
    const rows = await this.#database.all(runQueryStatement(query, this.#database.dialect, nowSecs));
    return rows.map((row) => storedRun(row, nowSecs));
  }

  async run(id: string): Promise<StoredRun | undefined> {
    if (!canHold(id)) return undefined;
    const builder = new QueryBuilder(this.#database.dialect);
    const sql = `SELECT ${RUN_COLUMNS.join(', ')} FROM runs WHERE run_id = ${builder.bind(id)}`;
    const [row] = await this.#database.all(builder.build(sql));
    return row === undefined ? undefined : storedRun(row, this.#nowSecs());
  }

  async *history(id: string, query: HistoryQuery = {}): AsyncGenerator<HistoryRow, void, undefined> {
    const keys = query.keys?.filter((key) => canHold(key));
    const asked: HistoryQuery = keys === undefined ? query : { ...query, keys };
    if (![id, query.axis ?? ''].every((text) => canHold(text))) return;
    const statement = historyStatement(id, asked, this.#database.dialect);
    for await (const row of this.#database.iterate(statement)) yield historyRow(row, keys);
  }

  async series(ids: readonly string[], key: string): Promise<ReadonlyMap<string, readonly SeriesPoint[]>> {
    const { dialect } = this.#database;
    const collector = new SeriesCollector();
    const asked = ids.filter((id) => canHold(id));
    if (asked.length === 0 || !canHold(key)) return new Map();
    for await (const row of this.#database.iterate(keyMetricStatement(asked, key, dialect)))
      collector.add(row, keyMetricValue(row));
    // Which metrics are key ones may differ from run to run.
    const others = asked.filter((id) => !collector.has(id));
    if (others.length > 0)
      for await (const row of this.#database.iterate(keyStatement(others, key, dialect)))
        collector.add(row, historyValue(row));
    return collector.series(ids);
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Neither database has texts with NUL characters, and each has its own way to fail over them. */
function canHold(text: string): boolean {
  return !text.includes('\0');
}

async function checkSchema(database: StoreSource): Promise<void> {
  const [row = {}] = await database.all({ sql: `SELECT version FROM ${SCHEMA_TABLE.name}`, values: [] });
  const version = numberIn(row, 'version');
  if (version === undefined) throw noStore(database.address);
  if (version > SCHEMA_VERSION)
    throw new StoreError(
      `${database.address} was written by a later version of Runcast (its tables are of version ${version}, this one reads ${SCHEMA_VERSION}): update runcast`,
    );
}
