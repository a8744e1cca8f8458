/** Runs of a store as a table, or as JSON. */

import { isJsonArray, type JsonValue } from '@runcast/core';
import { runFieldValue, type RunField, type RunQuery, type Store, type StoredRun } from '@runcast/store';
import type { CliContext } from './command.ts';
import { writeJson } from './json-output.ts';
import { STATUS_COLOURS } from './ls-command.ts';
import { formatCount, formatDuration, formatNumber, formatTime } from './quantities.ts';
import { styleFor } from './terminal-style.ts';
import { textTable } from './text-table.ts';

const MAX_CELL_CHARACTERS = 60;

/** A field to show, as it was asked for. */
export interface AskedColumn {
  readonly name: string;
  readonly field: RunField;
}

export async function showRuns(
  store: Store,
  query: RunQuery,
  columns: readonly AskedColumn[],
  asJson: boolean,
  { stdout, stderr, env }: CliContext,
): Promise<void> {
  const runs = await store.runs(query);
  if (asJson) {
    writeJson(stdout, {
      store: store.address,
      runs: runs.map((run) => ({ ...runJson(run), ...columnsJson(run, columns) })),
    });
    return;
  }
  if (runs.length === 0) {
    stderr.write(`no runs ${(query.where ?? []).length === 0 ? '' : 'that fit '}in ${store.address}\n`);
    return;
  }
  const style = styleFor(stdout, env);
  const header = ['RUN', 'PROJECT', 'NAME', 'STATUS', 'STARTED (UTC)', 'DURATION', 'STEPS'];
  const rows = runs.map((run) => [
    run.id,
    valueText(run.project),
    valueText(run.name),
    style(STATUS_COLOURS[run.status], run.status),
    formatTime(run.startedAt),
    formatDuration(run.durationSecs),
    formatCount(run.totalSteps),
    ...columns.map(({ field }) => fieldText(run, field)),
  ]);
  stdout.write(
    textTable([[...header, ...columns.map(({ name }) => name)].map((title) => style('dim', title)), ...rows]),
  );
}

/** Everything of a run, named as other results of the command are. */
export function runJson(run: StoredRun): object {
  return {
    id: run.id,
    project: run.project ?? null,
    name: run.name ?? null,
    entity: run.entity ?? null,
    group: run.group ?? null,
    job_type: run.jobType ?? null,
    notes: run.notes ?? null,
    status: run.status,
    started: run.startedAt,
    ended: run.endedAt ?? null,
    heartbeat: run.heartbeatAt,
    duration_secs: run.durationSecs,
    total_steps: run.totalSteps,
    host: run.host ?? null,
    argv: run.argv,
    git: run.git ?? null,
    tags: run.tags,
    config: run.config,
    summary: run.summary,
  };
}

function columnsJson(run: StoredRun, columns: readonly AskedColumn[]): object {
  if (columns.length === 0) return {};
  return { columns: Object.fromEntries(columns.map(({ name, field }) => [name, runFieldValue(run, field) ?? null])) };
}

function fieldText(run: StoredRun, field: RunField): string {
  const value = runFieldValue(run, field);
  const isTime = field.source === 'column' && field.type === 'time';
  return isTime && typeof value === 'number' ? formatTime(value) : valueText(value);
}

/** A value in a cell, without what would break the table. */
export function valueText(value: JsonValue | undefined): string {
  if (value === undefined) return '-';
  const text = (isJsonArray(value) ? value : [value]).map((item) => itemText(item)).join(', ');
  const line = [...text.replaceAll(/\p{Cc}+/gu, ' ')];
  return line.length > MAX_CELL_CHARACTERS ? `${line.slice(0, MAX_CELL_CHARACTERS).join('')}…` : line.join('');
}

function itemText(value: JsonValue): string {
  if (typeof value === 'number') return formatNumber(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
