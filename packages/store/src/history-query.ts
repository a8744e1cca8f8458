/** From a question about a run's metrics to one statement, and from its rows to metrics. Pure. */

import { isScalar, type ScalarMap } from '@runcast/core';
import { QueryError } from './query-error.ts';
import type { SqlDialect } from './sql-dialect.ts';
import type { Row } from './statement.ts';
import { numberIn, textIn } from './row-values.ts';
import { QueryBuilder, type BuiltQuery } from './query-builder.ts';
import type { HistoryQuery, HistoryRow } from './store.ts';

const HISTORY_KINDS = ['step', 'epoch', 'validation', 'log', 'system'] as const;

const ORDER = 'h.axis NULLS LAST, h.step NULLS LAST, h.time, h.writer, h.seq';

/** @throws QueryError where a bound is no integer. */
export function historyStatement(id: string, query: HistoryQuery, dialect: SqlDialect): BuiltQuery {
  const { keys, axis, from, to } = query;
  const builder = new QueryBuilder(dialect);
  const conditions = [
    `h.run_id = ${builder.bind(id)}`,
    'NOT h.superseded',
    ...(axis === undefined ? [] : [`h.axis = ${builder.bind(axis)}`]),
    ...(from === undefined ? [] : [`h.step >= ${builder.bindInteger(checkedStep(from, 'first'))}`]),
    ...(to === undefined ? [] : [`h.step <= ${builder.bindInteger(checkedStep(to, 'last'))}`]),
    ...(keys === undefined ? [] : [hasOneOf(keys, builder)]),
  ];
  return builder.build(
    `SELECT h.writer, h.seq, h.time, h.kind, h.axis, h.step, h.metrics
FROM history h
WHERE ${conditions.join('\n  AND ')}
ORDER BY ${ORDER}`,
  );
}

/** Rows of one key of several runs, with `value` as JSON. Those of a run come together, and those of an axis by step. */
export function keyStatement(ids: readonly string[], key: string, dialect: SqlDialect): BuiltQuery {
  const builder = new QueryBuilder(dialect);
  const member = builder.member('h.metrics', key);
  return builder.build(
    `SELECT h.run_id, h.axis, h.step, h.time, ${member} AS value
FROM history h
WHERE ${builder.isOneOf('h.run_id', ids)}
  AND NOT h.superseded
  AND h.step IS NOT NULL
  AND (${member}) IS NOT NULL
ORDER BY h.run_id, ${ORDER}`,
  );
}

/** As {@link keyStatement}, of a key that is kept in `key_metrics`, with `value` as a number, null for NaN. */
export function keyMetricStatement(ids: readonly string[], key: string, dialect: SqlDialect): BuiltQuery {
  const builder = new QueryBuilder(dialect);
  return builder.build(
    `SELECT k.run_id, k.axis, k.step, k.time, k.value
FROM key_metrics k
WHERE ${builder.isOneOf('k.run_id', ids)} AND k.key = ${builder.bind(key)}
ORDER BY k.run_id, k.axis, k.step`,
  );
}

/** With these metrics, where any are named. */
export function historyRow(row: Row, keys: readonly string[] | undefined): HistoryRow {
  const metrics = metricsIn(row);
  return {
    writer: String(row['writer']),
    seq: Number(row['seq']),
    time: Number(row['time']),
    kind: HISTORY_KINDS.find((known) => known === row['kind']) ?? 'log',
    axis: textIn(row, 'axis'),
    step: numberIn(row, 'step'),
    metrics: keys === undefined ? metrics : chosen(metrics, keys),
  };
}

/** Parsed without a copy: it is most of what reading a history takes. */
function metricsIn(row: Row): ScalarMap {
  const metrics: unknown = JSON.parse(String(row['metrics']));
  return isScalarMap(metrics) ? metrics : {};
}

function isScalarMap(value: unknown): value is ScalarMap {
  return typeof value === 'object' && value !== null && Object.values(value).every((member) => isScalar(member));
}

function chosen(metrics: ScalarMap, keys: readonly string[]): ScalarMap {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = Object.hasOwn(metrics, key) ? metrics[key] : undefined;
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}

function hasOneOf(keys: readonly string[], builder: QueryBuilder): string {
  // None of no keys.
  const present = keys.map((key) => `(${builder.member('h.metrics', key)}) IS NOT NULL`);
  return present.length === 0 ? 'FALSE' : `(${present.join(' OR ')})`;
}

function checkedStep(step: number, which: string): number {
  if (Number.isSafeInteger(step)) return step;
  throw new QueryError(`the ${which} step is an integer, not ${step}`);
}
