import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { near } from '../test/near.ts';
import { curveOf, noisyCurve, replaced, shareOfTrials, transformed } from '../test/planted-curves.ts';
import { detectInstability } from './instability.ts';

const decay = (step: number): number => 4 * Math.exp(-step / 50);

it('has nothing to say of a calm curve', () => {
  const instability = detectInstability(noisyCurve(300, 1, 0.02, decay));
  expect(instability).toEqual({
    stable: true,
    points: 300,
    tooShort: false,
    nonFinite: undefined,
    spikes: [],
    divergence: undefined,
    message: 'Stable over 300 values.',
  });
  expect(Object.isFrozen(instability.spikes)).toBe(true);
});

describe('values that are none', () => {
  it('are counted by kind, from the first on', () => {
    const points = replaced(curveOf(50, decay), { 7: NaN, 9: Infinity, 11: -Infinity });
    const { stable, nonFinite, message } = detectInstability(points);
    expect(stable).toBe(false);
    expect(nonFinite).toEqual({ count: 3, nan: 1, infinite: 2, firstStep: 7, recovered: true });
    expect(message).toBe('NaN or infinite values 3 times, first at step 7.');
  });

  it('may be where the curve ends', () => {
    const points = curveOf(50, (step) => (step < 40 ? decay(step) : NaN));
    const { nonFinite, message } = detectInstability(points);
    expect(nonFinite).toMatchObject({ count: 10, recovered: false });
    expect(message).toBe('NaN 10 times, first at step 40, and at the end.');
  });

  it('may be all there is', () => {
    expect(detectInstability([{ step: 1, value: Infinity }]).message).toBe(
      'Infinite values 1 time, first at step 1, and at the end; too short to look for spikes and divergence.',
    );
    expect(detectInstability([])).toMatchObject({ stable: true, tooShort: true });
  });
});

describe('spikes', () => {
  it('are found with their steps and sizes, neighbours as one', () => {
    const calm = noisyCurve(400, 2, 0.01, () => 1);
    const { spikes, divergence, message } = detectInstability(
      replaced(calm, { 100: 3, 250: 2, 251: 4, 252: 2.5, 300: -1 }),
    );
    expect(divergence).toBeUndefined();
    expect(spikes).toMatchObject([
      { step: 100, firstStep: 100, lastStep: 100, value: 3, size: near(2, 1) },
      { step: 251, firstStep: 250, lastStep: 252, value: 4, size: near(3, 1) },
      { step: 300, size: near(-2, 1) },
    ]);
    expect(spikes[0]?.deviations).toBeGreaterThan(100);
    expect(message).toMatch(/^3 spikes, the largest \+(?:2\.99\d?|3\.0\d\d|3) at step 251\.$/u);
  });

  it('up and down beside each other are two', () => {
    const { spikes } = detectInstability(
      replaced(
        curveOf(100, (step) => step % 2),
        { 50: 30, 51: -30 },
      ),
    );
    expect(spikes.map(({ step }) => step)).toEqual([50, 51]);
  });

  it('stand out of a curve without any noise by any measure', () => {
    const { spikes, message } = detectInstability(
      replaced(
        curveOf(100, () => 1),
        { 60: 0.5 },
      ),
    );
    expect(spikes).toEqual([{ step: 60, firstStep: 60, lastStep: 60, value: 0.5, size: -0.5, deviations: Infinity }]);
    expect(message).toBe('A spike of -0.5 at step 60.');
  });

  it('are no falls, jumps or bends of the curve itself', () => {
    const bent = curveOf(500, (step) => (step < 250 ? decay(step) : -3 + Math.sin(step / 40)));
    expect(detectInstability(bent, { direction: 'maximize', divergenceShare: 10 }).spikes).toEqual([]);
  });

  it('are judged by the noise around them as well', () => {
    const points = noisyCurve(600, 3, 1, () => 0).map(({ step, value }) => ({
      step,
      value: step < 120 ? value * 30 : value,
    }));
    expect(detectInstability(points).spikes.filter(({ step }) => step > 10 && step < 110)).toEqual([]);
  });
});

describe('divergence', () => {
  it('is an end far above the best, from where it was left', () => {
    const points = noisyCurve(500, 4, 0.02, (step) => (step < 400 ? decay(step) : decay(400) + (step - 400) / 20));
    const { divergence, spikes, message } = detectInstability(points);
    expect(spikes).toEqual([]);
    expect(divergence).toMatchObject({ best: near(0, 1), last: near(3.7, 0) });
    expect(divergence?.step).toBeGreaterThanOrEqual(400);
    expect(divergence?.step).toBeLessThan(460);
    expect(message).toMatch(/^Diverged after step 4\d\d: 3\.\d+ at the end, -?0\.0\d+ at best\.$/u);
  });

  it('is not what came back', () => {
    const points = noisyCurve(500, 5, 0.02, (step) => decay(step) + (step > 200 && step < 300 ? 3 : 0));
    expect(detectInstability(points).divergence).toBeUndefined();
  });

  it('is a gradient that explodes, and an accuracy that collapses', () => {
    const norms = noisyCurve(300, 6, 0.1, (step) => (step < 250 ? 1 : 1.3 ** (step - 250)));
    expect(detectInstability(norms).divergence?.step).toBeGreaterThan(240);
    const accuracy = noisyCurve(300, 7, 0.01, (step) => (step < 200 ? Math.min(0.9, step / 100) : 0.1));
    expect(detectInstability(accuracy, { direction: 'maximize' }).divergence).toMatchObject({
      best: near(0.9, 1),
      last: near(0.1, 1),
    });
  });
});

it('takes other bounds, and refuses those that make no sense', () => {
  const points = replaced(
    noisyCurve(200, 8, 1, () => 0),
    { 90: 12 },
  );
  expect(detectInstability(points, { window: 11 }).spikes).toHaveLength(1);
  expect(detectInstability(points, { spikeDeviations: 50 }).spikes).toEqual([]);
  expect(detectInstability(points, { leastPoints: 201 })).toMatchObject({ spikes: [], tooShort: true });
  expect(() => detectInstability(points, { window: 10 })).toThrow('window expects an odd number, is 10');
  expect(() => detectInstability(points, { spikeDeviations: -1 })).toThrow(RangeError);
  expect(() => detectInstability(points, { divergenceShare: 0 })).toThrow(RangeError);
});

it('finds the same in a curve that is shifted and scaled', () => {
  const values = fc.array(
    fc.oneof(fc.integer({ min: -80, max: 80 }), fc.integer({ min: -8000, max: 8000 }), fc.constant(NaN)),
    {
      minLength: 20,
      maxLength: 120,
    },
  );
  const exponent = fc.integer({ min: -8, max: 8 });
  fc.assert(
    // In eighths and by powers of two, so that no sum is rounded.
    fc.property(values, exponent, fc.integer({ min: -1000, max: 1000 }), (given, power, shift) => {
      const points = curveOf(given.length, (step) => Number(given[step]) / 8);
      const one = detectInstability(points);
      const other = detectInstability(transformed(points, 2 ** power, shift * 2 ** power));
      expect(other.spikes.map(({ step }) => step)).toEqual(one.spikes.map(({ step }) => step));
      expect(other.divergence?.step).toBe(one.divergence?.step);
      expect(other.nonFinite).toEqual(one.nonFinite);
    }),
    { numRuns: 200 },
  );
});

describe('in noise', () => {
  it.each([20, 40, 100, 1000])('raises no more than 2 false alarms in 100 curves of %i points', (length) => {
    const wrong = shareOfTrials(300, (seed) => {
      const points = noisyCurve(length, seed, 0.05, (step) => Math.exp((-10 * step) / length));
      return !detectInstability(points).stable;
    });
    expect(wrong).toBeLessThanOrEqual(0.02);
  });

  it('finds 99 of 100 spikes of twelve deviations', () => {
    const found = shareOfTrials(200, (seed) => {
      const points = noisyCurve(300, seed, 1, (step) => (step === 170 ? 15 : 0));
      return detectInstability(points).spikes.some(({ step }) => step === 170);
    });
    expect(found).toBeGreaterThanOrEqual(0.99);
  });
});
