/** Curves as TensorBoard smooths them, so that a figure shows what one has been looking at. */

import type { CurvePoint } from './curve.ts';
import { optionWithin } from './option-range.ts';

/** With a weight of 1 every curve would be flat. */
const WEIGHTS = { least: 0, most: 0.999 };

/**
 * The exponential moving average of the values so far, divided by the weight that they have, so that it does not begin at
 * zero. Values that are not finite stay as they are and do not count, and neither does a constant curve change.
 *
 * As TensorBoard 2.x does, `classicSmoothing` in tensorboard/webapp/widgets/line_chart_v2/data_transformer.ts; the
 * correction is that of D. P. Kingma and J. Ba, Adam, 2015, section 3.
 *
 * @param weight Of what came before, from 0, which changes nothing, to 0.999.
 * @throws RangeError for another weight.
 */
export function smoothed(points: readonly CurvePoint[], weight: number): readonly CurvePoint[] {
  const decay = optionWithin('smooth', weight, 0, WEIGHTS);
  // A constant would come out with the errors of rounding.
  if (decay === 0 || points.every(({ value }) => value === points[0]?.value)) return points;
  let average = 0;
  let counted = 0;
  return points.map(({ step, value }) => {
    if (!Number.isFinite(value)) return { step, value };
    average = average * decay + (1 - decay) * value;
    counted += 1;
    return { step, value: average / (1 - decay ** counted) };
  });
}
