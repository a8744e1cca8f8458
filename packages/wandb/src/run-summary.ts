/**
 * The run's summary, which W&B expects its client to compute: the last value of each key, or what define_metric asks for
 * instead, under the names that W&B's own client gives it.
 */

import { fromScalar, toScalar, type JsonObject, type Scalar, type SummaryRule } from '@runcast/core';
import { numberOfText, objectText, scalarText } from './json-text.ts';

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
  readonly #values: Map<string, string>;
  readonly #gathered: Map<string, Gathered>;

  constructor(values: Iterable<readonly [string, string]>, gathered: Iterable<readonly [string, Gathered]>) {
    this.#values = new Map(values);
    this.#gathered = new Map(gathered);
  }

  /** A value that was set, not logged: it stands whatever the rule. */
  set(key: string, text: string): void {
    this.#gathered.delete(key);
    this.#values.set(key, text);
  }

  /** A value of a history row. */
  log(key: string, text: string, rule: SummaryRule | undefined): void {
    if (rule === undefined) {
      this.#values.set(key, text);
      return;
    }
    if (rule === 'none') {
      this.#values.delete(key);
      return;
    }
    const gathered = gather(this.#gathered.get(key), rule, text);
    this.#gathered.set(key, gathered);
    this.#values.set(key, objectText([[rule, shownText(gathered)]]));
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  get gathered(): ReadonlyMap<string, Gathered> {
    return this.#gathered;
  }
}

function gather(before: Gathered | undefined, rule: SummaryRule, text: string): Gathered {
  const number = numberOfText(text);
  if (before === undefined || before.rule !== rule)
    return { rule, text, sum: toScalar(number ?? 0), count: number === undefined ? 0 : 1 };
  const sum = toScalar(fromScalar(before.sum) + (number ?? 0));
  const count = before.count + (number === undefined ? 0 : 1);
  return { rule, text: chosenText(before, rule, text, number), sum, count };
}

function chosenText({ text: kept }: Gathered, rule: SummaryRule, text: string, number: number | undefined): string {
  const old = numberOfText(kept);
  switch (rule) {
    case 'first':
      return kept;
    case 'min':
    case 'max': {
      if (number === undefined || old === undefined) return number === undefined ? kept : text;
      // As W&B's client has it, one NaN makes the result NaN.
      return scalarText(toScalar(rule === 'min' ? Math.min(old, number) : Math.max(old, number)));
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

function shownText({ rule, text, sum, count }: Gathered): string {
  return rule === 'mean' && count > 0 ? scalarText(toScalar(fromScalar(sum) / count)) : text;
}
