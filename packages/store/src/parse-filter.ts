/**
 * From a filter as people write it, `config.lr >= 1e-3`, to what it asks. What a value is follows from the field where that
 * is a column, and from how it is written where it is a value of a configuration or a summary, which may be anything.
 */

import { closestName } from '@runcast/core';
import { QueryError } from './query-error.ts';
import { checkedText, parseRunField, STORED_STATUSES, type ColumnField, type RunField } from './run-field.ts';

/** What a field is compared with. */
export interface FilterValue {
  /** As the database compares it; a value that is written as a number is one, unless the field is text. */
  readonly operand: string | number | boolean;
  /** As it was written. */
  readonly text: string;
}

export type OrderOperator = '<' | '<=' | '>' | '>=';

export type FilterTest =
  | { readonly kind: 'present' }
  | { readonly kind: 'equal'; readonly value: FilterValue }
  | { readonly kind: 'order'; readonly operator: OrderOperator; readonly value: FilterValue }
  /** In any case of its letters. */
  | { readonly kind: 'contains'; readonly text: string };

export interface RunFilter {
  readonly field: RunField;
  readonly test: FilterTest;
  /** Runs that do not pass the test, be it that they have no such value. */
  readonly negated: boolean;
}

const EXPECTED =
  'expects <field> <operator> <value>, such as config.lr >= 1e-3, or a field alone, with ! before it for runs without it; operators are = != < <= > >= ~';

/** A quoted key may hold operators; any other field ends where the first of them begins. */
const FILTER =
  /^(?<field>!?\s*(?:config|summary)\.(?:"[^"]*"|'[^']*')\s*|(?:[^=!<>~]|!(?!=))+)(?:(?<operator>==|!=|<=|>=|[=<>~])(?<value>.*))?$/su;
const QUOTED = /^(?<quote>["'])(?<text>.*)\k<quote>$/su;
const NUMBER = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|Infinity)$|^NaN$/u;
/** Signs that two filters became one, or that an operator is misspelt. */
const NOT_A_VALUE = /^[=<>~]|[<>]=?|[=!]=|\s[=~]\s|&&|\|\|/u;
const DATE = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?<zone>Z|[+-]\d{2}:?\d{2})?)?$/u;

/**
 * - `=` and `==`, `!=`; `!=` holds for runs without the value as well.
 * - `<`, `<=`, `>`, `>=`: numbers with numbers, text with text by its characters' code points.
 * - `~`: the text holds the value, in any case.
 * - a field alone: the run has it; `!` before it: it has not.
 *
 * A value may be quoted, by `"` or `'`, which makes it text and lets it hold anything.
 *
 * @throws QueryError that names the filter, what is wrong, and what is expected.
 */
export function parseFilter(filter: string): RunFilter {
  try {
    return parse(filter);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new QueryError(`filter ${JSON.stringify(filter)}: ${error.message}`);
  }
}

function parse(filter: string): RunFilter {
  const { field: name, operator, value } = FILTER.exec(filter.trim())?.groups ?? {};
  if (name === undefined) throw new QueryError(EXPECTED);
  if (operator === undefined || value === undefined) return presence(name.trim());
  if (name.startsWith('!')) throw new QueryError('! stands before a field alone; for values that differ, write !=');
  const field = parseRunField(name.trim());
  const { text, quoted } = readValue(operator, value.trim());
  switch (operator) {
    case '=':
    case '==':
    case '!=':
      return equality(field, text, quoted, operator === '!=');
    case '~':
      return { field, test: { kind: 'contains', text: containedText(field, text) }, negated: false };
    case '<':
    case '<=':
    case '>':
    case '>=':
      return { field, test: { kind: 'order', operator, value: orderedValue(field, text, quoted) }, negated: false };
    default:
      throw new QueryError(EXPECTED);
  }
}

function presence(name: string): RunFilter {
  const negated = name.startsWith('!');
  const field = parseRunField(negated ? name.slice(1).trim() : name);
  return { field, test: { kind: 'present' }, negated };
}

function readValue(operator: string, written: string): { readonly text: string; readonly quoted: boolean } {
  const { text } = QUOTED.exec(written)?.groups ?? {};
  if (text !== undefined) return { text: checkedText(text), quoted: true };
  if (written === '') throw new QueryError(`a value has to follow ${operator}; "" is the empty one`);
  if (NOT_A_VALUE.test(written))
    throw new QueryError(
      `${JSON.stringify(written)} looks like more than a value: give each comparison as a filter of its own, or quote the value; operators are = != < <= > >= ~`,
    );
  return { text: checkedText(written), quoted: false };
}

function equality(field: RunField, text: string, quoted: boolean, negated: boolean): RunFilter {
  // Of a column nothing is stored where there is nothing, while a configuration may hold null.
  if (field.source === 'column' && !quoted && text === 'null')
    return { field, test: { kind: 'present' }, negated: !negated };
  return { field, test: { kind: 'equal', value: comparedValue(field, text, quoted) }, negated };
}

function orderedValue(field: RunField, text: string, quoted: boolean): FilterValue {
  if (field.source === 'tag') throw new QueryError('tags have no order: use = != or ~');
  if (field.source === 'column' && (field.type === 'flag' || field.type === 'status'))
    throw new QueryError(`${field.type === 'flag' ? 'true and false' : 'statuses'} have no order: use = or !=`);
  const value = comparedValue(field, text, quoted);
  if (Number.isNaN(value.operand)) throw new QueryError('NaN has no order: use = or !=');
  return value;
}

function containedText(field: RunField, text: string): string {
  if (field.source !== 'column' || field.type === 'text' || field.type === 'status') return text;
  throw new QueryError('~ is for text: use = != < <= > >=');
}

function comparedValue(field: RunField, text: string, quoted: boolean): FilterValue {
  switch (field.source) {
    case 'column':
      return { operand: columnOperand(field.type, text), text };
    case 'tag':
      return { operand: text, text };
    case 'config':
    case 'summary':
      return { operand: !quoted && NUMBER.test(text) ? Number(text) : text, text };
    default:
      return field satisfies never;
  }
}

function columnOperand(type: ColumnField['type'], text: string): string | number | boolean {
  switch (type) {
    case 'text':
      return text;
    case 'status':
      return checkedStatus(text);
    case 'flag':
      if (text === 'true' || text === 'false') return text === 'true';
      throw new QueryError(`${JSON.stringify(text)} is neither true nor false`);
    case 'number':
      if (NUMBER.test(text)) return Number(text);
      throw new QueryError(`${JSON.stringify(text)} is no number`);
    case 'time':
      return unixSeconds(text);
    default:
      return type satisfies never;
  }
}

function checkedStatus(text: string): string {
  if (STORED_STATUSES.some((status) => status === text)) return text;
  const close = closestName(text, STORED_STATUSES);
  throw new QueryError(
    `there is no status ${JSON.stringify(text)}${close === undefined ? '' : `; did you mean ${close}?`} (${STORED_STATUSES.join(', ')})`,
  );
}

/** Unix seconds as they are; a date, with its time or as its beginning, in UTC where it names no zone. */
function unixSeconds(text: string): number {
  if (NUMBER.test(text)) return Number(text);
  const date = DATE.exec(text);
  const zoned = text.length > 10 && date?.groups?.['zone'] === undefined ? `${text}Z` : text;
  const seconds = date === null ? Number.NaN : Date.parse(zoned.replace(' ', 'T')) / 1000;
  if (!Number.isNaN(seconds)) return seconds;
  throw new QueryError(
    `${JSON.stringify(text)} is no time: expects Unix seconds, or a date such as 2026-11-01 or 2026-11-01T09:30Z`,
  );
}
