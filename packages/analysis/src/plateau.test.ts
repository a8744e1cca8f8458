import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { near } from '../test/near.ts';
import { curveOf, noisyCurve, shareOfTrials, transformed } from '../test/planted-curves.ts';
import { detectPlateau } from './plateau.ts';

/** Falls by a straight line to 1, then stays there. */
function falling(until: number): (step: number) => number {
  return (step) => 1 + Math.max(0, until - step) / 100;
}

describe('a curve', () => {
  it('that falls and then stays has stopped where it began to stay', () => {
    const plateau = detectPlateau(curveOf(100, falling(40)));
    expect(plateau).toEqual({
      verdict: 'plateaued',
      points: 100,
      step: 40,
      value: 1,
      since: 'flat',
      last: 1,
      message: 'Stopped improving at step 40, at 1; flat since.',
    });
    expect(Object.isFrozen(plateau)).toBe(true);
  });

  it('that falls to its end is still improving', () => {
    const plateau = detectPlateau(curveOf(1000, (step) => 10 - step / 100));
    expect(plateau).toMatchObject({ verdict: 'improving', points: 1000, recentGain: near(2, 0) });
    expect(plateau.message).toMatch(/^Still improving at step 999, by [\d.]+ over the last 20 % of the steps\.$/u);
  });

  it('that becomes worse again has stopped at its best', () => {
    const plateau = detectPlateau(curveOf(100, (step) => Math.abs(step - 30) / 10));
    expect(plateau).toMatchObject({ verdict: 'plateaued', since: 'worse', value: near(0, 0) });
    expect(plateau).toMatchObject({ step: near(30, -1), last: near(6.8, 1) });
    expect(plateau.message).toMatch(/^Stopped improving at step \d+, at 0\.1; worse since, 6\.8 at the end\.$/u);
  });

  it('may be one of which more is better', () => {
    const accuracy = curveOf(100, (step) => Math.min(step, 50) / 50);
    expect(detectPlateau(accuracy, { direction: 'maximize' })).toMatchObject({
      verdict: 'plateaued',
      value: 1,
      last: 1,
    });
    expect(detectPlateau(accuracy)).toMatchObject({ verdict: 'plateaued', step: 0, value: 0.02, since: 'worse' });
  });

  it('that never moves has stopped at once', () => {
    expect(detectPlateau(curveOf(50, () => 3))).toMatchObject({
      verdict: 'plateaued',
      step: 0,
      value: 3,
      since: 'flat',
    });
  });

  it('of too few finite values says nothing, and how many it takes', () => {
    const points = curveOf(30, (step) => (step < 19 ? 1 : NaN));
    expect(detectPlateau(points)).toEqual({
      verdict: 'too-short',
      points: 19,
      leastPoints: 20,
      message: 'Too short to say: 19 finite values, at least 20 are needed.',
    });
    expect(detectPlateau([], { leastPoints: 1 }).verdict).toBe('too-short');
    expect(detectPlateau([{ step: 3, value: 1 }], { leastPoints: 1 })).toMatchObject({
      verdict: 'too-short',
      message: 'Too short to say: 1 finite value, at least 1 are needed.',
    });
  });
});

it('takes other bounds', () => {
  const slow = curveOf(200, (step) => Math.exp(-step / 40));
  expect(detectPlateau(slow).verdict).toBe('improving');
  expect(detectPlateau(slow, { minDelta: 0.1 }).verdict).toBe('plateaued');
  expect(detectPlateau(curveOf(100, falling(70)), { patience: 0.4 }).verdict).toBe('improving');
  for (const patience of [-0.1, 1.1, NaN]) expect(() => detectPlateau(slow, { patience })).toThrow(RangeError);
  expect(() => detectPlateau(slow, { minDelta: 2 })).toThrow('minDelta expects a number from 0 to 1, is 2');
  expect(() => detectPlateau(slow, { leastPoints: 0 })).toThrow('leastPoints expects a positive number, is 0');
});

it('is not misled by spikes', () => {
  const spiky = curveOf(1000, (step) => falling(400)(step) + (step % 97 === 0 ? 50 : 0));
  const plateau = detectPlateau(spiky);
  expect(plateau).toMatchObject({ verdict: 'plateaued', step: near(400, -2), value: 1 });
});

describe('shifting and scaling', () => {
  // In eighths and by powers of two, so that no sum is rounded and nothing is decided by the last bit.
  const values = fc.array(fc.integer({ min: -800, max: 800 }), { minLength: 20, maxLength: 150 });
  const scale = fc.integer({ min: -8, max: 8 }).map((exponent) => 2 ** exponent);
  const shift = fc.integer({ min: -1000, max: 1000 });

  it('changes no verdict', () => {
    fc.assert(
      fc.property(values, scale, shift, (given, by, offset) => {
        const points = curveOf(given.length, (step) => Number(given[step]) / 8);
        const [one, other] = [detectPlateau(points), detectPlateau(transformed(points, by, offset * by))];
        expect(other.verdict).toBe(one.verdict);
        if (one.verdict !== 'plateaued' || other.verdict !== 'plateaued') return;
        expect(other).toMatchObject({ step: one.step, since: one.since, value: one.value * by + offset * by });
      }),
      { numRuns: 200 },
    );
  });

  it('and turning a curve over is asking for the other direction', () => {
    fc.assert(
      fc.property(values, (given) => {
        const points = curveOf(given.length, (step) => Number(given[step]) / 8);
        const turned = detectPlateau(transformed(points, -1, 0), { direction: 'maximize' });
        expect(turned.verdict).toBe(detectPlateau(points).verdict);
      }),
      { numRuns: 100 },
    );
  });
});

describe('in noise', () => {
  it.each([40, 100, 1000])('finds a planted plateau in 95 of 100 curves of %i points, near where it is', (length) => {
    const found = shareOfTrials(200, (seed) => {
      const points = noisyCurve(length, seed, 0.05, (step) => Math.exp((-12 * step) / length));
      const plateau = detectPlateau(points);
      return plateau.verdict === 'plateaued' && plateau.step > 0.1 * length && plateau.step < 0.6 * length;
    });
    expect(found).toBeGreaterThanOrEqual(0.95);
  });

  it.each([
    [40, 20],
    [100, 20],
    [1000, 4],
  ])('takes no more than 5 of 100 lines of %i points falling by %i deviations for a plateau', (length, fall) => {
    const wrong = shareOfTrials(200, (seed) => {
      const points = noisyCurve(length, seed, 1, (step) => (-fall * step) / length);
      return detectPlateau(points).verdict !== 'improving';
    });
    expect(wrong).toBeLessThanOrEqual(0.05);
  });

  it.each([40, 100, 1000])('says of no more than 7 of 100 curves of %i points of noise that they improve', (length) => {
    const wrong = shareOfTrials(
      200,
      (seed) => detectPlateau(noisyCurve(length, seed, 1, () => 0)).verdict === 'improving',
    );
    expect(wrong).toBeLessThanOrEqual(0.07);
  });
});
