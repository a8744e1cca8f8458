/** Where the two databases differ: what a column is called, how a value is marked in a statement, what makes a table. */

import type { Column, ColumnType, Table } from './schema.ts';

export type SqlDialect = 'sqlite' | 'postgres';

const COLUMN_TYPES = {
  sqlite: { text: 'TEXT', integer: 'INTEGER', number: 'REAL', flag: 'INTEGER', json: 'TEXT' },
  postgres: { text: 'text', integer: 'bigint', number: 'double precision', flag: 'boolean', json: 'json' },
} as const satisfies Readonly<Record<SqlDialect, Readonly<Record<ColumnType, string>>>>;

/** Makes the table, where there is none of its name. Its indexes are {@link createIndexesSql}. */
export function createTableSql({ name, columns, key, clustered }: Table, dialect: SqlDialect): string {
  const parts = [...columns.map((column) => columnSql(column, dialect)), `PRIMARY KEY (${key.join(', ')})`];
  const layout = dialect === 'sqlite' && clustered === true ? ' WITHOUT ROWID' : '';
  return `CREATE TABLE IF NOT EXISTS ${name} (\n  ${parts.join(',\n  ')}\n)${layout}`;
}

/** A statement for each index beside the primary key, named `<table>_<columns>`; the same in both dialects. */
export function createIndexesSql({ name, indexes }: Table): readonly string[] {
  return indexes.map(
    (columns) => `CREATE INDEX IF NOT EXISTS ${[name, ...columns].join('_')} ON ${name} (${columns.join(', ')})`,
  );
}

function columnSql({ name, type, required }: Column, dialect: SqlDialect): string {
  return `${name} ${COLUMN_TYPES[dialect][type]}${required === true ? ' NOT NULL' : ''}`;
}

/** A row with a `?` for each column, which takes the place of one with the same key. */
export function upsertSql({ name, columns, key }: Table): string {
  return `INSERT INTO ${name} (${columnNames(columns)}) VALUES (${columns.map(() => '?').join(', ')}) ${replaceSql(columns, key)}`;
}

/** Rows from a list of values for each column, as many statements in one. The keys must differ. */
export function upsertListsSql({ name, columns, key }: Table): string {
  const lists = columns.map(({ type }, index) => `$${index + 1}::${COLUMN_TYPES.postgres[type]}[]`);
  return `INSERT INTO ${name} (${columnNames(columns)}) SELECT * FROM unnest(${lists.join(', ')}) ${replaceSql(columns, key)}`;
}

/** PostgreSQL's form of a statement with `?` for its values; the text holds no other. */
export function numberedSql(sql: string): string {
  let values = 0;
  return sql.replaceAll('?', () => {
    values += 1;
    return `$${values}`;
  });
}

function columnNames(columns: readonly Column[]): string {
  return columns.map(({ name }) => name).join(', ');
}

function replaceSql(columns: readonly Column[], key: readonly string[]): string {
  const replaced = columns.filter(({ name }) => !key.includes(name)).map(({ name }) => `${name} = excluded.${name}`);
  const then = replaced.length === 0 ? 'NOTHING' : `UPDATE SET ${replaced.join(', ')}`;
  return `ON CONFLICT (${key.join(', ')}) DO ${then}`;
}
