/**
 * Axes and summary rules of metrics, in the form that W&B keeps in the run's configuration: a list of protobuf messages with
 * their field numbers as keys (`MetricRecord` in wandb_internal.proto).
 */

import { SUMMARY_RULES, type JsonObject, type JsonValue, type SummaryRule } from '@runcast/core';
import { z } from 'zod';

export interface MetricEntry extends JsonObject {
  /** A key, or a prefix ending in `/*`. */
  readonly metric: string;
  readonly step: string | null;
  readonly summary: SummaryRule | null;
  /** Asked for by the program, not only as somebody's axis. */
  readonly explicit: boolean;
}

const SUMMARY_NUMBERS: Readonly<Record<SummaryRule, number>> = { min: 1, max: 2, mean: 3, last: 5, none: 6, first: 8 };

const encodedEntries = z.array(
  z.object({
    '1': z.string().optional(),
    '2': z.string().optional(),
    '5': z.number().optional(),
    '6': z.array(z.number()).default([]),
    '7': z.array(z.number()).default([]),
  }),
);

/** Reads what {@link MetricDefinitions.encoded} or W&B's own client wrote; nothing of what is no such list. */
export function decodeMetrics(list: JsonValue | undefined): readonly MetricEntry[] {
  const parsed = encodedEntries.safeParse(list);
  const entries = parsed.success ? parsed.data : [];
  const names = entries.map((entry) => entry['1'] ?? entry['2'] ?? '');
  return entries.flatMap((entry, index) => {
    const metric = names[index] ?? '';
    if (metric === '') return [];
    const summary = SUMMARY_RULES.find((rule) => entry['7'].includes(SUMMARY_NUMBERS[rule])) ?? null;
    const explicit = entry['6'].includes(3) || entry['1'] === undefined;
    return [{ metric, step: names[(entry['5'] ?? 0) - 1] ?? null, summary, explicit }];
  });
}

export class MetricDefinitions {
  readonly #entries: Map<string, MetricEntry>;
  /** Of keys that were asked for; null where there is none. */
  #rules = new Map<string, SummaryRule | null>();

  constructor(entries: readonly MetricEntry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.metric, entry]));
  }

  /** Adds to what is known of the metric. Returns whether anything is new. */
  define(metric: string, step: string | undefined, summary: SummaryRule | undefined): boolean {
    const before = this.#entries.get(metric);
    const axis = step === undefined ? false : this.#declare(step);
    const after: MetricEntry = {
      metric,
      step: step ?? before?.step ?? null,
      summary: summary ?? before?.summary ?? null,
      explicit: true,
    };
    const same =
      before !== undefined && before.explicit && before.step === after.step && before.summary === after.summary;
    this.#entries.set(metric, after);
    if (!same) this.#rules = new Map();
    return axis || !same;
  }

  /** Whether the metric has an axis already, which a default one must not replace. */
  hasStep(metric: string): boolean {
    return (this.#entries.get(metric)?.step ?? null) !== null;
  }

  /** The rule for a key: its own, or that of the longest prefix. */
  ruleOf(key: string): SummaryRule | undefined {
    const known = this.#rules.get(key);
    if (known !== undefined) return known ?? undefined;
    const rule = this.#entries.get(key)?.summary ?? this.#globRule(key);
    this.#rules.set(key, rule ?? null);
    return rule;
  }

  entries(): readonly MetricEntry[] {
    return [...this.#entries.values()];
  }

  /** The list as W&B's configuration has it, as `_wandb.value.m`. */
  encoded(): readonly JsonObject[] {
    const entries = this.entries();
    const places = new Map(entries.map(({ metric }, index) => [metric, index + 1]));
    return entries.map(({ metric, step, summary, explicit }) => {
      const isGlob = metric.endsWith('*');
      // 1 step_sync, 3 defined: an axis that is only mentioned is neither.
      const options = [...(step === null ? [] : [1]), ...(explicit && !isGlob ? [3] : [])];
      return {
        [isGlob ? '2' : '1']: metric,
        ...(step === null ? {} : { '5': places.get(step) ?? 0 }),
        '6': options,
        '7': summary === null ? [] : [SUMMARY_NUMBERS[summary]],
      };
    });
  }

  #declare(axis: string): boolean {
    if (this.#entries.has(axis)) return false;
    this.#entries.set(axis, { metric: axis, step: null, summary: null, explicit: true });
    return true;
  }

  #globRule(key: string): SummaryRule | undefined {
    let found: MetricEntry | undefined;
    for (const entry of this.#entries.values()) {
      if (!entry.metric.endsWith('*') || entry.summary === null || !key.startsWith(entry.metric.slice(0, -1))) continue;
      if (found === undefined || entry.metric.length > found.metric.length) found = entry;
    }
    return found?.summary ?? undefined;
  }
}
