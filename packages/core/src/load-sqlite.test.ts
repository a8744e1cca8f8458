import { spawnSync } from 'node:child_process';
import { afterEach, expect, it, vi } from 'vitest';
import { loadSqlite } from './load-sqlite.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it('is what Node brings', () => {
  const { DatabaseSync } = loadSqlite();
  const database = new DatabaseSync(':memory:');
  expect({ ...database.prepare('SELECT 1 AS one').get() }).toEqual({ one: 1 });
  database.close();
});

it('lets nothing be said while it is loaded, and everything afterwards', () => {
  const said: string[] = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => {
    said.push(String(warning));
  });
  const load = process.getBuiltinModule.bind(process);
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(() => {
    process.emitWarning('SQLite is experimental');
    return load('node:sqlite');
  });
  loadSqlite();
  expect(said).toEqual([]);
  process.emitWarning('something else');
  expect(said).toEqual(['something else']);
});

it('lets warnings through again where it cannot be loaded', () => {
  const before = Object.getOwnPropertyDescriptor(process, 'emitWarning');
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(() => {
    throw new Error('built without SQLite');
  });
  expect(() => loadSqlite()).toThrow('built without SQLite');
  expect(Object.getOwnPropertyDescriptor(process, 'emitWarning')).toEqual(before);
});

it('leaves nothing on the output of a process', () => {
  const module = JSON.stringify(new URL('load-sqlite.ts', import.meta.url).href);
  const code = `import { loadSqlite } from ${module}; new (loadSqlite().DatabaseSync)(':memory:').close();`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});
