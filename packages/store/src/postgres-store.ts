/** A store in a PostgreSQL database. The client is loaded only where one is opened. */

import type { ClientConfig, Pool, PoolClient } from 'pg';
import { postgresError } from './postgres-error.ts';
import type { Row } from './statement.ts';
import type { BuiltQuery, QueryValue } from './query-builder.ts';
import type { StoreSource } from './store-source.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Rows in memory while more of them are read. */
const ROWS_PER_FETCH = 1_000;

/** Cells as the server writes them: what a number or a JSON text is, the column says, and nothing is rounded. */
const AS_TEXT: NonNullable<ClientConfig['types']> = { getTypeParser: () => (text: unknown) => text };

export async function openPostgresSource(url: string, address: string): Promise<StoreSource> {
  const { Pool } = (await import('pg')).default;
  const pool = new Pool({
    connectionString: url,
    types: AS_TEXT,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'runcast',
  });
  pool.on('error', ignore);
  return new PostgresSource(pool, address);
}

class PostgresSource implements StoreSource {
  readonly dialect = 'postgres';
  readonly address: string;
  readonly #pool: Pool;
  readonly #iterating = new Set<PoolClient>();
  #closed: Promise<void> | undefined;

  constructor(pool: Pool, address: string) {
    this.#pool = pool;
    this.address = address;
  }

  async all({ sql, values }: BuiltQuery): Promise<readonly Row[]> {
    return this.#reading(async () => (await this.#pool.query<Row, QueryValue[]>(sql, [...values])).rows);
  }

  async *iterate({ sql, values }: BuiltQuery): AsyncGenerator<Row, void, undefined> {
    const client = await this.#reading(() => this.#pool.connect());
    this.#iterating.add(client);
    client.on('error', ignore);
    try {
      // A cursor lives in a transaction, which also is what makes all rows of one moment.
      await this.#query(client, 'BEGIN READ ONLY');
      await this.#query(client, `DECLARE runcast_rows NO SCROLL CURSOR FOR ${sql}`, values);
      let rows: readonly Row[];
      do {
        rows = await this.#query(client, `FETCH ${ROWS_PER_FETCH} FROM runcast_rows`);
        yield* rows;
      } while (rows.length === ROWS_PER_FETCH);
    } finally {
      await this.#giveBack(client);
    }
  }

  /** What is still being iterated fails: nobody knows whether it would ever end. */
  close(): Promise<void> {
    for (const client of this.#iterating) client.release(true);
    this.#iterating.clear();
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  async #giveBack(client: PoolClient): Promise<void> {
    const isBroken = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    );
    client.off('error', ignore);
    // A connection that cannot even do that is of no use to the next question.
    if (this.#iterating.delete(client)) client.release(isBroken);
  }

  #query(client: PoolClient, sql: string, values: readonly QueryValue[] = []): Promise<readonly Row[]> {
    return this.#reading(async () => (await client.query<Row, QueryValue[]>(sql, [...values])).rows);
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw postgresError(error, this.address);
    }
  }
}

/** A connection that breaks says so by an event, too, which would end the process: whoever asks next hears of it. */
function ignore(): void {
  return;
}
