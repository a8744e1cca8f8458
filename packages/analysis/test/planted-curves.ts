/** Curves that are known to have what is looked for, or known not to, and the same every time. */

import type { CurvePoint } from '../src/curve.ts';
import { seededRandom } from '../src/seeded-random.ts';

/** Normally distributed numbers with mean 0 and standard deviation 1, by Box and Muller. */
export function normalNumbers(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A curve with steps 0, 1, 2 …; `valueAt` is given the step. */
export function curveOf(length: number, valueAt: (step: number) => number): readonly CurvePoint[] {
  return Array.from({ length }, (_, step) => ({ step, value: valueAt(step) }));
}

/** The same with normal noise. */
export function noisyCurve(
  length: number,
  seed: number,
  deviation: number,
  valueAt: (step: number) => number,
): readonly CurvePoint[] {
  const normal = normalNumbers(seed);
  return curveOf(length, (step) => valueAt(step) + deviation * normal());
}

/** The curve with some of its values replaced, by step. */
export function replaced(
  points: readonly CurvePoint[],
  values: Readonly<Record<number, number>>,
): readonly CurvePoint[] {
  return points.map(({ step, value }) => ({ step, value: values[step] ?? value }));
}

/** Shifted and scaled. */
export function transformed(points: readonly CurvePoint[], scale: number, shift: number): readonly CurvePoint[] {
  return points.map(({ step, value }) => ({ step, value: scale * value + shift }));
}

/** The share of this many seeds for which something holds. */
export function shareOfTrials(trials: number, holds: (seed: number) => boolean): number {
  return Array.from({ length: trials }, (_, seed) => holds(seed + 1)).filter(Boolean).length / trials;
}
