import { expect, it } from 'vitest';
import { curveOf, replaced } from '../test/planted-curves.ts';
import { smoothed } from './smoothing.ts';

it('is TensorBoard’s: an average that does not begin at zero', () => {
  const values = smoothed(
    curveOf(4, (step) => [1, 2, 4, 8][step] ?? 0),
    0.6,
  ).map(({ value }) => value);
  // What classicSmoothing of TensorBoard 2.20 makes of these.
  const expected = [1, 1.625, 2.836734693877551, 5.209558823529412];
  for (const [index, value] of values.entries()) expect(value).toBeCloseTo(Number(expected[index]), 12);
});

it('leaves a constant as it is, and everything with a weight of 0', () => {
  const constant = curveOf(50, () => 0.1);
  expect(smoothed(constant, 0.9)).toBe(constant);
  const any = curveOf(3, (step) => step ** 2);
  expect(smoothed(any, 0)).toBe(any);
});

it('passes over values that are not finite', () => {
  const points = curveOf(4, (step) => step);
  const values = smoothed(replaced(points, { 1: NaN, 2: Infinity }), 0.5).map(({ value }) => value);
  expect(values).toEqual([0, NaN, Infinity, 2]);
});

it('refuses other weights', () => {
  for (const weight of [-0.1, 0.9991, NaN]) expect(() => smoothed([], weight)).toThrow(RangeError);
});
