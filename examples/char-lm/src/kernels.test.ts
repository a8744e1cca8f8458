import { expect, test } from 'vitest';
import { addScaled, at, dot, softmax } from './kernels.ts';

test('a value is read at its index, and nothing outside', () => {
  expect(at(Float32Array.of(3, 4), 1)).toBe(4);
  expect(at(Float32Array.of(3, 4), 2)).toBe(0);
});

test('a scaled stretch is added in its place', () => {
  const target = Float32Array.of(1, 1, 1, 1);
  addScaled(target, 1, Float32Array.of(9, 2, 3), 1, 2, 10);
  expect([...target]).toEqual([1, 21, 31, 1]);
});

test('the inner product takes stretches of both', () => {
  expect(dot(Float32Array.of(9, 1, 2), 1, Float32Array.of(3, 4, 9), 0, 2)).toBe(11);
});

test('softmax does not overflow', () => {
  const logits = Float32Array.of(1000, 1000 + Math.log(3));
  softmax(logits);
  expect(logits[0]).toBeCloseTo(0.25, 4);
  expect(logits[1]).toBeCloseTo(0.75, 4);
});
