import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runDirectory } from '@runcast/runlog';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CursorStore, type Cursor } from './cursor-store.ts';

const cursor: Cursor = {
  delivered: new Map([['w1', { seq: 3, offset: 400 }]]),
  position: { length: 90 },
  intent: undefined,
};
let dir = '';

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'runcast-cursors-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

it('stores a cursor although the directory of cursors was removed', () => {
  const store = new CursorStore(runDirectory(dir, 'run-1'), 'jsonl');
  store.write(cursor);
  expect(store.read()).toEqual(cursor);
});

it('says what else keeps a cursor from being stored', () => {
  const directory = runDirectory(dir, 'run-1');
  writeFileSync(directory.path, 'a file where the run belongs');
  expect(() => new CursorStore(directory, 'jsonl').write(cursor)).toThrow('ENOTDIR');
});
