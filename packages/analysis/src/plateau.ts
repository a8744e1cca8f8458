/** Where a curve stopped improving. */

import { max, median, min } from 'simple-statistics';
import { blockMedians } from './block-medians.ts';
import {
  countText,
  finitePoints,
  signOf,
  stepsSpanned,
  stepText,
  valuesOf,
  valueText,
  type CurvePoint,
  type Direction,
} from './curve.ts';
import { frozen } from './frozen.ts';
import { optionWithin, POSITIVE, SHARE } from './option-range.ts';
import { noiseOf, robustTrend, type RobustTrend } from './robust-trend.ts';
import { rollingMedian } from './rolling-median.ts';

/** Points that a curve is reduced to. */
const BLOCKS = 100;
/** Of reduced points, for the level. */
const LEVEL_WINDOW = 5;
/** Of reduced points: how far on the next place is that a plateau is looked for at. */
const STRIDE = 5;
/** How many standard deviations of its noise a level may be from the best one and still be as good. */
const NOISE_BAND = 1.5;

const DEFAULTS = { minDelta: 0.01, patience: 0.2, leastPoints: 20 } as const;

export interface PlateauOptions {
  /** `minimize` where left out. */
  readonly direction?: Direction;
  /** An improvement below it is none: a share of the curve's whole range, from 0 to 1. 0.01 where left out. */
  readonly minDelta?: number;
  /** How long nothing must have improved, as a share of the run's steps, from 0 to 1. 0.2 where left out. */
  readonly patience?: number;
  /** Fewer finite values than these say nothing. 20 where left out. */
  readonly leastPoints?: number;
}

interface JudgedCurve {
  /** Finite values looked at. */
  readonly points: number;
  /** The verdict as a sentence. */
  readonly message: string;
}

export type Plateau =
  | (JudgedCurve & { readonly verdict: 'too-short'; readonly leastPoints: number })
  | (JudgedCurve & {
      readonly verdict: 'improving';
      /** How much better it became over the last `patience` of the steps; positive in both directions. */
      readonly recentGain: number;
    })
  | (JudgedCurve & {
      readonly verdict: 'plateaued';
      /** From here on nothing improved. */
      readonly step: number;
      /** The level it reached: the median from there on, or its best level where it became worse again. */
      readonly value: number;
      readonly since: 'flat' | 'worse';
      /** Its level at the end. */
      readonly last: number;
    });

type Verdict<Name extends Plateau['verdict']> = Omit<Extract<Plateau, { readonly verdict: Name }>, 'message'>;

/**
 * Early stopping's rule (L. Prechelt, Early stopping – but when?, 1998: no improvement of `minDelta` for `patience`), made
 * robust. The curve is reduced to at most a hundred medians, and a running median of five gives its level. It stopped
 * improving at the first step that fulfils three conditions. Its level is as good as the best one, up to `minDelta` of the
 * range of levels or one and a half standard deviations of the noise, whichever is more. The Theil–Sen trend from there to
 * the end does not improve by more than `minDelta` of the range and by more than its uncertainty; nor could the trend before
 * have gone on in that uncertainty unseen. And at least `patience` of the steps come after it.
 *
 * Values may be shifted and scaled at will. Values that are not finite are passed over. Noise that goes together from step
 * to step, as in a curve that was smoothed, looks like a trend.
 *
 * @param points In the order of their steps.
 * @throws RangeError where an option is out of its range.
 */
export function detectPlateau(points: readonly CurvePoint[], options: PlateauOptions = {}): Plateau {
  const minDelta = optionWithin('minDelta', options.minDelta, DEFAULTS.minDelta, SHARE);
  const patience = optionWithin('patience', options.patience, DEFAULTS.patience, SHARE);
  const leastPoints = optionWithin('leastPoints', options.leastPoints, DEFAULTS.leastPoints, POSITIVE);
  const finite = finitePoints(points);
  if (finite.length < leastPoints || !(stepsSpanned(finite) > 0)) {
    const verdict = { verdict: 'too-short', points: finite.length, leastPoints } as const;
    return frozen({ ...verdict, message: tooShortMessage(verdict) });
  }
  const sign = signOf(options.direction ?? 'minimize');
  const blocks = blockMedians(finite, BLOCKS).map(({ step, value }) => ({ step, value: sign * value }));
  const levels = rollingMedian(valuesOf(blocks), LEVEL_WINDOW, 'one-sided');
  const best = min(levels);
  const delta = minDelta * (max(levels) - best);
  const band = Math.max(delta, NOISE_BAND * noiseOf(valuesOf(blocks)));
  const reached = levels.findIndex((level) => level <= best + band);
  const patienceSteps = patience * stepsSpanned(blocks);
  const plateau = firstPlateau(blocks, { reached, delta, patienceSteps });
  if (plateau === undefined) {
    const recentGain = gainOver(blocks, levels, patienceSteps);
    const verdict = { verdict: 'improving', points: finite.length, recentGain } as const;
    return frozen({ ...verdict, message: improvingMessage(verdict, finite, patience) });
  }
  const { tail, isWorse } = plateau;
  const last = Number(levels.at(-1));
  const since = isWorse && last > best + band ? 'worse' : 'flat';
  const verdict = {
    verdict: 'plateaued',
    points: finite.length,
    step: Number(tail[0]?.step),
    value: sign * (since === 'flat' ? median(valuesOf(tail)) : best),
    since,
    last: sign * last,
  } as const;
  return frozen({ ...verdict, message: plateauedMessage(verdict) });
}

/** The points from which on nothing improves, the earliest from `reached` on that leave enough steps. */
function firstPlateau(
  blocks: readonly CurvePoint[],
  { reached, delta, patienceSteps }: Readonly<Record<'reached' | 'delta' | 'patienceSteps', number>>,
): { readonly tail: readonly CurvePoint[]; readonly isWorse: boolean } | undefined {
  for (let start = reached; ; start += STRIDE) {
    const tail = blocks.slice(start);
    // Not enough steps, or no points at all.
    if (!(stepsSpanned(tail) >= patienceSteps)) return undefined;
    const trend = robustTrend(tail);
    const matters = Math.max(delta, trend.uncertainty);
    if (-trend.change > matters || couldGoOn(trend, tail, blocks.slice(0, start + 1))) continue;
    return { tail, isWorse: trend.change > matters };
  }
}

/** Whether the trend so far may have gone on unseen in the noise: then nothing shows that it stopped. */
function couldGoOn(trend: RobustTrend, tail: readonly CurvePoint[], before: readonly CurvePoint[]): boolean {
  if (before.length < LEVEL_WINDOW) return false;
  const { change } = robustTrend(before);
  const expected = (change / stepsSpanned(before)) * stepsSpanned(tail);
  return trend.change - trend.uncertainty <= expected;
}

/** How far the level fell over the last `steps`. */
function gainOver(blocks: readonly CurvePoint[], levels: readonly number[], steps: number): number {
  const from = Number(blocks.at(-1)?.step) - steps;
  const before = levels[blocks.findLastIndex(({ step }) => step <= from)];
  return Number(before) - Number(levels.at(-1));
}

function tooShortMessage({ points, leastPoints }: Verdict<'too-short'>): string {
  return `Too short to say: ${countText(points, 'finite value')}, at least ${leastPoints} are needed.`;
}

function improvingMessage(
  { recentGain }: Verdict<'improving'>,
  points: readonly CurvePoint[],
  patience: number,
): string {
  const step = stepText(Number(points.at(-1)?.step));
  const share = valueText(patience * 100);
  return `Still improving at step ${step}, by ${valueText(recentGain)} over the last ${share} % of the steps.`;
}

function plateauedMessage({ step, value, since, last }: Verdict<'plateaued'>): string {
  const after = since === 'flat' ? 'flat since' : `worse since, ${valueText(last)} at the end`;
  return `Stopped improving at step ${stepText(step)}, at ${valueText(value)}; ${after}.`;
}
