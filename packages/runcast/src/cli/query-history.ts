/** Rows of a run's metrics as lines: for people, for a spreadsheet, for a program. One row at a time, however many there are. */

import { fromScalar } from '@runcast/core';
import type { HistoryQuery, HistoryRow, Store } from '@runcast/store';
import { csvLine } from './export-csv.ts';
import { formatClock, formatMetrics } from './quantities.ts';
import type { Style } from './terminal-style.ts';

const CSV_COLUMNS = ['axis', 'step', 'time', 'kind'];

/** `09:46:21 step 16  train/loss 0.5`. */
export async function* textRows(store: Store, id: string, query: HistoryQuery, style: Style): AsyncGenerator<string> {
  for await (const { time, kind, axis, step, metrics } of store.history(id, query)) {
    const place = axis === undefined || step === undefined ? kind : `${axis} ${step}`;
    yield `${style('dim', formatClock(time))} ${style('bold', place)}  ${formatMetrics(metrics)}\n`;
  }
}

/** One JSON object a line. */
export async function* jsonRows(store: Store, id: string, query: HistoryQuery): AsyncGenerator<string> {
  for await (const { writer, seq, time, kind, axis = null, step = null, metrics } of store.history(id, query))
    yield `${JSON.stringify({ writer, seq, time, kind, axis, step, metrics })}\n`;
}

/** A header, and a column for each key; nothing where there are no rows. Keys that nobody asked for are collected first. */
export async function* csvRows(store: Store, id: string, query: HistoryQuery): AsyncGenerator<string> {
  const keys = query.keys ?? (await keysOf(store, id, query));
  let isFirst = true;
  for await (const row of store.history(id, query)) {
    if (isFirst) yield csvLine([...CSV_COLUMNS, ...keys]);
    isFirst = false;
    yield csvRow(row, keys);
  }
}

function csvRow({ axis, step, time, kind, metrics }: HistoryRow, keys: readonly string[]): string {
  const values = new Map(Object.entries(metrics));
  const cells = keys.map((key) => {
    const value = values.get(key);
    return value === undefined ? '' : fromScalar(value);
  });
  return csvLine([axis ?? '', step ?? '', time, kind, ...cells]);
}

async function keysOf(store: Store, id: string, query: HistoryQuery): Promise<readonly string[]> {
  const keys = new Set<string>();
  for await (const { metrics } of store.history(id, query)) for (const key of Object.keys(metrics)) keys.add(key);
  return [...keys];
}
