/**
 * The table `run_values`: configuration, summary and tags of a run as columns that filters find by indexes. It is what the
 * row of `runs` says, taken apart; made again once a second of a run's own time, and whenever the store is flushed.
 */

import { isJsonArray, isJsonObject, isScalar, type JsonObject, type JsonValue } from '@runcast/core';
import { columnNumber, isIndexable } from './record-rows.ts';
import { configValues } from './run-field.ts';
import { RUN_VALUES } from './schema.ts';
import { ask, upsert, type SqlValue, type Work } from './statement.ts';

/** Of a text as much is in the index; the whole of it is in `runs`. */
const MAX_TEXT_CHARACTERS = 200;

/** What is indexed of a run. */
export interface IndexedValues {
  readonly config: JsonObject;
  readonly summary: JsonObject;
  readonly tags: readonly string[];
}

type Values = readonly SqlValue[];

export class ValueIndex {
  readonly #runId: string;
  /** What the table holds, by section and key; undefined until it was written once. */
  #held: ReadonlyMap<string, Values> | undefined;
  #next: ReadonlyMap<string, Values> | undefined;

  constructor(runId: string) {
    this.#runId = runId;
  }

  /** Writes what has changed. What the table holds is known again once the transaction is {@link committed}. */
  *write(values: IndexedValues): Work<void> {
    const rows = indexRows(this.#runId, values);
    const held = this.#held;
    if (held === undefined) yield* ask('DELETE FROM run_values WHERE run_id = ?', [this.#runId]);
    for (const [place, [, section = null, key = null]] of held ?? [])
      if (!rows.has(place))
        yield* ask('DELETE FROM run_values WHERE run_id = ? AND section = ? AND key = ?', [this.#runId, section, key]);
    const changed = [...rows].filter(([place, row]) => !isSame(held?.get(place), row));
    yield* upsert(
      RUN_VALUES,
      changed.map(([, row]) => row),
    );
    this.#next = rows;
  }

  committed(): void {
    this.#held = this.#next ?? this.#held;
    this.#next = undefined;
  }

  /** Nobody knows what the table holds. */
  forget(): void {
    this.#held = undefined;
    this.#next = undefined;
  }
}

function indexRows(runId: string, { config, summary, tags }: IndexedValues): ReadonlyMap<string, Values> {
  const entries = [
    ...configValues(config).map(([key, value]) => ['config', key, value] as const),
    ...Object.entries(summary).map(([key, value]) => ['summary', key, value] as const),
    ...tags.map((tag) => ['tag', tag, tag] as const),
  ];
  const rows = entries
    .filter(([, key]) => isIndexable(key))
    .map(([section, key, value]): [string, Values] => [
      JSON.stringify([section, key]),
      [runId, section, key, isScalar(value) ? columnNumber(value) : null, textOf(value)],
    ]);
  return new Map(rows);
}

/** As much of a text as the table holds. */
export function indexedText(text: string): string {
  return text.slice(0, MAX_TEXT_CHARACTERS).toWellFormed();
}

function textOf(value: JsonValue): string | null {
  if (typeof value === 'number') return null;
  const text = isJsonArray(value) || isJsonObject(value) ? JSON.stringify(value) : String(value);
  return indexedText(text);
}

function isSame(held: Values | undefined, row: Values): boolean {
  return held !== undefined && row.every((value, column) => Object.is(value, held[column]));
}
