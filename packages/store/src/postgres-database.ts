/** A connection to a PostgreSQL database that either works or says why not. It never reconnects, queues or repeats. */

import { Socket } from 'node:net';
import { PositionLostError, RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { Client, DatabaseError } from 'pg';
import { storeAddress } from './config.ts';
import { postgresSinkError } from './postgres-error.ts';
import { isUpsert, type Row, type SqlValue, type Statement, type Upsert, type Work } from './statement.ts';
import { numberedSql, upsertListsSql } from './sql-dialect.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** A server that is silent for longer is taken for gone. */
const ANSWER_TIMEOUT_MS = 15_000;

export class PostgresDatabase {
  /** Without secrets. */
  readonly address: string;
  readonly #client: Client;
  readonly #socket: Socket;
  #isOpen = true;

  /** Not connected yet. */
  constructor(url: string) {
    this.address = storeAddress(url);
    this.#socket = new Socket();
    this.#client = new Client({
      connectionString: url,
      stream: () => this.#socket,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      application_name: 'runcast',
      // Numbers and JSON as the server writes them: nothing is lost on the way into a double or an object.
      types: { getTypeParser: () => (text: string) => text },
    });
    // Without a listener it would end the process; whoever has a query in flight hears of it by that.
    this.#client.on('error', () => this.close());
    this.#client.on('end', () => this.close());
  }

  /** Rejects with a TerminalSinkError where the server refuses, with a RetryableSinkError where it is not to be had. */
  async connect(): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      this.close();
      throw postgresSinkError(error, this.address);
    }
  }

  /** False once it was closed, by whomever. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** As {@link SqliteDatabase.run}. After a failure that is no answer of the server, the connection is closed. */
  async run<Result>(work: Work<Result>): Promise<Result> {
    return this.#transact(work, 'COMMIT');
  }

  /** The same, and leaves nothing. */
  async rehearse(work: Work<unknown>): Promise<void> {
    await this.#transact(work, 'ROLLBACK');
  }

  /** Idempotent. What is in flight rejects, connecting too. */
  close(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  async #transact<Result>(work: Work<Result>, end: 'COMMIT' | 'ROLLBACK'): Promise<Result> {
    try {
      await this.#client.query('BEGIN');
      let step = work.next([]);
      while (step.done !== true) step = work.next(await this.#answer(step.value));
      await this.#client.query(end);
      return step.value;
    } catch (error) {
      await this.#takeBack(error);
      throw isOwn(error) ? error : postgresSinkError(error, this.address);
    }
  }

  /** After an answer the connection can be used again; after a silence nobody knows whose answer comes next. */
  async #takeBack(error: unknown): Promise<void> {
    if (sqlState(error) === undefined && !isOwn(error)) {
      this.close();
      return;
    }
    try {
      await this.#client.query('ROLLBACK');
    } catch {
      this.close();
    }
  }

  async #answer(statement: Statement): Promise<readonly Row[]> {
    if (isUpsert(statement)) {
      await this.#client.query(upsertListsSql(statement.table), valueLists(statement));
      return [];
    }
    const { rows } = await this.#client.query<Record<string, unknown>>(
      numberedSql(statement.sql),
      statement.values.map((value) => storable(value)),
    );
    return rows;
  }
}

/** A list of values for each column. One statement takes a key once: the last row of each stands. */
function valueLists({ table, rows }: Upsert): SqlValue[][] {
  const keyColumns = table.key.map((name) => table.columns.findIndex((column) => column.name === name));
  const last = new Map(rows.map((row) => [JSON.stringify(keyColumns.map((index) => row[index])), row]));
  const values = [...last.values()];
  return table.columns.map((_, index) => values.map((row) => storable(row[index] ?? null)));
}

/** PostgreSQL's texts hold every character but NUL. JSON has it escaped. */
function storable(value: SqlValue): SqlValue {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\u{FFFD}') : value;
}

/** The server's code of an error, https://www.postgresql.org/docs/current/errcodes-appendix.html. */
function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

/** What the work itself threw. */
function isOwn(error: unknown): boolean {
  return [TerminalSinkError, RetryableSinkError, PositionLostError].some((own) => error instanceof own);
}
