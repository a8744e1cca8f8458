/** Whether a server can be used as configured, tried without leaving anything there. */

import { PostgresDatabase } from './postgres-database.ts';
import { numberIn, textIn } from './row-values.ts';
import { ask, type Work } from './statement.ts';
import { prepareTables } from './store-tables.ts';

/** @param url Of a PostgreSQL database. Resolves to what answered; rejects with why it cannot be used, and what to do. */
export async function probeStore(url: string): Promise<string> {
  const database = new PostgresDatabase(url);
  try {
    await database.connect();
    let found = '';
    await database.rehearse(
      (function* probe(): Work<void> {
        yield* prepareTables('postgres', database.address);
        const [server = {}] = yield* ask('SHOW server_version');
        const [runs = {}] = yield* ask('SELECT count(*) AS count FROM runs');
        found = `PostgreSQL ${textIn(server, 'server_version') ?? ''} answers; it holds ${numberIn(runs, 'count') ?? 0} runs`;
      })(),
    );
    return `${database.address}: ${found}`;
  } finally {
    database.close();
  }
}
