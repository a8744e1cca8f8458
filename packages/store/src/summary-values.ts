/** The summary of a run: of each metric the value that its rule chooses, the last one by default, and what was set by hand. */

import {
  fromScalar,
  KnownKeys,
  toScalar,
  type JsonPrimitive,
  type JsonObject,
  type Scalar,
  type ScalarMap,
  type SummaryRule,
} from '@runcast/core';

/** What a rule has to remember of one key beside the value it chose. */
interface MeanSoFar extends JsonObject {
  readonly sum: Scalar;
  readonly count: number;
}

/** Everything of a summary, as JSON. */
export interface SummaryState extends JsonObject {
  readonly values: Readonly<Record<string, JsonPrimitive>>;
  /** Of keys and of prefixes that end in `/*`. */
  readonly rules: Readonly<Record<string, SummaryRule>>;
  readonly means: Readonly<Record<string, MeanSoFar>>;
}

export class SummaryValues {
  readonly #values: Map<string, JsonPrimitive>;
  readonly #rules: Map<string, SummaryRule>;
  readonly #means: Map<string, MeanSoFar>;
  #ruleOf = new KnownKeys((key) => this.#findRule(key));

  constructor({ values, rules, means }: SummaryState = { values: {}, rules: {}, means: {} }) {
    this.#values = new Map(Object.entries(values));
    this.#rules = new Map(Object.entries(rules));
    this.#means = new Map(Object.entries(means));
  }

  state(): SummaryState {
    return {
      values: Object.fromEntries(this.#values),
      rules: Object.fromEntries(this.#rules),
      means: Object.fromEntries(this.#means),
    };
  }

  /** @param metric A key, or a prefix ending in `/*`. The rule is for what is logged from now on. */
  define(metric: string, rule: SummaryRule): void {
    this.#rules.set(metric, rule);
    this.#ruleOf = new KnownKeys((key) => this.#findRule(key));
  }

  /** Values that were set, not logged: they stand whatever the rule, until the metric is logged again. */
  set(values: Readonly<Record<string, JsonPrimitive>>): void {
    for (const [key, value] of Object.entries(values)) this.#values.set(key, value);
  }

  /** Values of one row. */
  log(metrics: ScalarMap): void {
    for (const [key, value] of Object.entries(metrics)) {
      const rule = this.#ruleOf.of(key);
      if (rule === 'last') this.#values.set(key, value);
      else this.#choose(key, value, rule);
    }
  }

  #choose(key: string, value: Scalar, rule: Exclude<SummaryRule, 'last'>): void {
    const before = this.#values.get(key);
    switch (rule) {
      case 'none':
        this.#values.delete(key);
        break;
      case 'first':
        if (before === undefined) this.#values.set(key, value);
        break;
      case 'min':
      case 'max':
        this.#values.set(key, before === undefined ? value : furthest(rule, before, value));
        break;
      case 'mean': {
        const { sum, count } = this.#means.get(key) ?? { sum: 0, count: 0 };
        const mean = { sum: toScalar(fromScalar(sum) + fromScalar(value)), count: count + 1 };
        this.#means.set(key, mean);
        this.#values.set(key, toScalar(fromScalar(mean.sum) / mean.count));
        break;
      }
      default:
        rule satisfies never;
    }
  }

  /** The rule of the key itself, or of the longest prefix. */
  #findRule(key: string): SummaryRule {
    const [prefix = key] = [...this.#rules.keys()]
      .filter((metric) => metric.endsWith('*') && key.startsWith(metric.slice(0, -1)))
      .toSorted((one, other) => other.length - one.length);
    return this.#rules.get(key) ?? this.#rules.get(prefix) ?? 'last';
  }
}

/** As W&B's client has it, one NaN makes the result NaN. What was set by hand and is no number gives way. */
function furthest(rule: 'min' | 'max', before: JsonPrimitive, value: Scalar): Scalar {
  const old = typeof before === 'string' || typeof before === 'number' ? Number(before) : undefined;
  if (old === undefined || (Number.isNaN(old) && before !== 'NaN')) return value;
  const number = fromScalar(value);
  return toScalar(rule === 'min' ? Math.min(old, number) : Math.max(old, number));
}
