/** Where a noisy curve is heading, and whether that is more than its noise. */

import { median, medianAbsoluteDeviation } from 'simple-statistics';
import { stepsSpanned, valuesOf, type CurvePoint } from './curve.ts';

/** What makes the median absolute deviation of a normal distribution its standard deviation: 1 / Φ⁻¹(3/4). */
export const NORMAL_MAD = 1.482602218505602;

/** Standard errors that a change must exceed: one trend in twenty without a direction of its own does. */
const STANDARD_ERRORS = 2;

export interface RobustTrend {
  /** From the first step to the last along the trend: positive where values rise. */
  readonly change: number;
  /** A change below it may be the noise's. */
  readonly uncertainty: number;
}

/**
 * The Theil–Sen line's rise over all of the points, and twice its standard error, which is that of least squares for this
 * noise: the two differ by a twentieth.
 *
 * P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968.
 *
 * @param points A hundred or so: every pair is looked at.
 */
export function robustTrend(points: readonly CurvePoint[]): RobustTrend {
  const slopes = points.flatMap((left, index) =>
    points
      .slice(index + 1)
      .filter((right) => right.step > left.step)
      .map((right) => (right.value - left.value) / (right.step - left.step)),
  );
  if (slopes.length === 0) return { change: 0, uncertainty: Infinity };
  // For n evenly spaced points with noise σ the slope's standard error, times the span, is σ √(12 / n).
  const standardError = noiseOf(valuesOf(points)) * Math.sqrt(12 / points.length);
  return { change: median(slopes) * stepsSpanned(points), uncertainty: STANDARD_ERRORS * standardError };
}

/**
 * The standard deviation of what is no trend, from the median absolute deviation of the differences between neighbours, which
 * a slope shifts and a spike or a jump does not change. Noise of neighbours that go together is underestimated. 0 for less
 * than three values.
 *
 * J. von Neumann et al., The mean square successive difference, Annals of Mathematical Statistics 12, 1941, with the MAD in
 * place of the mean of squares.
 */
export function noiseOf(values: readonly number[]): number {
  if (values.length < 3) return 0;
  const differences = values.slice(1).map((value, index) => value - Number(values[index]));
  return (NORMAL_MAD * medianAbsoluteDeviation(differences)) / Math.SQRT2;
}
