/**
 * The lines of `wandb-history.jsonl`, where W&B wants `_step` never to decrease. The newest line stays open: what belongs to its
 * step is added to it, which rewrites the line at its offset. A key that the line has already, and a step that went back,
 * begin a new line at the current step; the row's own axis then carries the truth.
 */

import type { JsonObject } from '@runcast/core';
import { objectText, roundedSeconds } from './json-text.ts';

/** Longest line in bytes of UTF-8, 100 KiB below 10 MiB, as W&B's own client has it. */
export const MAX_LINE_BYTES: number = 10 * 1024 * 1024 - 100 * 1024;

/** A key and its value as JSON. */
export type Field = readonly [key: string, text: string];

export interface HistoryRow {
  /** Its `_step`; undefined for a row on an axis of its own, which goes wherever the run is. */
  readonly step: number | undefined;
  /** Unix seconds. */
  readonly time: number;
  readonly fields: readonly Field[];
  /** Where the row is on its own axis. Rows of one line share it where they are at the same place. */
  readonly axis: Field | undefined;
  /** Added where the row's line is not at the row's step. */
  readonly truth?: Field | undefined;
}

/** A line, its own fields left out. */
export interface HistoryLine {
  readonly step: number;
  readonly time: number;
  readonly fields: Iterable<Field>;
}

/** The newest line. */
interface OpenLine extends JsonObject {
  readonly step: number;
  readonly time: number;
  readonly fields: readonly Field[];
}

/** Where the history stands, as JSON. */
export interface HistoryState extends JsonObject {
  /** Lines there are; the open one is the last. */
  readonly lines: number;
  /** The greatest `_step`; null before the first. */
  readonly step: number | null;
  readonly open: OpenLine | null;
}

export const NO_HISTORY: HistoryState = { lines: 0, step: null, open: null };

/** Lines to be written from `offset` on, over what is there. */
export interface HistoryWrite {
  readonly offset: number;
  readonly content: readonly string[];
}

/** Names that W&B's own values have. A metric called so gets a prefix. */
const RESERVED_KEYS: ReadonlySet<string> = new Set(['_step', '_timestamp', '_runtime', '_wandb']);

/** The key as a history or summary may have it. */
export function historyKey(key: string): string {
  // Asked of every key of every row.
  if (!key.startsWith('_') && !key.startsWith('metrics/')) return key;
  return RESERVED_KEYS.has(key.replace(/^(?:metrics\/)+/u, '')) ? `metrics/${key}` : key;
}

interface Line {
  readonly step: number;
  /** Of its first row: what was written of a line stays as it is. */
  readonly time: number;
  /** At most so many it takes, written. */
  bytes: number;
  /** Those of a row as they came; in a map once another row asks for the same line, which few do. */
  fields: readonly Field[] | Map<string, string>;
}

export class HistoryLines {
  readonly #startTime: number;
  #lines: number;
  #step: number | null;
  #open: Line | undefined;
  /** The open line differs from what was last written of it. */
  #changed = false;
  /** Finished lines since {@link take} that differ from what was last written; the open one is not among them. */
  #finished: Line[] = [];
  /** Finished lines since the beginning. */
  readonly #closed: Line[] = [];

  /** @param startTime When the run began, in Unix seconds. */
  constructor(state: HistoryState, startTime: number) {
    this.#startTime = startTime;
    this.#lines = state.lines;
    this.#step = state.step;
    if (state.open !== null) this.#open = { ...state.open, bytes: bytesOf(state.open.fields) };
  }

  /** The `_step` that the row got; undefined where the row alone is too long for a line. */
  add(row: HistoryRow): number | undefined {
    const bytes = bytesOf(row.fields) + addedBytes(row.axis) + addedBytes(row.truth);
    if (bytes > MAX_LINE_BYTES) return undefined;
    const open = this.#taker(row, bytes) ?? this.#begin(this.#stepOf(row), row);
    if (row.truth !== undefined && row.step !== open.step) mapped(open).set(...row.truth);
    open.bytes += bytes;
    this.#changed = true;
    return open.step;
  }

  /** What has to be written since the last time. */
  take(): HistoryWrite {
    const lines = this.#changed && this.#open !== undefined ? [...this.#finished, this.#open] : this.#finished;
    const content = lines.map((line) => this.#text(line));
    this.#finished = [];
    this.#changed = false;
    return { offset: this.#lines - content.length, content };
  }

  /** Lines that have been finished, for a backend that cannot write over one. */
  get closed(): readonly HistoryLine[] {
    return this.#closed;
  }

  state(): HistoryState {
    return {
      lines: this.#lines,
      step: this.#step,
      open: this.#open === undefined ? null : closedLine(this.#open),
    };
  }

  /** The open line with the row in it, where it goes there. */
  #taker({ step, fields, axis }: HistoryRow, bytes: number): Line | undefined {
    const open = this.#open;
    if (open === undefined || open.bytes + bytes > MAX_LINE_BYTES) return undefined;
    if (step !== undefined && step !== open.step) return undefined;
    const there = mapped(open);
    if (axis !== undefined && (there.get(axis[0]) ?? axis[1]) !== axis[1]) return undefined;
    if (fields.some(([key]) => there.has(key))) return undefined;
    for (const [key, text] of fields) there.set(key, text);
    if (axis !== undefined) there.set(...axis);
    return open;
  }

  /** The step of a line that begins with the row. */
  #stepOf({ step }: HistoryRow): number {
    const current = this.#step;
    if (current === null) return step ?? 0;
    return step === undefined ? Math.min(current + 1, Number.MAX_SAFE_INTEGER) : Math.max(step, current);
  }

  #begin(step: number, { time, fields, axis }: HistoryRow): Line {
    if (this.#open !== undefined) {
      if (this.#changed) this.#finished.push(this.#open);
      this.#closed.push(this.#open);
    }
    const line = { step, time, bytes: 0, fields: axis === undefined ? fields : [...fields, axis] };
    this.#open = line;
    this.#step = step;
    this.#lines += 1;
    return line;
  }

  #text({ step, time, fields }: Line): string {
    const runtime = roundedSeconds(time - this.#startTime);
    const own: readonly Field[] = [
      ['_step', String(step)],
      ['_timestamp', String(time)],
      ['_runtime', String(runtime)],
    ];
    return objectText([...own, ...fields]);
  }
}

function mapped(line: Line): Map<string, string> {
  const fields = line.fields instanceof Map ? line.fields : new Map(line.fields);
  line.fields = fields;
  return fields;
}

function closedLine({ step, time, fields }: Line): OpenLine {
  return { step, time, fields: [...fields] };
}

function bytesOf(fields: readonly Field[]): number {
  let sum = 100;
  for (const field of fields) sum += addedBytes(field);
  return sum;
}

/** With quotes, colon and comma. */
function addedBytes(field: Field | undefined): number {
  return field === undefined ? 0 : Buffer.byteLength(field[0]) + Buffer.byteLength(field[1]) + 8;
}
