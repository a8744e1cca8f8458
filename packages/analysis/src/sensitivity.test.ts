import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { near } from '../test/near.ts';
import { normalNumbers, shareOfTrials } from '../test/planted-curves.ts';
import { seededRandom } from './seeded-random.ts';
import { hyperparameterSensitivity, type SensitivityRun } from './sensitivity.ts';

const OPTIMIZERS = ['adam', 'lion', 'sgd'] as const;

/** Runs of a random search, whose outcome is what `outcomeOf` makes of the configuration. */
function search(
  count: number,
  seed: number,
  outcomeOf: (config: { readonly lr: number; readonly optimizer: string }, noise: number) => number,
): readonly SensitivityRun[] {
  const random = seededRandom(seed);
  const normal = normalNumbers(seed + 1);
  return Array.from({ length: count }, () => {
    const config = {
      lr: 10 ** (-4 + 3 * random()),
      optimizer: OPTIMIZERS[Math.floor(random() * 3)] ?? 'adam',
      dropout: random(),
      nesterov: random() < 0.5,
    };
    return { config, outcome: outcomeOf(config, normal()) };
  });
}

it('finds the parameter that the outcome goes with, and sorts by strength', () => {
  const runs = search(40, 1, ({ lr }, noise) => Math.log10(lr) + 0.3 * noise);
  const sensitivity = hyperparameterSensitivity(runs);
  expect(sensitivity).toMatchObject({ runs: 40, withoutOutcome: 0, leftOut: [], confounded: [], warning: undefined });
  const [first, ...others] = sensitivity.parameters;
  expect(first).toMatchObject({ name: 'lr', kind: 'number', runs: 40, rho: near(0.93, 1) });
  expect(first).toMatchObject({ pValue: 1 / 2000, adjustedPValue: 4 / 2000 });
  const strengths = others.map(({ strength }) => strength);
  expect(strengths).toEqual(strengths.toSorted((left, right) => right - left));
  for (const { adjustedPValue } of others) expect(adjustedPValue).toBeGreaterThan(0.05);
  expect(sensitivity.message).toMatch(/^The outcome goes with lr \(ρ 0\.9\d, p 0\.002\) over 40 runs\.$/u);
  expect(Object.isFrozen(first)).toBe(true);
});

it('finds a category, with the outcomes of each', () => {
  const runs = search(40, 2, ({ optimizer }, noise) => (optimizer === 'sgd' ? 0 : 5) + noise);
  const { parameters, message } = hyperparameterSensitivity(runs);
  expect(parameters[0]).toMatchObject({ name: 'optimizer', kind: 'category', pValue: 1 / 2000 });
  expect(parameters[0]).toMatchObject({ categories: [{ value: 'sgd', median: near(0, 0) }, {}, {}] });
  expect(message).toMatch(/^The outcome goes with optimizer \(η 0\.[78]\d, p 0\.002\) over 40 runs\.$/u);
});

it('measures numbers by Spearman and categories by Kruskal and Wallis', () => {
  const runs = [1, 2, 4, 3, 5, 6].map((outcome, x) => ({ config: { x, half: x < 3 ? 'low' : 'high' }, outcome }));
  const { parameters } = hyperparameterSensitivity(runs);
  // By hand: 1 − 6 Σd² / n(n² − 1), and 12 / n(n + 1) · ΣR² / 3 − 3(n + 1), with rank sums 7 and 14.
  const rho = 1 - (6 * 2) / (6 * 35);
  expect(parameters.find(({ name }) => name === 'x')).toMatchObject({ rho: near(rho, 12) });
  const kruskalWallis = (12 / 42) * ((7 ** 2 + 14 ** 2) / 3) - 21;
  expect(parameters.find(({ name }) => name === 'half')).toMatchObject({
    kruskalWallis: near(kruskalWallis, 12),
    strength: near(Math.sqrt(kruskalWallis / 5), 12),
  });
});

it('says the same of a switch whether it is a boolean, a text or a number', () => {
  const runs = search(30, 3, ({ lr }) => lr);
  const judged = [Boolean, String, Number].map((as) => {
    const switches = runs.map(({ config, outcome }) => ({ config: { value: as(config['nesterov']) }, outcome }));
    const [parameter] = hyperparameterSensitivity(switches).parameters;
    return [parameter?.strength.toFixed(12), parameter?.pValue];
  });
  expect(judged[1]).toEqual(judged[0]);
  expect(judged[2]).toEqual(judged[0]);
});

it('leaves out and names what is constant, too varied or too rare', () => {
  const runs = Array.from({ length: 12 }, (_, index) => ({
    config: { seed: index, model: 'gru', note: `run ${index}`, ...(index < 3 ? { rare: index } : { half: 1 }) },
    outcome: index,
  }));
  const { leftOut, parameters } = hyperparameterSensitivity(runs);
  expect(leftOut).toEqual([
    { name: 'half', reason: 'constant' },
    { name: 'model', reason: 'constant' },
    { name: 'note', reason: 'too-varied' },
    { name: 'rare', reason: 'too-few-runs' },
  ]);
  expect(parameters.map(({ name }) => name)).toEqual(['seed']);
});

it('names parameters that change together', () => {
  const runs = Array.from({ length: 24 }, (_, index) => ({
    config: {
      width: 2 ** (index % 3),
      heads: ['two', 'four', 'eight'][index % 3] ?? '',
      layers: index % 2,
      lr: index,
      warmup: index * index,
      dropout: (index * 7) % 24,
    },
    outcome: index % 5,
  }));
  expect(hyperparameterSensitivity(runs).confounded).toEqual([
    ['heads', 'width'],
    ['lr', 'warmup'],
  ]);
});

it('does not call parameters confounded that few runs have both of', () => {
  const runs = Array.from({ length: 20 }, (_, index) => ({
    config: index < 10 ? { a: index } : { b: index, ...(index < 13 ? { a: index } : {}) },
    outcome: index,
  }));
  expect(hyperparameterSensitivity(runs).confounded).toEqual([]);
  const constantInCommon = Array.from({ length: 20 }, (_, index) => ({
    config: index < 10 ? { a: 1, b: index % 2 } : { a: index },
    outcome: index,
  }));
  expect(hyperparameterSensitivity(constantInCommon).confounded).toEqual([]);
});

it('warns of few runs, and counts those without an outcome', () => {
  const runs = search(9, 4, ({ lr }) => lr);
  const sensitivity = hyperparameterSensitivity([...runs, { config: { lr: 9 }, outcome: NaN }]);
  expect(sensitivity).toMatchObject({ runs: 9, withoutOutcome: 1 });
  expect(sensitivity.warning).toBe(
    '9 runs are few: with fewer than 10, chance looks like an effect and an effect like chance.',
  );
  expect(hyperparameterSensitivity(runs, { leastRuns: 9 }).warning).toBeUndefined();
});

it('has an answer where there is nothing to say', () => {
  expect(hyperparameterSensitivity([])).toMatchObject({
    runs: 0,
    parameters: [],
    message: 'There is no parameter to compare over 0 runs.',
  });
  const same = search(20, 5, () => 1);
  const { parameters, message } = hyperparameterSensitivity(same);
  for (const parameter of parameters) expect(parameter).toMatchObject({ strength: 0, pValue: 1, adjustedPValue: 1 });
  expect(message).toBe('No parameter goes with the outcome beyond chance over 20 runs.');
});

it('takes numbers that are at times texts for categories, and no inherited members for parameters', () => {
  const runs = Array.from({ length: 20 }, (_, index) => ({
    config: { clip: index % 2 === 0 ? 1 : 'none', ...(index === 3 ? { toString: 'x' } : {}) },
    outcome: index % 2,
  }));
  const { parameters, leftOut } = hyperparameterSensitivity(runs);
  expect(parameters).toMatchObject([{ name: 'clip', kind: 'category', strength: 1 }]);
  expect(leftOut).toEqual([{ name: 'toString', reason: 'too-few-runs' }]);
});

it('refuses options that make no sense', () => {
  for (const options of [{ permutations: 0 }, { seed: -1 }, { leastRuns: 0 }, { significance: 2 }])
    expect(() => hyperparameterSensitivity([], options)).toThrow(RangeError);
});

describe('nothing changes', () => {
  const options = { permutations: 99 };

  it('with the order of the runs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 1000 }), (seed, order) => {
        const runs = search(15, seed, ({ lr }, noise) => Math.round(lr * 100 + noise) + 100);
        const random = seededRandom(order);
        const shuffled = runs.map((run) => ({ run, at: random() })).toSorted((left, right) => left.at - right.at);
        expect(
          hyperparameterSensitivity(
            shuffled.map(({ run }) => run),
            options,
          ),
        ).toEqual(hyperparameterSensitivity(runs, options));
      }),
      { numRuns: 30 },
    );
  });

  it('with an outcome that is shifted and scaled', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50 }), fc.integer({ min: -5, max: 5 }), (seed, power) => {
        const runs = search(15, seed, ({ lr }, noise) => Math.round(lr * 100 + noise) + 100);
        const scaled = runs.map(({ config, outcome }) => ({ config, outcome: (outcome + 3) * 2 ** power }));
        const judged = [runs, scaled].map((given) =>
          hyperparameterSensitivity(given, options).parameters.map(({ name, strength, pValue }) => [
            name,
            strength,
            pValue,
          ]),
        );
        expect(judged[1]).toEqual(judged[0]);
      }),
      { numRuns: 30 },
    );
  });

  it('for a parameter with what other parameters there are', () => {
    const runs = search(20, 7, ({ lr }, noise) => lr + noise);
    const alone = runs.map(({ config, outcome }) => ({ config: { lr: config['lr'] ?? 0 }, outcome }));
    const [one] = hyperparameterSensitivity(alone).parameters;
    const other = hyperparameterSensitivity(runs).parameters.find(({ name }) => name === 'lr');
    expect(other?.pValue).toBe(one?.pValue);
  });
});

it('raises a false alarm in no more than 7 of 100 searches without an effect', () => {
  const wrong = shareOfTrials(200, (seed) => {
    const runs = search(16, seed, (_, noise) => noise);
    return hyperparameterSensitivity(runs, { permutations: 399 }).parameters.some((one) => one.adjustedPValue < 0.05);
  });
  expect(wrong).toBeLessThanOrEqual(0.07);
});
