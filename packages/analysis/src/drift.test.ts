import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CurvePoint } from './curve.ts';
import { near } from '../test/near.ts';
import { curveOf, noisyCurve, shareOfTrials, transformed } from '../test/planted-curves.ts';
import { objectivesDrift } from './drift.ts';

const falling = (step: number): number => 5 - step / 100;
/** Falls with the other until step 200, and rises from there on. */
const turning = (step: number): number => 3 + Math.abs(step - 200) / 100;

function curves(...named: readonly (readonly [string, readonly CurvePoint[]])[]): Map<string, readonly CurvePoint[]> {
  return new Map(named);
}

it('finds the pair that moves apart, from where on, and which of the two improves', () => {
  const drift = objectivesDrift(
    curves(
      ['b', curveOf(400, turning)],
      ['a', curveOf(400, falling)],
      ['c', curveOf(400, (step) => falling(step) * 2)],
    ),
  );
  expect(drift.compared).toBe(3);
  expect(drift.pairs).toMatchObject([
    { improving: 'a', worsening: 'b', correlation: -1, fromStep: near(200, -1) },
    { improving: 'c', worsening: 'b', correlation: -1 },
  ]);
  const [pair] = drift.pairs;
  expect(pair?.improvingChange).toBeCloseTo(-2, 0);
  expect(pair?.worseningChange).toBeCloseTo(2, 0);
  expect(drift.message).toMatch(
    /^From step [\d.]+ on a improves \(-[\d.]+\) and b worsens \(\+[\d.]+\); From step [\d.]+ on c improves/u,
  );
  expect(Object.isFrozen(pair)).toBe(true);
});

it('knows objectives that are maximised', () => {
  const both = curves(['loss', curveOf(400, falling)], ['accuracy', curveOf(400, (step) => step / 400)]);
  expect(objectivesDrift(both).pairs).toHaveLength(1);
  expect(objectivesDrift(both, { maximize: ['accuracy'] })).toMatchObject({
    pairs: [],
    message: 'No objectives move apart, of 1 compared.',
  });
  const worse = curves(['loss', curveOf(400, falling)], ['accuracy', curveOf(400, falling)]);
  expect(objectivesDrift(worse, { maximize: ['accuracy'] }).pairs).toMatchObject([
    {
      improving: 'loss',
      worsening: 'accuracy',
      fromStep: near(0, -1),
      worseningChange: near(-3.9, 0),
    },
  ]);
});

it('compares at the steps that two have in common', () => {
  const rare = curveOf(41, (index) => turning(index * 10)).map(({ step, value }) => ({ step: step * 10, value }));
  expect(objectivesDrift(curves(['a', curveOf(400, falling)], ['b', rare])).pairs).toHaveLength(1);
});

it('names pairs with too few steps in common, and says where there is nothing to compare', () => {
  const odd = curveOf(100, falling).map(({ step, value }) => ({ step: 2 * step + 1, value }));
  const drift = objectivesDrift(
    curves(['a', curveOf(100, (step) => (step < 50 ? 1 : NaN))], ['b', curveOf(400, falling)], ['c', odd]),
    { leastPoints: 51 },
  );
  expect(drift).toMatchObject({
    compared: 1,
    tooShort: [
      ['a', 'b'],
      ['a', 'c'],
    ],
  });
  expect(drift.message).toBe('No objectives move apart, of 1 compared; too few steps in common: a and b, a and c.');
  expect(objectivesDrift(curves(['a', odd])).message).toBe('There are no two objectives to compare.');
  expect(objectivesDrift(curves(['a', odd], ['b', []]), { leastPoints: 1 }).tooShort).toEqual([['a', 'b']]);
});

it('passes over what came together again, what both have in common and what does not move', () => {
  const back = (step: number): number => (step < 250 ? turning(step) : 3.5 - (step - 250) / 100);
  expect(objectivesDrift(curves(['a', curveOf(400, falling)], ['b', curveOf(400, back)])).pairs).toEqual([]);
  expect(objectivesDrift(curves(['a', curveOf(400, falling)], ['b', curveOf(400, () => 1)])).pairs).toEqual([]);
  // Noise of one is the other's upside down, without a trend.
  const noise = noisyCurve(400, 3, 1, () => 0);
  expect(objectivesDrift(curves(['a', noise], ['b', transformed(noise, -1, 0)])).pairs).toEqual([]);
});

it('takes other bounds, and refuses those that make no sense', () => {
  const both = curves(['a', noisyCurve(400, 1, 0.3, falling)], ['b', noisyCurve(400, 2, 0.3, turning)]);
  expect(objectivesDrift(both).pairs).toHaveLength(1);
  expect(objectivesDrift(both, { correlation: 0.99 }).pairs).toEqual([]);
  expect(objectivesDrift(both, { window: 1 }).pairs).toEqual([]);
  expect(() => objectivesDrift(both, { window: 2 })).toThrow(RangeError);
  expect(() => objectivesDrift(both, { correlation: -1 })).toThrow(RangeError);
  expect(() => objectivesDrift(both, { leastPoints: NaN })).toThrow(RangeError);
});

describe('in noise', () => {
  it('finds 95 of 100 planted pairs, near the step', () => {
    const found = shareOfTrials(100, (seed) => {
      const both = curves(
        ['a', noisyCurve(400, seed, 0.3, falling)],
        ['b', noisyCurve(400, seed + 1000, 0.3, turning)],
      );
      const [pair] = objectivesDrift(both).pairs;
      return pair?.worsening === 'b' && pair.fromStep > 140 && pair.fromStep < 260;
    });
    expect(found).toBeGreaterThanOrEqual(0.95);
  });

  it.each([40, 400])('sees a drift in no more than 2 of 100 pairs of %i points of noise', (length) => {
    const wrong = shareOfTrials(200, (seed) => {
      const noise = (of: number): readonly CurvePoint[] => noisyCurve(length, of, 1, () => 0);
      return objectivesDrift(curves(['a', noise(seed)], ['b', noise(seed + 1000)])).pairs.length > 0;
    });
    expect(wrong).toBeLessThanOrEqual(0.02);
  });
});

it('finds the same in curves that are shifted and scaled', () => {
  const values = fc.array(fc.tuple(fc.integer({ min: -80, max: 80 }), fc.integer({ min: -80, max: 80 })), {
    minLength: 20,
    maxLength: 120,
  });
  fc.assert(
    fc.property(values, fc.integer({ min: -8, max: 8 }), fc.integer({ min: -100, max: 100 }), (given, power, shift) => {
      const a = curveOf(given.length, (step) => Number(given[step]?.[0]) / 8 - step);
      const b = curveOf(given.length, (step) => Number(given[step]?.[1]) / 8 + step);
      const one = objectivesDrift(curves(['a', a], ['b', b]));
      const other = objectivesDrift(curves(['a', transformed(a, 2 ** power, shift * 2 ** power)], ['b', b]));
      expect(other.pairs.map(({ fromStep, worsening }) => [fromStep, worsening])).toEqual(
        one.pairs.map(({ fromStep, worsening }) => [fromStep, worsening]),
      );
    }),
    { numRuns: 100 },
  );
});
