/**
 * Records as rows: one of `history` for each record of metrics, with a row of `key_metrics` for each value of a key metric,
 * and one of `records` for each other record. Nothing of a record is lost; numbers are as the log has them, digit by digit.
 */

import {
  fromScalar,
  KnownKeys,
  scalarText,
  splitStepLine,
  type RunRecord,
  type Scalar,
  type ScalarMap,
} from '@runcast/core';
import type { SqlValue } from './statement.ts';

type Values = readonly SqlValue[];

/** Longer names are in the other tables only: PostgreSQL takes no more than 2,704 bytes into an index. */
const MAX_INDEXED_BYTES = 800;

/** Whose record it is. */
export interface RowOwner {
  readonly runId: string;
  readonly writer: string;
}

/** Where a record of metrics lies. */
interface Place {
  readonly axis: string;
  readonly step: number;
}

/** Values of a row of metrics, and its place; undefined for every other record. */
export interface MetricsRow {
  readonly metrics: ScalarMap;
  /** Undefined where the record has no step. */
  readonly place: Place | undefined;
}

export function metricsRow(record: RunRecord): MetricsRow | undefined {
  switch (record.kind) {
    case 'step':
      return { metrics: record.metrics, place: { axis: 'step', step: record.step } };
    case 'epoch':
    case 'validation':
      return { metrics: record.metrics, place: { axis: 'epoch', step: record.epoch } };
    case 'log': {
      const axis = record.series === undefined ? 'step' : `${record.series}/step`;
      return { metrics: record.metrics, place: record.step === undefined ? undefined : { axis, step: record.step } };
    }
    case 'system':
      return { metrics: record.metrics, place: undefined };
    case 'open':
    case 'final':
    case 'hparams':
    case 'config':
    case 'tags':
    case 'define_metric':
    case 'summary':
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
      // A kind of a later version is kept as it is.
      record satisfies never;
      return undefined;
  }
}

/** @param line The record as a line of a log, if it has one. */
export function historyRow(
  { runId, writer }: RowOwner,
  record: RunRecord,
  { metrics, place }: MetricsRow,
  superseded: boolean,
  line: string | undefined,
): Values {
  const { seq, time, kind } = record;
  return [
    runId,
    writer,
    seq,
    time,
    kind,
    place?.axis ?? null,
    place?.step ?? null,
    superseded,
    metricsText(metrics, line),
  ];
}

/** A record without metrics of a history. */
export function otherRow({ runId, writer }: RowOwner, record: RunRecord): Values {
  const { v: _version, seq, time, kind, ...data } = record;
  const key = 'key' in record ? record.key : null;
  // The step of a metric's definition is a key.
  const step = 'step' in record && typeof record.step === 'number' ? record.step : null;
  return [runId, writer, seq, time, kind, key, step, JSON.stringify(data)];
}

/** Picks the values of key metrics. */
export class KeyMetrics {
  readonly #isKey: KnownKeys<boolean>;

  /** @param patterns Keys, or beginnings of keys before a `*`. */
  constructor(patterns: readonly string[]) {
    this.#isKey = new KnownKeys(
      (key) =>
        isIndexable(key) &&
        patterns.some((pattern) => (pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : key === pattern)),
    );
  }

  /** A row for each key metric among those of the record. */
  rows(runId: string, { metrics, place }: MetricsRow, time: number): readonly Values[] {
    if (place === undefined || !isIndexable(place.axis)) return [];
    const { axis, step } = place;
    return Object.entries(metrics)
      .filter(([key]) => this.#isKey.of(key))
      .map(([key, value]) => [runId, key, axis, step, time, columnNumber(value)]);
  }
}

export function isIndexable(name: string): boolean {
  return name.length <= MAX_INDEXED_BYTES && Buffer.byteLength(name) <= MAX_INDEXED_BYTES;
}

/** SQLite has no NaN. */
export function columnNumber(value: Scalar): number | null {
  const number = fromScalar(value);
  return Number.isNaN(number) ? null : number;
}

function metricsText(metrics: ScalarMap, line: string | undefined): string {
  const members = line === undefined ? undefined : splitStepLine(line)?.metrics;
  if (members !== undefined) return `{${members}}`;
  return `{${Object.entries(metrics)
    .map(([key, value]) => `${JSON.stringify(key)}:${scalarText(value)}`)
    .join(',')}}`;
}
