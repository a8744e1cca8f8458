/** Long curves as short ones, whose points are less noisy: what looks at every pair of points cannot look at a million. */

import { median } from 'simple-statistics';
import { valuesOf, type CurvePoint } from './curve.ts';

/**
 * Stretches of equally many points, each as its median at the step of its middle point; the points themselves where there are not more
 * than `blocks`.
 */
export function blockMedians(points: readonly CurvePoint[], blocks: number): readonly CurvePoint[] {
  if (points.length <= blocks) return points;
  return Array.from({ length: blocks }, (_, index) => {
    const start = Math.floor((index * points.length) / blocks);
    const end = Math.floor(((index + 1) * points.length) / blocks);
    const block = points.slice(start, end);
    return { step: Number(block[(block.length - 1) >> 1]?.step), value: median(valuesOf(block)) };
  });
}
