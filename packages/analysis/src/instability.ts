/** What goes wrong on the way: values that are none, spikes, and curves that go up and do not come back. */

import { median, medianAbsoluteDeviation, min, quantile } from 'simple-statistics';
import {
  countText,
  finitePoints,
  signOf,
  stepText,
  valuesOf,
  valueText,
  type CurvePoint,
  type Direction,
} from './curve.ts';
import { frozen } from './frozen.ts';
import { optionWithin, POSITIVE } from './option-range.ts';
import { noiseOf, NORMAL_MAD } from './robust-trend.ts';
import { rollingMedian } from './rolling-median.ts';

const DEFAULTS = { window: 21, spikeDeviations: 8, divergenceShare: 0.5, leastPoints: 20 } as const;
/** Noise below this share of the curve's spread cannot be seen, and what stands out of it may be a mere bend. */
const LEAST_NOISE = 0.01;
/** How many values on either side a spike must stand out of, beside standing out of the whole curve. */
const NEIGHBOURS = 50;
/** Values whose median is where the curve began, and the fewest whose median is where it ended up, a share of all. */
const START_POINTS = 3;
const END_POINTS = 5;
const END_SHARE = 0.1;

export interface InstabilityOptions {
  /** `minimize` where left out; for the norm of a gradient too. */
  readonly direction?: Direction;
  /** Values of the running median, an odd number. Half of it is the longest spike that is seen. 21 where left out. */
  readonly window?: number;
  /** How far from the running median a spike is, in standard deviations of the noise. 8 where left out. */
  readonly spikeDeviations?: number;
  /** What share of all it had gained a curve must have lost again to have diverged. 0.5 where left out. */
  readonly divergenceShare?: number;
  /** Fewer finite values than these show neither spikes nor divergence. 20 where left out. */
  readonly leastPoints?: number;
}

/** Values that are NaN or infinite. */
export interface NonFiniteValues {
  readonly count: number;
  readonly nan: number;
  readonly infinite: number;
  readonly firstStep: number;
  /** Whether a finite value came after the last of them. */
  readonly recovered: boolean;
}

/** Neighbouring values that stand out, as one. */
export interface Spike {
  /** Of its largest value. */
  readonly step: number;
  readonly firstStep: number;
  readonly lastStep: number;
  readonly value: number;
  /** From the level around it: positive upwards. */
  readonly size: number;
  /** The size in standard deviations of the noise; Infinity where there is none. */
  readonly deviations: number;
}

export interface Divergence {
  /** After this step the curve never came near its best again. */
  readonly step: number;
  /** Levels: running medians, and the median of the last tenth. */
  readonly best: number;
  readonly last: number;
}

export interface Instability {
  /** None of the three. */
  readonly stable: boolean;
  /** Values looked at, finite or not. */
  readonly points: number;
  /** Too few finite values to look for spikes and divergence. */
  readonly tooShort: boolean;
  readonly nonFinite: NonFiniteValues | undefined;
  /** In the order of their steps. */
  readonly spikes: readonly Spike[];
  readonly divergence: Divergence | undefined;
  /** All of it as a sentence. */
  readonly message: string;
}

/**
 * Three looks at a curve. Not finite: counted. Spikes: the Hampel identifier (R. K. Pearson, Outliers in process modeling
 * and identification, 2002): the distance to a running median, in standard deviations that the median absolute deviation
 * estimates, both of the whole curve and of the fifty values on either side; at most half a window long. Divergence: the
 * whole last tenth, its levels and its median, is worse than the best level by `divergenceShare` of what the curve had gained from its first
 * values to there, and by `spikeDeviations` of the noise; or the curve ends in values that are not finite, which
 * `nonFinite.recovered` says. A gradient that explodes is a curve of norms that diverges.
 *
 * Values may be shifted and scaled at will. The first and the last value are no spikes: one of them has no neighbours on
 * both sides. Oscillation of a period shorter than the window counts as noise.
 *
 * @param points In the order of their steps.
 * @throws RangeError where an option is out of its range.
 */
export function detectInstability(points: readonly CurvePoint[], options: InstabilityOptions = {}): Instability {
  const window = optionWithin('window', options.window, DEFAULTS.window, POSITIVE);
  if (window % 2 !== 1) throw new RangeError(`window expects an odd number, is ${window}`);
  const deviations = optionWithin('spikeDeviations', options.spikeDeviations, DEFAULTS.spikeDeviations, POSITIVE);
  const share = optionWithin('divergenceShare', options.divergenceShare, DEFAULTS.divergenceShare, POSITIVE);
  const leastPoints = optionWithin('leastPoints', options.leastPoints, DEFAULTS.leastPoints, POSITIVE);
  const finite = finitePoints(points);
  const nonFinite = nonFiniteValues(points);
  const tooShort = finite.length < leastPoints;
  const deviating = tooShort ? undefined : deviationsFrom(finite, window);
  const spikes = deviating === undefined ? [] : findSpikes(finite, deviating, deviations);
  const divergence =
    deviating === undefined
      ? undefined
      : findDivergence(finite, signOf(options.direction ?? 'minimize'), {
          window,
          share,
          // The middle half: an explosion at the end is not to count as spread.
          rise: deviations * Math.max(deviating.noise, leastNoise(valuesOf(finite), 0.25, 0.75)),
        });
  const found = { points: points.length, tooShort, nonFinite, spikes, divergence };
  const stable = nonFinite === undefined && spikes.length === 0 && divergence === undefined;
  return frozen({ stable, ...found, message: instabilityMessage(found) });
}

function nonFiniteValues(points: readonly CurvePoint[]): NonFiniteValues | undefined {
  const found = points.filter(({ value }) => !Number.isFinite(value));
  const [first] = found;
  if (first === undefined) return undefined;
  const nan = found.filter(({ value }) => Number.isNaN(value)).length;
  return {
    count: found.length,
    nan,
    infinite: found.length - nan,
    firstStep: first.step,
    recovered: Number.isFinite(points.at(-1)?.value),
  };
}

interface Deviations {
  /** Of each value from the running median. */
  readonly residuals: readonly number[];
  /** Their standard deviation. */
  readonly noise: number;
}

function deviationsFrom(points: readonly CurvePoint[], window: number): Deviations {
  const values = valuesOf(points);
  const levels = rollingMedian(values, window, 'symmetric');
  const residuals = values.map((value, index) => value - Number(levels[index]));
  return { residuals, noise: deviationOf(residuals, values) };
}

/** Between two percentiles, the share of that which noise is at least. */
function leastNoise(values: readonly number[], low: number, high: number): number {
  return LEAST_NOISE * (quantile(values, high) - quantile(values, low));
}

/** By the differences between neighbours as well: along a slope, a running median comes too close to the values. */
function deviationOf(residuals: readonly number[], values: readonly number[]): number {
  return Math.max(NORMAL_MAD * medianAbsoluteDeviation(residuals), noiseOf(values));
}

function findSpikes(
  points: readonly CurvePoint[],
  { residuals, noise }: Deviations,
  deviations: number,
): readonly Spike[] {
  const values = valuesOf(points);
  const curveNoise = Math.max(noise, leastNoise(values, 0.05, 0.95));
  const localNoise = (index: number): number => {
    const [from, to] = [Math.max(0, index - NEIGHBOURS), index + NEIGHBOURS + 1];
    return deviationOf(residuals.slice(from, to), values.slice(from, to));
  };
  const spikes: Spike[] = [];
  let lastIndex = -1;
  for (const [index, { step, value }] of points.entries()) {
    const size = Number(residuals[index]);
    // The whole curve's noise first: that of the neighbours is found for few.
    if (Math.abs(size) <= deviations * curveNoise) continue;
    const scale = Math.max(curveNoise, localNoise(index));
    if (Math.abs(size) <= deviations * scale) continue;
    const spike = { step, firstStep: step, lastStep: step, value, size, deviations: Math.abs(size) / scale };
    const before = spikes.at(-1);
    if (before === undefined || lastIndex !== index - 1 || Math.sign(before.size) !== Math.sign(size)) {
      spikes.push(spike);
    } else {
      const larger = Math.abs(size) > Math.abs(before.size) ? spike : before;
      spikes[spikes.length - 1] = { ...larger, firstStep: before.firstStep, lastStep: step };
    }
    lastIndex = index;
  }
  return spikes;
}

interface DivergenceRule {
  readonly window: number;
  readonly share: number;
  /** What a rise is at least. */
  readonly rise: number;
}

function findDivergence(
  points: readonly CurvePoint[],
  sign: 1 | -1,
  { window, share, rise }: DivergenceRule,
): Divergence | undefined {
  const values = points.map(({ value }) => sign * value);
  const levels = rollingMedian(values, window, 'one-sided');
  const best = min(levels);
  const start = median(values.slice(0, START_POINTS));
  const end = -Math.max(END_POINTS, Math.round(END_SHARE * values.length));
  const last = median(values.slice(end));
  const allowed = Math.max(rise, share * (start - best));
  // A curve that falls steeply to its end is below the median of its last values.
  if (min(levels.slice(end)) - best <= allowed || last - best <= allowed) return undefined;
  // Where the level is within what is allowed for the last time.
  const left = points[levels.findLastIndex((level) => level <= best + allowed)];
  return { step: Number(left?.step), best: sign * best, last: sign * last };
}

function instabilityMessage({
  points,
  tooShort,
  nonFinite,
  spikes,
  divergence,
}: Omit<Instability, 'stable' | 'message'>): string {
  const parts = [
    ...(nonFinite === undefined ? [] : [nonFiniteText(nonFinite)]),
    ...(spikes.length === 0 ? [] : [spikesText(spikes)]),
    ...(divergence === undefined
      ? []
      : [
          `diverged after step ${stepText(divergence.step)}: ${valueText(divergence.last)} at the end, ${valueText(divergence.best)} at best`,
        ]),
    ...(tooShort ? ['too short to look for spikes and divergence'] : []),
  ];
  const text = parts.length === 0 ? `stable over ${countText(points, 'value')}` : parts.join('; ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function nonFiniteText({ count, nan, firstStep, recovered }: NonFiniteValues): string {
  let kind = 'NaN or infinite values';
  if (nan === count) kind = 'NaN';
  else if (nan === 0) kind = 'infinite values';
  const times = countText(count, 'time');
  return `${kind} ${times}, first at step ${stepText(firstStep)}${recovered ? '' : ', and at the end'}`;
}

function spikesText(spikes: readonly Spike[]): string {
  const [largest] = spikes.toSorted((left, right) => Math.abs(right.size) - Math.abs(left.size));
  const size = Number(largest?.size);
  const where = `${size > 0 ? '+' : ''}${valueText(size)} at step ${stepText(Number(largest?.step))}`;
  return spikes.length === 1 ? `a spike of ${where}` : `${countText(spikes.length, 'spike')}, the largest ${where}`;
}
