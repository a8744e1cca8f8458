/** A store in a SQLite file, read without ever writing to it. */

import { statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { errorMessage, loadSqlite } from '@runcast/core';
import type { Row } from './statement.ts';
import type { BuiltQuery, QueryValue } from './query-builder.ts';
import type { StoreSource } from './store-source.ts';
import { noStore, StoreError } from './store-error.ts';

/** A trainer that has just died may have left something to recover first, which one reader does and others wait for. */
const BUSY_TIMEOUT_MS = 5_000;
/** Rows between two turns of the process's loop. */
const ROWS_PER_TURN = 500;

/** @throws StoreError where there is no such file. */
export function openSqliteSource(path: string): StoreSource {
  const address = `sqlite:${path}`;
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new StoreError(
      `there is no run store ${path}: set STORE__URL to where one is; one is made when a run is trained with STORE__ENABLED=true`,
    );
  const { DatabaseSync: Database } = loadSqlite();
  return reading(address, () => {
    const database = new Database(path, { readOnly: true });
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return new SqliteSource(database, address);
  });
}

class SqliteSource implements StoreSource {
  readonly dialect = 'sqlite';
  readonly address: string;
  readonly #database: DatabaseSync;
  /** Those that are being iterated: Node 22 collects a statement under its iterator. */
  readonly #statements = new Set<StatementSync>();

  constructor(database: DatabaseSync, address: string) {
    this.#database = database;
    this.address = address;
  }

  async all({ sql, values }: BuiltQuery): Promise<readonly Row[]> {
    return reading(this.address, () => this.#database.prepare(sql).all(named(values)));
  }

  async *iterate({ sql, values }: BuiltQuery): AsyncGenerator<Row, void, undefined> {
    const { address } = this;
    const statement = reading(address, () => this.#database.prepare(sql));
    const rows = reading(address, () => statement.iterate(named(values)));
    this.#statements.add(statement);
    try {
      for (let count = 1; ; count += 1) {
        const { done, value } = reading(address, () => rows.next());
        if (done === true) return;
        yield value;
        if (count % ROWS_PER_TURN === 0) await turn();
      }
    } finally {
      this.#statements.delete(statement);
      // It would go on holding what it reads of the file.
      if (this.#database.isOpen) rows.return?.();
    }
  }

  close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
    return Promise.resolve();
  }
}

/** By name, `$1`, `$2` …, since one value may stand in several places. */
function named(values: readonly QueryValue[]): Record<string, SQLInputValue> {
  return Object.fromEntries(values.map((value, index) => [`$${index + 1}`, inputValue(value)]));
}

function inputValue(value: QueryValue): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'object' ? JSON.stringify(value) : value;
}

function reading<T>(address: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const message = errorMessage(error);
    // It has none of our tables, or no tables at all since it is no database.
    if (/no such table|file is not a database/u.test(message)) throw noStore(address);
    throw new StoreError(`${address}: ${message}`, { cause: error });
  }
}
