/** From a question about runs to one statement. Pure, so that each dialect's text can be looked at and its plan tested. */

import { parseFilter, type FilterTest, type FilterValue, type OrderOperator, type RunFilter } from './parse-filter.ts';
import { QueryError } from './query-error.ts';
import { parseRunField, type ColumnField, type RunField } from './run-field.ts';
import { HEARTBEAT_LIMIT_SECS } from './run-state.ts';
import { RUNS } from './schema.ts';
import type { SqlDialect } from './sql-dialect.ts';
import { QueryBuilder, type BuiltQuery } from './query-builder.ts';
import type { RunQuery } from './store.ts';
import { indexedText } from './value-index.ts';

/** Columns of `runs` that readers have a use for. */
export const RUN_COLUMNS: readonly string[] = RUNS.columns
  .map(({ name }) => name)
  .filter((name) => name !== 'sink_state');

/** @throws QueryError where a filter, the order or the limit is none. */
export function runQueryStatement(query: RunQuery, dialect: SqlDialect, nowSecs: number): BuiltQuery {
  const { where = [], orderBy, limit } = query;
  const builder = new QueryBuilder(dialect);
  const context: QueryContext = { builder, deadlineSecs: nowSecs - HEARTBEAT_LIMIT_SECS };
  const order = orderBy === undefined ? undefined : orderSql(orderBy, context);
  const conditions = where.map((filter) => filterSql(parseFilter(filter), context));
  const parts = [
    `SELECT ${RUN_COLUMNS.map((column) => `r.${column}`).join(', ')}`,
    `FROM runs r`,
    ...(order?.join === undefined ? [] : [order.join]),
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join('\n  AND ')}`]),
    `ORDER BY ${[...(order?.terms ?? []), 'r.started_at DESC', 'r.run_id'].join(', ')}`,
    ...(limit === undefined ? [] : [`LIMIT ${builder.bindInteger(checkedLimit(limit))}`]),
  ];
  return builder.build(parts.join('\n'));
}

interface QueryContext {
  readonly builder: QueryBuilder;
  /** Who was not heard of since is gone. */
  readonly deadlineSecs: number;
}

function checkedLimit(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw new QueryError(`a limit is an integer from 1, not ${limit}`);
}

function filterSql({ field, test, negated }: RunFilter, context: QueryContext): string {
  if (field.source !== 'column') return valueSql(field, test, negated, context);
  const condition = columnSql(field, test, context);
  // Where there is nothing to compare, the comparison is neither true nor false.
  return negated ? `NOT COALESCE(${condition}, FALSE)` : condition;
}

function columnSql(field: ColumnField, test: FilterTest, context: QueryContext): string {
  const { builder } = context;
  const column = `r.${field.column}`;
  switch (test.kind) {
    case 'present':
      return `${column} IS NOT NULL`;
    case 'equal':
      if (field.type === 'status') return statusSql(test.value.text, context);
      return `${column} = ${builder.bind(test.value.operand)}`;
    case 'order': {
      const compared = field.type === 'text' ? builder.byCodePoints(column) : column;
      return `${compared} ${test.operator} ${builder.bind(test.value.operand)}`;
    }
    case 'contains':
      return builder.contains(field.type === 'status' ? currentStatus(context) : column, test.text);
    default:
      return test satisfies never;
  }
}

/** In a form that the index on the status serves. */
function statusSql(status: string, { builder, deadlineSecs }: QueryContext): string {
  const isStored = `r.status = ${builder.bind(status)}`;
  if (status === 'running') return `(${isStored} AND r.heartbeat_at >= ${builder.bind(deadlineSecs)})`;
  if (status !== 'crashed') return isStored;
  return `(${isStored} OR r.status = 'running' AND r.heartbeat_at < ${builder.bind(deadlineSecs)})`;
}

function currentStatus({ builder, deadlineSecs }: QueryContext): string {
  const isGone = `r.status = 'running' AND r.heartbeat_at < ${builder.bind(deadlineSecs)}`;
  return `CASE WHEN ${isGone} THEN 'crashed' ELSE r.status END`;
}

/** A condition on what the run has in `run_values`: found by an index there, or by the run's own rows where it must have none. */
function valueSql(
  field: Exclude<RunField, ColumnField>,
  test: FilterTest,
  negated: boolean,
  { builder }: QueryContext,
): string {
  const isSection = `v.section = ${builder.bind(field.source)}`;
  const isPlace = field.source === 'tag' ? isSection : `${isSection} AND v.key = ${builder.bind(field.key)}`;
  const alternatives = field.source === 'tag' ? [tagTestSql(test, builder)] : valueTestSql(test, builder);
  if (negated) {
    const passes = `(${alternatives.join(' OR ')})`;
    return `NOT EXISTS (SELECT 1 FROM run_values v WHERE v.run_id = r.run_id AND ${isPlace} AND ${passes})`;
  }
  // Each by an index of its own, which SQLite does not do for one condition with OR.
  const found = alternatives.map((passes) => `SELECT v.run_id FROM run_values v WHERE ${isPlace} AND ${passes}`);
  return `r.run_id IN (${found.join(' UNION ALL ')})`;
}

/** A tag is the key of its row. */
function tagTestSql(test: FilterTest, builder: QueryBuilder): string {
  switch (test.kind) {
    case 'present':
    case 'order':
      return 'TRUE';
    case 'equal':
      return `v.key = ${builder.bind(test.value.text)}`;
    case 'contains':
      return builder.contains('v.key', test.text);
    default:
      return test satisfies never;
  }
}

/** Conditions of which one has to hold. */
function valueTestSql(test: FilterTest, builder: QueryBuilder): readonly string[] {
  switch (test.kind) {
    case 'present':
      return ['TRUE'];
    case 'equal':
      return equalSql(test.value, builder);
    case 'order':
      return orderTestSql(test.operator, test.value, builder);
    case 'contains':
      return [builder.contains('v.text', test.text)];
    default:
      return test satisfies never;
  }
}

/** A number is also found where a configuration has it as text. */
function equalSql({ operand, text }: FilterValue, builder: QueryBuilder): readonly string[] {
  const isText = (value: string): string => `v.text = ${builder.bind(indexedText(value))}`;
  if (typeof operand !== 'number') return [isText(text)];
  // Numbers that are not finite are texts in the table, in one spelling.
  if (!Number.isFinite(operand)) return [isText(String(operand))];
  return [`v.number = ${builder.bind(operand)}`, isText(text)];
}

function orderTestSql(operator: OrderOperator, { operand }: FilterValue, builder: QueryBuilder): readonly string[] {
  if (typeof operand !== 'number') return [`${builder.byCodePoints('v.text')} ${operator} ${builder.bind(operand)}`];
  // What has no bounds is text in the table, but a number for who compares.
  const unbounded = [Infinity, -Infinity].filter((value) => holds(value, operator, operand));
  return [
    `v.number ${operator} ${builder.bind(operand)}`,
    ...unbounded.map((value) => `v.text = ${builder.bind(String(value))}`),
  ];
}

function holds(value: number, operator: OrderOperator, limit: number): boolean {
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    default:
      return operator satisfies never;
  }
}

interface Order {
  /** Brings in what is ordered by, where that is no column of the run. */
  readonly join: string | undefined;
  readonly terms: readonly string[];
}

function orderSql(orderBy: string, context: QueryContext): Order {
  const { builder } = context;
  const direction = orderBy.startsWith('-') ? 'DESC' : 'ASC';
  const field = parseRunField(orderBy.replace(/^-/u, '').trim());
  if (field.source === 'tag') throw new QueryError('runs have no order by tags: a run may have several');
  if (field.source === 'column') {
    const expression = field.type === 'status' ? currentStatus(context) : `r.${field.column}`;
    const isText = field.type === 'text' || field.type === 'status';
    const ordered = isText ? builder.byCodePoints(`(${expression})`) : expression;
    return { join: undefined, terms: [`r.${field.column} IS NULL`, `${ordered} ${direction}`] };
  }
  const join = `LEFT JOIN run_values o ON o.run_id = r.run_id AND o.section = ${builder.bind(field.source)} AND o.key = ${builder.bind(field.key)}`;
  const infinite = [Infinity, -Infinity].map((value) => `WHEN '${value}' THEN ${builder.bind(value)}`);
  const number = `CASE o.text ${infinite.join(' ')} ELSE o.number END`;
  // Numbers, then texts, then runs that have neither, whichever direction was asked for.
  return {
    join,
    terms: [
      'o.run_id IS NULL',
      `(${number}) IS NULL`,
      `${number} ${direction}`,
      `${builder.byCodePoints('o.text')} ${direction}`,
    ],
  };
}
