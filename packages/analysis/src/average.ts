/** Several runs as one curve with a band: their middle and how far they are from each other, step by step. */

import { max, mean, median, min, sampleStandardDeviation } from 'simple-statistics';
import type { CurvePoint } from './curve.ts';
import { frozen } from './frozen.ts';
import { smoothed } from './smoothing.ts';

/** `std` is the sample's standard deviation on either side, `stderr` that divided by √n, `minmax` from the least to the greatest. */
export type Spread = 'std' | 'stderr' | 'minmax' | 'none';

export interface AverageOptions {
  /** `mean` where left out. */
  readonly center?: 'mean' | 'median';
  /** `std` where left out. */
  readonly spread?: Spread;
  /** TensorBoard's smoothing of each curve before they are averaged, from 0 to 0.999. 0 where left out. */
  readonly smooth?: number;
}

/** The curves at one step. */
export interface AveragedPoint {
  readonly step: number;
  /** Their middle; NaN where none of them is defined. */
  readonly value: number;
  /** Where the band begins and ends; NaN without a spread, which one curve does not have. */
  readonly lower: number;
  readonly upper: number;
  /** How many curves are defined at this step. */
  readonly curves: number;
}

/**
 * At each step of any curve, the middle and the spread of those that are defined there. Between two neighbouring finite
 * points a curve is the straight line; before its first and behind its last point it is not, and neither where a value is
 * not finite: nothing is made up. So a curve that ends early leaves the average, which `curves` shows.
 *
 * @param curves Each in the order of its steps, which differ.
 * @throws RangeError where the smoothing is out of its range.
 */
export function averageCurves(
  curves: readonly (readonly CurvePoint[])[],
  options: AverageOptions = {},
): readonly AveragedPoint[] {
  const smooth = options.smooth ?? 0;
  const readers = curves.map((curve) => createInterpolation(smoothed(curve, smooth)));
  const steps = [...new Set(curves.flatMap((curve) => curve.map(({ step }) => step)))].toSorted((a, b) => a - b);
  return frozen(
    steps.map((step) => {
      const values = readers.map((valueAt) => valueAt(step)).filter((value) => Number.isFinite(value));
      return { step, ...averageOf(values, options), curves: values.length };
    }),
  );
}

/** Asked for ascending steps only, so that no curve is searched. */
function createInterpolation(curve: readonly CurvePoint[]): (step: number) => number {
  let next = 0;
  return (step) => {
    while ((curve[next]?.step ?? Infinity) < step) next += 1;
    const after = curve[next];
    if (after === undefined) return NaN;
    if (after.step === step) return after.value;
    const before = curve[next - 1];
    if (before === undefined) return NaN;
    const share = (step - before.step) / (after.step - before.step);
    return before.value * (1 - share) + after.value * share;
  };
}

function averageOf(
  values: readonly number[],
  { center = 'mean', spread = 'std' }: AverageOptions,
): Omit<AveragedPoint, 'step' | 'curves'> {
  if (values.length === 0) return { value: NaN, lower: NaN, upper: NaN };
  const value = center === 'mean' ? mean(values) : median(values);
  if (spread === 'none' || values.length === 1) return { value, lower: NaN, upper: NaN };
  if (spread === 'minmax') return { value, lower: min(values), upper: max(values) };
  const deviation = sampleStandardDeviation(values) / (spread === 'stderr' ? Math.sqrt(values.length) : 1);
  return { value, lower: value - deviation, upper: value + deviation };
}
