import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { LOG_START } from '@runcast/runlog';
import { expect, test } from 'vitest';
import { makeRun } from '../test/run-on-disk.ts';
import { CursorStore, deliveredPosition, EMPTY_CURSOR, type Cursor } from './cursor-store.ts';

const CURSOR: Cursor = {
  delivered: new Map([
    ['w1', { seq: 4, offset: 512 }],
    ['w2', { seq: 0, offset: 100 }],
  ]),
  position: { length: 77, files: ['a', 'b'] },
  intent: { writer: 'w2', next: { seq: 3, offset: 400 } },
};

test('reads back what was written', () => {
  const { directory } = makeRun();
  const store = new CursorStore(directory, 'jsonl');
  store.write(CURSOR);
  expect(new CursorStore(directory, 'jsonl').read()).toEqual(CURSOR);
});

test('a cursor without position and intent is read back without them', () => {
  const { directory } = makeRun();
  const store = new CursorStore(directory, 'jsonl');
  const cursor: Cursor = { ...CURSOR, position: undefined, intent: undefined };
  store.write(cursor);
  expect(store.read()).toEqual(cursor);
});

test('writes leave no drafts behind', () => {
  const { directory } = makeRun();
  const store = new CursorStore(directory, 'jsonl');
  store.write(CURSOR);
  store.write(EMPTY_CURSOR);
  expect(readdirSync(directory.cursorDirectory)).toEqual(['jsonl.json']);
});

test('no file is an empty cursor', () => {
  const store = new CursorStore(makeRun().directory, 'jsonl');
  expect(store.read()).toEqual(EMPTY_CURSOR);
  store.write(CURSOR);
  store.remove();
  store.remove();
  expect(store.read()).toEqual(EMPTY_CURSOR);
});

test.each([
  ['cut in half', '{"v":1,"delivered":{"w1":{"seq"'],
  ['empty', ''],
  ['NUL bytes', '\0\0\0\0'],
  ['of another version', '{"v":2,"delivered":{}}'],
  ['a negative offset', '{"v":1,"delivered":{"w1":{"seq":0,"offset":-5}}}'],
  ['a seq that is no integer', '{"v":1,"delivered":{"w1":{"seq":0.5,"offset":0}}}'],
  ['an intent without a writer', '{"v":1,"delivered":{},"intent":{"next":{"seq":0,"offset":0}}}'],
  ['an array', '[]'],
])('a damaged cursor (%s) counts as none', (_, content) => {
  const store = new CursorStore(makeRun().directory, 'jsonl');
  writeFileSync(store.path, content);
  expect(store.read()).toEqual(EMPTY_CURSOR);
});

test('a disk that cannot be read is not an empty cursor', () => {
  const store = new CursorStore(makeRun().directory, 'jsonl');
  mkdirSync(store.path);
  expect(() => store.read()).toThrow(expect.objectContaining({ code: 'EISDIR' }));
});

test('an unknown writer stands at the start of its log', () => {
  expect(deliveredPosition(CURSOR, 'w1')).toEqual({ seq: 4, offset: 512 });
  expect(deliveredPosition(CURSOR, 'w9')).toBe(LOG_START);
});
