/** Runs that have something in common, as one line of a figure. */

import type { JsonValue } from '@runcast/core';
import { runFieldValue, type RunField, type StoredRun } from '@runcast/store';

export interface RunGroup {
  /** For the legend. */
  readonly label: string;
  readonly runs: readonly StoredRun[];
}

/** What runs are grouped by, as it was asked for. */
export interface GroupField {
  readonly name: string;
  readonly field: RunField;
}

/** Each run by itself: by its name where no other run has the same, otherwise by its id. */
export function runsAlone(runs: readonly StoredRun[]): readonly RunGroup[] {
  const names = Map.groupBy(runs, ({ name }) => name);
  return runs.map((run) => {
    const { id, name } = run;
    return { label: name === undefined || names.get(name)?.length !== 1 ? id : name, runs: [run] };
  });
}

/** Runs with the same value, numbers by size and texts by their letters; those without one come last. */
export function runsBy({ name, field }: GroupField, runs: readonly StoredRun[]): readonly RunGroup[] {
  const short = name.replace(/^(?:config|summary)\./u, '');
  const groups = Map.groupBy(runs, (run) => valueText(runFieldValue(run, field)));
  const sorted = [...groups].toSorted(([left], [right]) => compare(left, right));
  return sorted.map(([text, members]) => {
    const value = text === undefined ? `no ${short}` : `${short} = ${text}`;
    return { label: `${value} (${members.length} ${members.length === 1 ? 'run' : 'runs'})`, runs: members };
  });
}

function valueText(value: JsonValue | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return JSON.stringify(value);
}

function compare(left: string | undefined, right: string | undefined): number {
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
  const difference = Number(left) - Number(right);
  return Number.isNaN(difference) ? left.localeCompare(right, 'en') : difference;
}
