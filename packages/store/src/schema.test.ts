import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { TABLES } from './schema.ts';

const PAGE = readFileSync(new URL('../../../docs/store.md', import.meta.url), 'utf8');

it.each(TABLES.map((table) => [table.name, table] as const))(
  'describes every column of %s in docs/store.md',
  (name, table) => {
    const start = PAGE.indexOf(`\`${name}\``);
    const described = PAGE.slice(start);
    expect(start).toBeGreaterThan(-1);
    expect(table.columns.filter((column) => !described.includes(`\`${column.name}\``))).toEqual([]);
  },
);

it.each(TABLES)('has the columns of its key and its indexes: $name', ({ columns, key, indexes }) => {
  const names = columns.map((column) => column.name);
  expect([...key, ...indexes.flat()].filter((name) => !names.includes(name))).toEqual([]);
  expect(columns.filter(({ name, required }) => key.includes(name) && required !== true)).toEqual([]);
});
