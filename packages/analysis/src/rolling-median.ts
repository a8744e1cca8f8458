/** The level of a curve without its spikes: a median of neighbours follows slopes and jumps, and no single value moves it. */

import { medianSorted } from 'simple-statistics';

/**
 * Tukey's running median. What has too few neighbours near an end takes as many as there are: on both sides alike
 * (`symmetric`), so that a slope stays where it is and the last value is its own median, or all there are (`one-sided`), so
 * that an end is no less robust than the middle.
 *
 * J. W. Tukey, Exploratory Data Analysis, 1977, chapter 7.
 *
 * @param window An odd number of values.
 */
export function rollingMedian(
  values: readonly number[],
  window: number,
  ends: 'symmetric' | 'one-sided',
): readonly number[] {
  const half = (window - 1) / 2;
  const last = values.length - 1;
  // Both ends of the window only move on, so that it is kept sorted rather than sorted for each value.
  const sorted: number[] = [];
  let from = 0;
  let to = 0;
  return values.map((_, index) => {
    const reach = ends === 'symmetric' ? Math.min(half, index, last - index) : half;
    for (; to < Math.min(values.length, index + reach + 1); to += 1) {
      const value = Number(values[to]);
      sorted.splice(placeOf(value, sorted), 0, value);
    }
    for (; from < index - reach; from += 1) sorted.splice(placeOf(Number(values[from]), sorted), 1);
    return medianSorted(sorted);
  });
}

/** Where the first of the values is that are not less. */
function placeOf(value: number, sorted: readonly number[]): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Number(sorted[middle]) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
