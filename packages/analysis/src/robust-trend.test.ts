import { expect, it } from 'vitest';
import { curveOf, noisyCurve, replaced } from '../test/planted-curves.ts';
import { noiseOf, robustTrend } from './robust-trend.ts';

it('is a line’s rise, whatever a quarter of the values say', () => {
  const line = curveOf(40, (step) => 2 * step);
  expect(robustTrend(line)).toEqual({ change: 78, uncertainty: 0 });
  const outliers = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [index * 4, 1000]));
  expect(robustTrend(replaced(line, outliers)).change).toBeCloseTo(78, -1);
});

it('is uncertain by two standard errors of the least squares', () => {
  const { uncertainty } = robustTrend(noisyCurve(100, 1, 3, () => 0));
  expect(uncertainty).toBeGreaterThan(1.5);
  expect(uncertainty).toBeLessThan(2.7);
});

it('says nothing of a single step', () => {
  const points = [1, 2, 3].map((value) => ({ step: 5, value }));
  expect(robustTrend(points)).toEqual({ change: 0, uncertainty: Infinity });
});

it('takes noise from neighbours, not from the slope', () => {
  expect(noiseOf([1, 2])).toBe(0);
  expect(noiseOf(Array.from({ length: 50 }, (_, step) => step * 7))).toBe(0);
});
