/** Objectives that are optimised together and begin to move apart: one improves at the other's cost. */

import { sampleRankCorrelation } from 'simple-statistics';
import { blockMedians } from './block-medians.ts';
import { signOf, stepText, valuesOf, valueText, type CurvePoint } from './curve.ts';
import { frozen } from './frozen.ts';
import { optionWithin, POSITIVE, SHARE } from './option-range.ts';
import { robustTrend } from './robust-trend.ts';
import { rollingMedian } from './rolling-median.ts';

/** Points that each curve is reduced to. */
const BLOCKS = 100;
/** The fewest of them that a correlation is taken of. */
const LEAST_WINDOW = 10;
/** Of reduced points, for the level. */
const LEVEL_WINDOW = 5;

const DEFAULTS = { window: 0.3, correlation: 0.6, leastPoints: 20 } as const;

export interface DriftOptions {
  /** Keys whose large values are the better ones. All others are minimised. */
  readonly maximize?: readonly string[];
  /** The sliding window, as a share of the steps that two objectives have in common, from 0 to 1. 0.3 where left out. */
  readonly window?: number;
  /** How far below zero a rank correlation must be, from 0 to 1. 0.6 where left out. */
  readonly correlation?: number;
  /** Two objectives with fewer steps in common are not compared. 20 where left out. */
  readonly leastPoints?: number;
}

export interface DriftingPair {
  readonly improving: string;
  readonly worsening: string;
  /** From here on they move apart: the worsening one was never as good again. */
  readonly fromStep: number;
  /** Spearman's, over the last window: of both as minimised. */
  readonly correlation: number;
  /** Of the values as they were logged, along their trends from `fromStep` to the end. */
  readonly improvingChange: number;
  readonly worseningChange: number;
}

export interface ObjectivesDrift {
  /** Those that move apart at the end, the strongest first. */
  readonly pairs: readonly DriftingPair[];
  /** How many pairs were compared. */
  readonly compared: number;
  /** Pairs with too few steps in common. */
  readonly tooShort: readonly (readonly [string, string])[];
  /** All of it as a sentence. */
  readonly message: string;
}

/** One objective at the steps that two have in common, turned so that less is better. */
interface Objective {
  readonly key: string;
  readonly sign: 1 | -1;
  readonly points: readonly CurvePoint[];
}

/**
 * Spearman's rank correlation (C. Spearman, 1904) of each two objectives in a window that slides over the steps at which both
 * have finite values, reduced to at most a hundred medians. Two move apart where the correlation is below
 * −`correlation` in the last window, and the Theil–Sen trends there, each beyond its uncertainty, are one for the better and
 * one for the worse. They do so from the step on at which the one that worsens was at its best, looked for from the first of
 * the windows without a break that are below the bound. What moved apart and came together again is not reported.
 *
 * Values may be shifted and scaled at will.
 *
 * @param curves By key, each in the order of its steps.
 * @throws RangeError where an option is out of its range.
 */
export function objectivesDrift(
  curves: ReadonlyMap<string, readonly CurvePoint[]>,
  options: DriftOptions = {},
): ObjectivesDrift {
  const share = optionWithin('window', options.window, DEFAULTS.window, SHARE);
  const correlation = optionWithin('correlation', options.correlation, DEFAULTS.correlation, SHARE);
  const leastPoints = optionWithin('leastPoints', options.leastPoints, DEFAULTS.leastPoints, POSITIVE);
  const keyed = [...curves];
  const combinations = keyed.flatMap((left, index) => keyed.slice(index + 1).map((right) => [left, right] as const));
  const pairs: DriftingPair[] = [];
  const tooShort: (readonly [string, string])[] = [];
  for (const [[left, ofLeft], [right, ofRight]] of combinations) {
    const [first, second] = aligned(ofLeft, ofRight);
    if (first.length < Math.max(leastPoints, LEAST_WINDOW)) {
      tooShort.push([left, right]);
      continue;
    }
    const pair = drift(
      objective(left, first, options.maximize ?? []),
      objective(right, second, options.maximize ?? []),
      share,
      correlation,
    );
    if (pair !== undefined) pairs.push(pair);
  }
  const found = {
    pairs: pairs.toSorted((left, right) => left.correlation - right.correlation),
    compared: combinations.length - tooShort.length,
    tooShort,
  };
  return frozen({ ...found, message: driftMessage(found) });
}

/** Both curves at the steps where both are finite. */
function aligned(
  left: readonly CurvePoint[],
  right: readonly CurvePoint[],
): readonly [readonly CurvePoint[], readonly CurvePoint[]] {
  const others = new Map(right.map(({ step, value }) => [step, value]));
  const both = left.filter(({ step, value }) => Number.isFinite(value) && Number.isFinite(others.get(step)));
  return [both, both.map(({ step }) => ({ step, value: Number(others.get(step)) }))];
}

function objective(key: string, points: readonly CurvePoint[], maximize: readonly string[]): Objective {
  const sign = signOf(maximize.includes(key) ? 'maximize' : 'minimize');
  const blocks = blockMedians(points, BLOCKS);
  return { key, sign, points: blocks.map(({ step, value }) => ({ step, value: sign * value })) };
}

function drift(left: Objective, right: Objective, share: number, correlation: number): DriftingPair | undefined {
  const count = left.points.length;
  const window = Math.min(count, Math.max(LEAST_WINDOW, Math.round(share * count)));
  // Where neither moves there is no correlation, and NaN is below no bound.
  const correlationFrom = (start: number): number =>
    sampleRankCorrelation(
      valuesOf(left.points.slice(start, start + window)),
      valuesOf(right.points.slice(start, start + window)),
    );
  const last = correlationFrom(count - window);
  if (!(last <= -correlation)) return undefined;
  const directions = [left, right].map(({ points }) => trendDirection(points.slice(-window)));
  if (!directions.includes(1) || !directions.includes(-1)) return undefined;
  const [improving, worsening] = directions[0] === -1 ? [left, right] : [right, left];
  let start = count - window;
  while (start > 0 && correlationFrom(start - 1) <= -correlation) start -= 1;
  const from = bestFrom(worsening.points, start);
  return {
    improving: improving.key,
    worsening: worsening.key,
    fromStep: Number(worsening.points[from]?.step),
    correlation: last,
    improvingChange: improving.sign * robustTrend(improving.points.slice(from)).change,
    worseningChange: worsening.sign * robustTrend(worsening.points.slice(from)).change,
  };
}

/** −1 where values fall, 1 where they rise, 0 where that may be noise. */
function trendDirection(points: readonly CurvePoint[]): number {
  const { change, uncertainty } = robustTrend(points);
  return Math.abs(change) > uncertainty ? Math.sign(change) : 0;
}

/** The index of the best level from `start` on. */
function bestFrom(points: readonly CurvePoint[], start: number): number {
  const levels = rollingMedian(valuesOf(points), LEVEL_WINDOW, 'one-sided').slice(start);
  return start + levels.indexOf(Math.min(...levels));
}

function driftMessage({ pairs, compared, tooShort }: Omit<ObjectivesDrift, 'message'>): string {
  const short = tooShort.length === 0 ? '' : `; too few steps in common: ${tooShort.map(bothText).join(', ')}`;
  if (compared === 0 && tooShort.length === 0) return 'There are no two objectives to compare.';
  if (pairs.length === 0) return `No objectives move apart, of ${compared} compared${short}.`;
  return `${pairs.map((pair) => pairText(pair)).join('; ')}${short}.`;
}

function bothText([left, right]: readonly [string, string]): string {
  return `${left} and ${right}`;
}

function pairText({ improving, worsening, fromStep, improvingChange, worseningChange }: DriftingPair): string {
  return `From step ${stepText(fromStep)} on ${improving} improves (${signed(improvingChange)}) and ${worsening} worsens (${signed(worseningChange)})`;
}

function signed(change: number): string {
  return `${change > 0 ? '+' : ''}${valueText(change)}`;
}
