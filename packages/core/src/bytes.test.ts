import { expect, it } from 'vitest';
import { byteAt } from './bytes.ts';

it('gives a byte, and zero beyond the end', () => {
  expect([-1, 0, 1, 2].map((at) => byteAt(Uint8Array.of(7, 8), at))).toEqual([0, 7, 8, 0]);
});
