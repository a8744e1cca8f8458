// Run stores for the tests of who reads them: tables made from the schema, rows put in as they are given. What a run leaves in
// several tables is derived here by hand, so that the reader is not tested against the sink's own idea of it.
import { DatabaseSync } from 'node:sqlite';
import {
  createIndexesSql,
  createTableSql,
  SCHEMA_TABLE,
  SCHEMA_VERSION,
  TABLES,
  type Column,
  type SqlDialect,
  type Table,
} from '@runcast/store';
import { withPostgres } from './postgres-server.ts';

type Cell = string | number | boolean | null;
type StoreRow = Readonly<Record<string, Cell>>;

interface Insert {
  readonly sql: string;
  readonly values: readonly Cell[];
}

/** What a test says of a run; the rest is made up. Texts that are no finite numbers are written as the record format has them. */
export interface BuiltRun {
  readonly id: string;
  readonly row?: StoreRow;
  /** Flat: members of nested objects are for `row`. */
  readonly config?: Readonly<Record<string, Cell>>;
  readonly summary?: Readonly<Record<string, Cell>>;
  readonly tags?: readonly string[];
  readonly history?: readonly {
    readonly writer?: string;
    readonly seq?: number;
    readonly time?: number;
    readonly kind?: string;
    readonly axis?: string | null;
    readonly step: number | null;
    readonly superseded?: boolean;
    readonly metrics: Readonly<Record<string, number | string>>;
  }[];
  /** Of `key_metrics`, on the axis `step`: step, time and value. */
  readonly keyMetrics?: Readonly<Record<string, readonly (readonly [number, number, number | null])[]>>;
}

/** Makes the store, with these runs and further rows by table. */
export async function buildStore(
  url: string,
  runs: readonly BuiltRun[],
  version: number = SCHEMA_VERSION,
): Promise<void> {
  const dialect = url.startsWith('sqlite:') ? 'sqlite' : 'postgres';
  const inserts = runs.flatMap((run) => rowsOf(run).map(([table, row]) => insertSql(table, row)));
  await execute(url, [...storeSql(dialect, version).map((sql) => ({ sql, values: [] })), ...inserts]);
}

function storeSql(dialect: SqlDialect, version: number): readonly string[] {
  return [
    ...TABLES.flatMap((table) => [createTableSql(table, dialect), ...createIndexesSql(table)]),
    createTableSql(SCHEMA_TABLE, dialect),
    `INSERT INTO ${SCHEMA_TABLE.name} (version) VALUES (${version})`,
  ];
}

async function execute(url: string, statements: readonly Insert[]): Promise<void> {
  if (!url.startsWith('sqlite:')) {
    await withPostgres(url, async (client) => {
      for (const { sql, values } of statements) await client.query(sql, [...values]);
    });
    return;
  }
  const database = new DatabaseSync(url.slice('sqlite:'.length));
  database.exec('PRAGMA journal_mode = WAL; BEGIN');
  for (const { sql, values } of statements)
    database
      .prepare(sql)
      .run(
        Object.fromEntries(
          values.map((value, index) => [`$${index + 1}`, typeof value === 'boolean' ? Number(value) : value]),
        ),
      );
  database.exec('COMMIT');
  database.close();
}

function insertSql({ name, columns }: Table, row: StoreRow): Insert {
  const unknown = Object.keys(row).find((column) => !columns.some((known) => known.name === column));
  if (unknown !== undefined) throw new TypeError(`${name} has no column ${unknown}`);
  const markers = columns.map((_, index) => `$${index + 1}`);
  return {
    sql: `INSERT INTO ${name} (${columns.map((column) => column.name).join(', ')}) VALUES (${markers.join(', ')})`,
    values: columns.map((column) => row[column.name] ?? emptyCell(column)),
  };
}

function emptyCell({ type, required }: Column): Cell {
  if (required !== true) return null;
  return { text: '', integer: 0, number: 0, flag: false, json: '{}' }[type];
}

function rowsOf({
  id,
  row = {},
  config = {},
  summary = {},
  tags = [],
  history = [],
  keyMetrics = {},
}: BuiltRun): readonly (readonly [Table, StoreRow])[] {
  const json = { config: JSON.stringify(config), summary: JSON.stringify(summary), tags: JSON.stringify(tags) };
  const values = [
    ...Object.entries(config).map(([key, value]) => ['config', key, value] as const),
    ...Object.entries(summary).map(([key, value]) => ['summary', key, value] as const),
    ...tags.map((tag) => ['tag', tag, tag] as const),
  ];
  return [
    [tableOf('runs'), { run_id: id, status: 'finished', ...json, ...row }],
    ...values.map(([section, key, value]): [Table, StoreRow] => [
      tableOf('run_values'),
      {
        run_id: id,
        section,
        key,
        number: typeof value === 'number' ? value : null,
        text: typeof value === 'number' ? null : String(value),
      },
    ]),
    ...history.map(({ writer = 'w', metrics, step, axis, ...rest }, index): [Table, StoreRow] => [
      tableOf('history'),
      {
        run_id: id,
        writer,
        seq: index,
        time: index,
        kind: 'step',
        axis: axis === undefined ? 'step' : axis,
        step,
        metrics: JSON.stringify(metrics),
        ...rest,
      },
    ]),
    ...Object.entries(keyMetrics).flatMap(([key, points]) =>
      points.map(([step, time, value]): [Table, StoreRow] => [
        tableOf('key_metrics'),
        { run_id: id, key, axis: 'step', step, time, value },
      ]),
    ),
  ];
}

function tableOf(name: string): Table {
  const table = TABLES.find((known) => known.name === name);
  if (table === undefined) throw new TypeError(`there is no table ${name}`);
  return table;
}
