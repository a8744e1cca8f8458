/** Makes curves of rows: one point a step, of each run the axis on which the key has most of its points. */

import { fromScalar, isScalar } from '@runcast/core';
import { numberIn } from './row-values.ts';
import type { Row } from './statement.ts';
import type { SeriesPoint } from './store.ts';

export class SeriesCollector {
  /** By run, then by axis. */
  readonly #runs = new Map<string, Map<string, SeriesPoint[]>>();

  /** Rows of an axis come in the order of their steps, and at a step the one that stands comes last. */
  add(row: Row, value: number): void {
    const run = String(row['run_id']);
    const axis = String(row['axis']);
    const point = { step: Number(row['step']), time: Number(row['time']), value };
    const axes = this.#runs.get(run) ?? new Map<string, SeriesPoint[]>();
    const points = axes.get(axis) ?? [];
    if (points.at(-1)?.step === point.step) points.pop();
    points.push(point);
    axes.set(axis, points);
    this.#runs.set(run, axes);
  }

  has(run: string): boolean {
    return this.#runs.has(run);
  }

  /** In the order of `ids`, without those of which nothing came. */
  series(ids: readonly string[]): ReadonlyMap<string, readonly SeriesPoint[]> {
    return new Map(
      ids.flatMap((id) => {
        const [longest] = [...(this.#runs.get(id)?.values() ?? [])].toSorted((one, other) => other.length - one.length);
        return longest === undefined ? [] : [[id, longest] as const];
      }),
    );
  }
}

/** The value of a row of `history`. */
export function historyValue(row: Row): number {
  const value: unknown = JSON.parse(String(row['value']));
  return isScalar(value) ? fromScalar(value) : Number.NaN;
}

/** The value of a row of `key_metrics`. */
export function keyMetricValue(row: Row): number {
  return numberIn(row, 'value') ?? Number.NaN;
}
