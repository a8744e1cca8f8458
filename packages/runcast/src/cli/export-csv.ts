/**
 * Scalars of a run as comma-separated values (RFC 4180), for spreadsheets and data frames: wide, with a row for each step
 * and a column for each key, or long, with a row for each value.
 */

import { fromScalar, isScalar, type RunRecord, type ScalarMap } from '@runcast/core';

/** Scalars of a record, and the axis on which they lie. */
interface Point {
  /** Column of the axis: `step`, `epoch`, `<series>/step`. */
  readonly axis: string;
  /** Undefined where the record has none. */
  readonly at: number | undefined;
  readonly metrics: ScalarMap;
}

const LONG_HEADER = ['time', 'kind', 'key', 'axis', 'step', 'value'];

/** One line, its end included. Numbers are as JSON has them; the others NaN, Infinity and -Infinity, as pandas reads them. */
export function csvLine(fields: readonly (string | number)[]): string {
  return `${fields.map((field) => csvField(field)).join(',')}\r\n`;
}

export function longHeader(): string {
  return csvLine(LONG_HEADER);
}

/** Every scalar of a record, one a line, as it was logged. */
export function longLines(record: RunRecord): string {
  const point = pointOf(record);
  if (point === undefined) return '';
  const { axis, at = '', metrics } = point;
  return Object.entries(metrics)
    .map(([key, value]) => csvLine([record.time, record.kind, key, at === '' ? '' : axis, at, fromScalar(value)]))
    .join('');
}

interface Row {
  readonly axis: string;
  readonly at: number | undefined;
  readonly values: Map<string, number>;
}

/**
 * Collects rows until all columns are known. A later value of a key at the same step replaces the earlier one, and a run
 * that was resumed from a step has nothing from before at or after it.
 */
export class WideTable {
  /** By axis, in the order they came, then by step. */
  readonly #axes = new Map<string, Map<number, Row>>();
  readonly #withoutStep: Row[] = [];
  readonly #keys = new Set<string>();

  add(record: RunRecord): void {
    if (record.kind === 'open' && record.resume_step !== undefined) this.#supersede(record.resume_step);
    const point = pointOf(record);
    if (point === undefined) return;
    const { values } = this.#row(point);
    for (const [key, value] of Object.entries(point.metrics)) {
      this.#keys.add(key);
      values.set(key, fromScalar(value));
    }
  }

  /** The header, then each row. */
  *lines(): Generator<string, void, undefined> {
    const axes = [...new Set(['step', ...this.#axes.keys()])];
    const keys = [...this.#keys];
    yield csvLine([...axes, ...keys]);
    const placed = [...this.#axes.values()].flatMap((rows) =>
      [...rows].toSorted(([one], [other]) => one - other).map(([, row]) => row),
    );
    for (const { axis, at = '', values } of [...placed, ...this.#withoutStep]) {
      const places = axes.map((column) => (column === axis ? at : ''));
      yield csvLine([...places, ...keys.map((key) => values.get(key) ?? '')]);
    }
  }

  #row({ axis, at }: Point): Row {
    if (at === undefined) {
      const row = { axis, at, values: new Map<string, number>() };
      this.#withoutStep.push(row);
      return row;
    }
    const rows = this.#axes.get(axis) ?? new Map<number, Row>();
    const row = rows.get(at) ?? { axis, at, values: new Map<string, number>() };
    this.#axes.set(axis, rows);
    rows.set(at, row);
    return row;
  }

  #supersede(step: number): void {
    const rows = this.#axes.get('step') ?? new Map<number, Row>();
    for (const at of rows.keys()) if (at >= step) rows.delete(at);
  }
}

function pointOf(record: RunRecord): Point | undefined {
  switch (record.kind) {
    case 'step':
      return { axis: 'step', at: record.step, metrics: record.metrics };
    case 'log':
      return {
        axis: record.series === undefined ? 'step' : `${record.series}/step`,
        at: record.step,
        metrics: record.metrics,
      };
    case 'epoch':
    case 'validation':
      return { axis: 'epoch', at: record.epoch, metrics: record.metrics };
    case 'final':
    case 'system':
      return { axis: 'step', at: undefined, metrics: record.metrics };
    case 'summary': {
      const numbers = Object.entries(record.summary).flatMap(([key, value]) =>
        isScalar(value) ? [[key, value] as const] : [],
      );
      return { axis: 'step', at: undefined, metrics: Object.fromEntries(numbers) };
    }
    case 'open':
    case 'hparams':
    case 'config':
    case 'tags':
    case 'define_metric':
    case 'table':
    case 'bar_chart':
    case 'histogram':
    case 'image':
    case 'text':
    case 'file':
    case 'artifact':
    case 'alert':
    case 'close':
      return undefined;
    default:
      record satisfies never;
      return undefined;
  }
}

function csvField(field: string | number): string {
  if (typeof field === 'number') return Object.is(field, -0) ? '-0' : String(field);
  return /[",\r\n]/u.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
