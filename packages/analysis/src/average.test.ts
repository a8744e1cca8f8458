import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { near } from '../test/near.ts';
import { curveOf, transformed } from '../test/planted-curves.ts';
import { averageCurves } from './average.ts';

const one = [
  { step: 0, value: 2 },
  { step: 10, value: 4 },
];
const other = [
  { step: 5, value: 5 },
  { step: 10, value: 8 },
  { step: 15, value: 0 },
];

it('averages at every step of any curve, along straight lines between the points of each', () => {
  const average = averageCurves([one, other], { spread: 'minmax' });
  expect(average).toEqual([
    { step: 0, value: 2, lower: NaN, upper: NaN, curves: 1 },
    { step: 5, value: 4, lower: 3, upper: 5, curves: 2 },
    { step: 10, value: 6, lower: 4, upper: 8, curves: 2 },
    { step: 15, value: 0, lower: NaN, upper: NaN, curves: 1 },
  ]);
  expect(Object.isFrozen(average[0])).toBe(true);
});

it('has a sample’s standard deviation, the error of the mean, or no spread', () => {
  const curves = [1, 2, 6].map((value) => [{ step: 0, value }]);
  expect(averageCurves(curves)[0]).toEqual({
    step: 0,
    value: 3,
    lower: 3 - Math.sqrt(7),
    upper: 3 + Math.sqrt(7),
    curves: 3,
  });
  expect(averageCurves(curves, { spread: 'stderr' })[0]?.upper).toBeCloseTo(3 + Math.sqrt(7 / 3), 12);
  expect(averageCurves(curves, { spread: 'none', center: 'median' })[0]).toMatchObject({ value: 2, lower: NaN });
});

it('makes nothing up where a curve has no finite value', () => {
  const broken = curveOf(5, (step) => (step === 2 ? NaN : step));
  const whole = [
    { step: 0, value: 10 },
    { step: 1.5, value: 10 },
    { step: 4, value: 10 },
  ];
  expect(averageCurves([broken, whole]).map(({ step, curves }) => [step, curves])).toEqual([
    [0, 2],
    [1, 2],
    [1.5, 1],
    [2, 1],
    [3, 2],
    [4, 2],
  ]);
  expect(averageCurves([broken])[2]).toEqual({ step: 2, value: NaN, lower: NaN, upper: NaN, curves: 0 });
  expect(averageCurves([])).toEqual([]);
});

it('smooths each curve before', () => {
  expect(averageCurves([curveOf(3, (step) => step)], { smooth: 0.5 }).map(({ value }) => value)).toEqual([
    0,
    near(2 / 3, 12),
    near(10 / 7, 12),
  ]);
  expect(() => averageCurves([one], { smooth: 1 })).toThrow('smooth expects a number from 0 to 0.999, is 1');
});

describe('for any curves', () => {
  const curve = fc
    .uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 20 })
    .chain((steps) =>
      fc.tuple(
        fc.constant(steps.toSorted((a, b) => a - b)),
        fc.array(fc.integer({ min: -99, max: 99 }), { minLength: 20, maxLength: 20 }),
      ),
    )
    .map(([steps, values]) => steps.map((step, index) => ({ step, value: Number(values[index]) })));
  const curves = fc.array(curve, { maxLength: 5 });

  it('the middle is within the band, and the band within the values', () => {
    fc.assert(
      fc.property(curves, (given) => {
        for (const { value, lower, upper, curves: count } of averageCurves(given, { spread: 'minmax' })) {
          expect(count).toBeGreaterThan(0);
          if (count === 1) continue;
          expect(lower).toBeLessThanOrEqual(value + 1e-9);
          expect(upper).toBeGreaterThanOrEqual(value - 1e-9);
        }
      }),
    );
  });

  it('their order does not matter, and shifting and scaling goes through', () => {
    fc.assert(
      fc.property(curves, fc.integer({ min: -5, max: 5 }), fc.integer({ min: -9, max: 9 }), (given, power, shift) => {
        const options = { center: 'median', spread: 'minmax' } as const;
        const average = averageCurves(given, options);
        expect(averageCurves(given.toReversed(), options)).toEqual(average);
        const moved = averageCurves(
          given.map((points) => transformed(points, 2 ** power, shift)),
          options,
        );
        for (const [index, { value }] of moved.entries())
          expect(value).toBeCloseTo(Number(average[index]?.value) * 2 ** power + shift, 6);
      }),
    );
  });
});
