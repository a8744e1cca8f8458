import { loadSqlite } from '@runcast/core';
import { expect, it } from 'vitest';
import { HISTORY, POSITIONS, RUN_VALUES, TABLES } from './schema.ts';
import { createIndexesSql, createTableSql } from './sql-dialect.ts';

it('calls columns as each database does', () => {
  expect(createTableSql(HISTORY, 'sqlite')).toBe(`CREATE TABLE IF NOT EXISTS history (
  run_id TEXT NOT NULL,
  writer TEXT NOT NULL,
  seq INTEGER NOT NULL,
  time REAL NOT NULL,
  kind TEXT NOT NULL,
  axis TEXT,
  step INTEGER,
  superseded INTEGER NOT NULL,
  metrics TEXT NOT NULL,
  PRIMARY KEY (run_id, writer, seq)
)`);
  expect(createTableSql(HISTORY, 'postgres')).toBe(`CREATE TABLE IF NOT EXISTS history (
  run_id text NOT NULL,
  writer text NOT NULL,
  seq bigint NOT NULL,
  time double precision NOT NULL,
  kind text NOT NULL,
  axis text,
  step bigint,
  superseded boolean NOT NULL,
  metrics json NOT NULL,
  PRIMARY KEY (run_id, writer, seq)
)`);
});

it('names indexes after their table and columns', () => {
  expect(createIndexesSql(RUN_VALUES)).toEqual([
    'CREATE INDEX IF NOT EXISTS run_values_section_key_number ON run_values (section, key, number)',
    'CREATE INDEX IF NOT EXISTS run_values_section_key_text ON run_values (section, key, text)',
  ]);
  expect(createIndexesSql(POSITIONS)).toEqual([]);
});

it('makes every table of a store, once', () => {
  const { DatabaseSync } = loadSqlite();
  const database = new DatabaseSync(':memory:');
  const statements = TABLES.flatMap((table) => [createTableSql(table, 'sqlite'), ...createIndexesSql(table)]);
  for (const statement of [...statements, ...statements]) database.exec(statement);
  const made = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").all();
  database.close();
  expect(made.map(({ name }) => name)).toEqual(TABLES.map(({ name }) => name));
});
