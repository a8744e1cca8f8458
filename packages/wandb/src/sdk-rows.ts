/**
 * From records to the rows that W&B's own client for Node is told. It writes a row when its step is no less than the number of rows
 * before it, and keeps it back for the next one otherwise; so a row that is not ahead of that gets a later `_step`, and where it
 * really stands is said by the column of its axis. Pure.
 */

import type { JsonObject, RecordBatch, RecordRefusal, RunRecord } from '@runcast/core';
import {
  axisBeside,
  historyFields,
  type HistoryLine,
  HistoryLines,
  MAX_LINE_BYTES,
  type HistoryState,
} from './history-lines.ts';
import { isEmpty, type Field, type Fields } from './json-text.ts';
import { EPOCH_AXIS, exitCodeOf, FREE_AXIS, STEP_AXIS } from './run-encoder.ts';

/** A row and its `_step`. What is no number stands in it as the text `NaN`, `Infinity` or `-Infinity`. */
export interface SdkRow {
  readonly step: number;
  readonly values: readonly (readonly [key: string, value: number | string])[];
}

/** What a batch comes to. */
export interface SdkBatch {
  readonly rows: readonly SdkRow[];
  /** Records that can never be shown; if there are any, nothing else counts. */
  readonly refusals: readonly RecordRefusal[];
  /** Where the rows stand after it. */
  readonly history: HistoryState;
  /** As the process of a run that ended with this batch would have exited; null where nobody ended it, undefined where it goes on. */
  readonly exitCode: number | null | undefined;
}

/** @param history Where the rows stand. None of them can be written to any more. */
export function encodeSdkRows(history: HistoryState, { records }: RecordBatch): SdkBatch {
  const lines = new HistoryLines({ ...history, open: null }, 0);
  const refusals: RecordRefusal[] = [];
  let exitCode: number | null | undefined;
  for (const record of records) {
    if (record.kind === 'close' && record.final) exitCode = exitCodeOf(record.status);
    const row = rowOf(record);
    if (row === undefined || isEmpty(row.fields)) continue;
    const axis = axisBeside(row.fields, row.axis);
    if (lines.add({ ...row, axis, time: record.time }) === undefined)
      refusals.push({
        seq: record.seq,
        reason: `the row is longer than the ${MAX_LINE_BYTES} bytes that W&B takes`,
      });
  }
  const rows = lines.all.map((line, index) => sdkRow(line, history.lines + index));
  return {
    rows,
    refusals,
    history: { lines: history.lines + rows.length, step: rows.at(-1)?.step ?? history.step, open: null },
    exitCode,
  };
}

/** The configuration as W&B's other clients keep it: each item wrapped, and with the part by which they know a run. */
export function sdkConfig(config: JsonObject): JsonObject {
  const items = Object.entries(config).map(([key, value]): readonly [string, JsonObject] => [
    key === '_wandb' ? 'config/_wandb' : key,
    { value },
  ]);
  return Object.fromEntries<JsonObject>([...items, ['_wandb', { value: { t: {} } }]]);
}

interface Row {
  readonly step: number | undefined;
  readonly fields: Fields;
  readonly axis: Field | undefined;
}

/** Undefined for a record without a row. */
function rowOf(record: RunRecord): Row | undefined {
  switch (record.kind) {
    case 'step':
      return { step: record.step, fields: historyFields(record.metrics), axis: [STEP_AXIS, record.step] };
    case 'epoch':
    case 'validation':
      return { step: undefined, fields: historyFields(record.metrics), axis: [EPOCH_AXIS, record.epoch] };
    case 'log': {
      const { series, step } = record;
      const axis = series === undefined ? FREE_AXIS : `${series}/step`;
      return {
        step: series === undefined ? step : undefined,
        fields: historyFields(record.metrics),
        axis: step === undefined ? undefined : [axis, step],
      };
    }
    default:
      return undefined;
  }
}

/** @param before Rows there are before it. */
function sdkRow(line: HistoryLine, before: number): SdkRow {
  const values: (readonly [string, number | string])[] = [];
  line.each((key, value) => values.push([key, value]));
  return { step: Math.max(line.step, before), values };
}
