/** Curves as every analysis takes them, and what they have in common: which way is better, and what a person reads of them. */

/** One value of a curve. What is missing is not there; NaN and infinities are as they were logged. */
export interface CurvePoint {
  readonly step: number;
  readonly value: number;
}

/** Which values are better: the small ones, as of a loss, or the large ones, as of an accuracy. */
export type Direction = 'minimize' | 'maximize';

/** What turns values so that less is better; multiplying again turns them back. */
export function signOf(direction: Direction): 1 | -1 {
  return direction === 'minimize' ? 1 : -1;
}

export function finitePoints(points: readonly CurvePoint[]): readonly CurvePoint[] {
  return points.filter(({ value }) => Number.isFinite(value));
}

export function valuesOf(points: readonly CurvePoint[]): readonly number[] {
  return points.map(({ value }) => value);
}

/** From the first step to the last; NaN without any. */
export function stepsSpanned(points: readonly CurvePoint[]): number {
  return Number(points.at(-1)?.step) - Number(points[0]?.step);
}

/** A value to four digits. */
export function valueText(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** `12,400`. */
export function stepText(step: number): string {
  return step.toLocaleString('en-US');
}

/** `1 spike`, `3 spikes`. */
export function countText(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
