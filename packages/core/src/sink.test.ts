import { expect, it } from 'vitest';
import { isSinkSpec, type Sink } from './sink.ts';

it('tells a sink as data from a sink as an object', () => {
  const sink: Sink = {
    name: 'mine',
    traits: { kinds: ['step'], guarantee: 'at-least-once', locality: 'local' },
    write: () => undefined,
    flush: () => undefined,
    close: () => undefined,
  };
  expect(isSinkSpec(sink)).toBe(false);
  expect(isSinkSpec({ name: 'mine', module: 'file:///sink.js', config: {} })).toBe(true);
});
