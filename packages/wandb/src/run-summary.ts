/**
 * The run's summary, which W&B expects its client to compute: the last value of each key, or what define_metric asks for
 * instead, under the names that W&B's own client gives it.
 */

import { fromScalar, toScalar, type JsonObject, type Scalar, type SummaryRule } from '@runcast/core';
import { fieldText, numberOf, objectText, type Field, type FieldValue } from './json-text.ts';

/** What a rule has gathered of one key. */
export interface Gathered extends JsonObject {
  readonly rule: SummaryRule;
  /** The value that the rule chose, as JSON. */
  readonly text: string;
  /** Of the values that are numbers. */
  readonly sum: Scalar;
  readonly count: number;
}

export class RunSummary {
  readonly #values: Map<string, FieldValue>;
  readonly #gathered: Map<string, Gathered>;

  constructor(values: Iterable<Field>, gathered: Iterable<readonly [string, Gathered]>) {
    this.#values = new Map(values);
    this.#gathered = new Map(gathered);
  }

  /** A value that was set, not logged: it stands whatever the rule. */
  set(key: string, value: FieldValue): void {
    this.#gathered.delete(key);
    this.#values.set(key, value);
  }

  /** A value of a history row. */
  log(key: string, value: FieldValue, rule: SummaryRule | undefined): void {
    if (rule === undefined) {
      this.#values.set(key, value);
      return;
    }
    if (rule === 'none') {
      this.#values.delete(key);
      return;
    }
    const gathered = gather(this.#gathered.get(key), rule, value);
    this.#gathered.set(key, gathered);
    this.#values.set(key, objectText([[rule, shown(gathered)]]));
  }

  /** Keys and their values as JSON. */
  texts(): readonly (readonly [string, string])[] {
    return Array.from(this.#values, ([key, value]) => [key, fieldText(value)] as const);
  }

  get gathered(): ReadonlyMap<string, Gathered> {
    return this.#gathered;
  }
}

function gather(before: Gathered | undefined, rule: SummaryRule, value: FieldValue): Gathered {
  const number = numberOf(value);
  const text = fieldText(value);
  if (before === undefined || before.rule !== rule)
    return { rule, text, sum: toScalar(number ?? 0), count: number === undefined ? 0 : 1 };
  const sum = toScalar(fromScalar(before.sum) + (number ?? 0));
  const count = before.count + (number === undefined ? 0 : 1);
  return { rule, text: chosenText(before, rule, text, number), sum, count };
}

function chosenText({ text: kept }: Gathered, rule: SummaryRule, text: string, number: number | undefined): string {
  const old = numberOf(kept);
  switch (rule) {
    case 'first':
      return kept;
    case 'min':
    case 'max': {
      if (number === undefined || old === undefined) return number === undefined ? kept : text;
      // As W&B's client has it, one NaN makes the result NaN.
      return fieldText(toScalar(rule === 'min' ? Math.min(old, number) : Math.max(old, number)));
    }
    case 'last':
    case 'mean':
    case 'none':
      return text;
    default:
      rule satisfies never;
      return text;
  }
}

function shown({ rule, text, sum, count }: Gathered): FieldValue {
  return rule === 'mean' && count > 0 ? toScalar(fromScalar(sum) / count) : text;
}
