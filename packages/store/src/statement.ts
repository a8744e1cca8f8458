/**
 * What is asked of a database, as data, and work made of it. SQLite answers at once, since a local sink must work
 * synchronously, and PostgreSQL later: work is a generator that yields statements and is given their rows, so that it is
 * written once for both.
 */

import type { Table } from './schema.ts';

export type SqlValue = string | number | boolean | null;

/** A statement with a `?` for each of its values. */
interface Query {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** Rows for a table, each with the values of its columns in their order. A row takes the place of an earlier one with its key. */
export interface Upsert {
  readonly table: Table;
  readonly rows: readonly (readonly SqlValue[])[];
}

export type Statement = Query | Upsert;

/** A row of an answer by column name. Of what type a value comes depends on the database: see `row-values.ts`. */
export type Row = Readonly<Record<string, unknown>>;

/** Statements of one transaction, in their order, each answered before the next. */
export type Work<Result> = Generator<Statement, Result, readonly Row[]>;

export function isUpsert(statement: Statement): statement is Upsert {
  return 'table' in statement;
}

/** One statement, and the rows it answers. */
export function* ask(sql: string, values: readonly SqlValue[] = []): Work<readonly Row[]> {
  return yield { sql, values };
}

export function* upsert(table: Table, rows: Upsert['rows']): Work<void> {
  if (rows.length > 0) yield { table, rows };
}
