/** How often chance alone does as well: the p-value that needs no assumption about distributions, nor many runs. */

import { shuffleInPlace } from 'simple-statistics';

/** What rounding may make of two equal statistics. */
const TOLERANCE = 1e-9;

/**
 * The share of random orders of `values` whose statistic is at least that of the order given, which counts as one of them:
 * p is never 0.
 *
 * B. Phipson and G. K. Smyth, Permutation p-values should never be zero, 2010.
 *
 * @param statistic Zero or more; the larger, the less likely by chance.
 * @param random Uniform in [0, 1).
 */
export function permutationPValue(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
  permutations: number,
  random: () => number,
): number {
  const bound = statistic(values) * (1 - TOLERANCE);
  const order = [...values];
  let asLarge = 1;
  for (let count = 0; count < permutations; count += 1) {
    shuffleInPlace(order, random);
    if (statistic(order) >= bound) asLarge += 1;
  }
  return asLarge / (permutations + 1);
}

/**
 * P-values as they are to be read where several were asked for: any of them is below α by chance with a probability of α.
 *
 * S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
 */
export function holmAdjusted(pValues: readonly number[]): readonly number[] {
  const order = pValues.map((_, index) => index).toSorted((a, b) => Number(pValues[a]) - Number(pValues[b]));
  const adjusted = pValues.map(() => 1);
  let largest = 0;
  for (const [place, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - place) * Number(pValues[index])));
    adjusted[index] = largest;
  }
  return adjusted;
}
