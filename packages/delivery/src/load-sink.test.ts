import { createMemorySink } from '@runcast/testing';
import { expect, test } from 'vitest';
import { loadSink, loadSinks } from './load-sink.ts';

const MODULE = new URL('../test/memory-sink-module.ts', import.meta.url).href;
const NO_SINK = new URL('../test/no-sink-module.ts', import.meta.url).href;

test('a spec is loaded by the URL of its module', async () => {
  const sink = await loadSink({ name: 'file', module: MODULE, config: { path: '/dev/null' } });
  expect(sink.name).toBe('file');
});

test('a spec that brings its function needs no module', async () => {
  const memory = createMemorySink();
  const sink = await loadSink({
    name: 'memory',
    module: 'file:///nowhere.js',
    config: {},
    load: async () => ({ createSink: () => memory }),
  });
  expect(sink).toBe(memory);
});

test.each([
  ['a module without createSink', new URL('./backoff.ts', import.meta.url).href],
  ['a module whose createSink is no function', NO_SINK],
])('%s is refused by name', async (_, module) => {
  await expect(loadSink({ name: 'file', module, config: {} })).rejects.toThrow(
    `${module} does not export a function createSink`,
  );
});

test('sinks that cannot be made are named, and the others are made', async () => {
  const memory = createMemorySink();
  const { sinks, failures } = await loadSinks([
    { name: 'missing', module: 'file:///nowhere.js', config: {} },
    memory,
    { name: 'file', module: MODULE, config: {} },
  ]);
  expect(sinks).toEqual([memory]);
  expect(failures.map(({ sink }) => sink)).toEqual(['missing', 'file']);
  expect(failures[1]?.error).toEqual(new TypeError('the configuration has no path'));
});
