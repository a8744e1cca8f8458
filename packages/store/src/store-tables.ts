/** Makes the tables of a store where there are none, and refuses a database whose tables are somebody else's. */

import { TerminalSinkError } from '@runcast/core';
import { numberIn, textIn } from './row-values.ts';
import { SCHEMA_TABLE, SCHEMA_VERSION, TABLES } from './schema.ts';
import { createIndexesSql, createTableSql, type SqlDialect } from './sql-dialect.ts';
import { ask, upsert, type Work } from './statement.ts';

/** Names of the tables there are, where unqualified names lead. */
const TABLE_NAMES = {
  sqlite: "SELECT name FROM sqlite_master WHERE type = 'table'",
  // The standard's view hides what a role has no rights to.
  postgres:
    'SELECT relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = current_schema()',
} as const satisfies Readonly<Record<SqlDialect, string>>;

/** Any number that other programs are unlikely to lock: two that make the tables at once would fail. */
const MAKING_TABLES = 7_238_118_425;

/** Throws a TerminalSinkError where the database is no store of this version. */
export function* prepareTables(dialect: SqlDialect, address: string): Work<void> {
  if (yield* areMade(dialect, address)) return;
  if (dialect === 'postgres') {
    yield* ask('SELECT pg_advisory_xact_lock(?)', [MAKING_TABLES]);
    if (yield* areMade(dialect, address)) return;
  }
  for (const table of [...TABLES, SCHEMA_TABLE]) {
    yield* ask(createTableSql(table, dialect));
    for (const sql of createIndexesSql(table)) yield* ask(sql);
  }
  yield* upsert(SCHEMA_TABLE, [[SCHEMA_VERSION]]);
}

function* areMade(dialect: SqlDialect, address: string): Work<boolean> {
  const names = new Set((yield* ask(TABLE_NAMES[dialect])).map((row) => textIn(row, 'name')));
  if (names.has(SCHEMA_TABLE.name)) {
    yield* checkVersion(address);
    return true;
  }
  const taken = TABLES.map(({ name }) => name).filter((name) => names.has(name));
  if (taken.length > 0)
    throw new TerminalSinkError(
      `${address} holds other tables named ${taken.join(', ')}: set STORE__URL to a database of Runcast's own, or to a schema by ?options=-csearch_path%3D<schema>`,
    );
  return false;
}

function* checkVersion(address: string): Work<void> {
  const [row = {}] = yield* ask(`SELECT version FROM ${SCHEMA_TABLE.name}`);
  const version = numberIn(row, 'version');
  if (version !== SCHEMA_VERSION)
    throw new TerminalSinkError(
      `${address} is a run store of version ${version ?? 'unknown'}, and this Runcast writes version ${SCHEMA_VERSION}: set STORE__URL to another database, or use the Runcast that made it`,
    );
}
