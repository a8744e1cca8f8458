/**
 * The lines of `wandb-history.jsonl`, where W&B wants `_step` never to decrease. The newest line stays open: what belongs to its
 * step is added to it, which rewrites the line at its offset. A key that the line has already, and a step that went back,
 * begin a new line at the current step; the row's own axis then carries the truth.
 */

import { MAX_NUMBER_BYTES, type JsonObject } from '@runcast/core';
import {
  eachField,
  fieldText,
  memberText,
  roundedSeconds,
  type Field,
  type Fields,
  type FieldValue,
} from './json-text.ts';

/** Longest line in bytes of UTF-8, 100 KiB below 10 MiB, as W&B's own client has it. */
export const MAX_LINE_BYTES: number = 10 * 1024 * 1024 - 100 * 1024;
/** A row that may take more is measured. */
const MAX_ROUGH_BYTES = 64 * 1024;
/** What a line's own fields take at most. */
const EMPTY_LINE_BYTES = 100;
/** Quotes, colon and comma, and escapes in a key. */
const PUNCTUATION_BYTES = 8;
/** Bytes of UTF-8 that a UTF-16 unit takes at most. */
const MAX_UNIT_BYTES = 3;

export interface HistoryRow {
  /** Its `_step`; undefined for a row on an axis of its own, which goes wherever the run is. */
  readonly step: number | undefined;
  /** Unix seconds. */
  readonly time: number;
  readonly fields: Fields;
  /** Where the row is on its own axis. Rows of one line share it where they are at the same place. */
  readonly axis: Field | undefined;
  /** Key of the row's step, where its line is at another. */
  readonly truth?: string | undefined;
}

/** The newest line. */
interface SavedLine extends JsonObject {
  readonly step: number;
  readonly time: number;
  readonly fields: readonly (readonly [key: string, text: string])[];
}

/** Where the history stands, as JSON. */
export interface HistoryState extends JsonObject {
  /** Lines there are; the open one is the last. */
  readonly lines: number;
  /** The greatest `_step`; null before the first. */
  readonly step: number | null;
  readonly open: SavedLine | null;
}

export const NO_HISTORY: HistoryState = { lines: 0, step: null, open: null };

/** Lines to be written from `offset` on, over what is there. */
export interface HistoryWrite {
  readonly offset: number;
  readonly content: readonly string[];
}

/** Names that W&B's own values have. A metric called so gets a prefix. */
const RESERVED_KEYS: ReadonlySet<string> = new Set(['_step', '_timestamp', '_runtime', '_wandb']);

/** A row's fields as a history may have them: nearly always the very same. */
export function historyFields(metrics: Fields): Fields {
  for (const key in metrics)
    if (historyKey(key) !== key)
      return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [historyKey(name), value]));
  return metrics;
}

/** The axis of a row, unless a metric is called as it is: that is one all the same. */
export function axisBeside(fields: Fields, axis: Field | undefined): Field | undefined {
  return axis !== undefined && Object.hasOwn(fields, axis[0]) ? undefined : axis;
}

/** The key as a history or summary may have it. */
export function historyKey(key: string): string {
  // Asked of every key of every row.
  if (!key.startsWith('_') && !key.startsWith('metrics/')) return key;
  return RESERVED_KEYS.has(key.replace(/^(?:metrics\/)+/u, '')) ? `metrics/${key}` : key;
}

/** A line, its own fields left out. */
export class HistoryLine {
  readonly step: number;
  /** Unix seconds, of its first row: what was written of a line stays as it is. */
  readonly time: number;
  /** At most so many it takes, written. */
  bytes = 0;
  /** Those of a row as they came; in a map once another row asks for the same line, which few do. */
  #fields: Fields | Map<string, FieldValue>;
  /** Of that row; among the fields where they are in a map. */
  readonly #axis: Field | undefined;

  constructor(
    { step, time }: { readonly step: number; readonly time: number },
    fields: Fields | Map<string, FieldValue>,
    axis: Field | undefined,
  ) {
    this.step = step;
    this.time = time;
    this.#fields = fields;
    this.#axis = axis;
  }

  static of(saved: SavedLine): HistoryLine {
    const fields = new Map(saved.fields);
    const line = new HistoryLine(saved, fields, undefined);
    line.bytes = EMPTY_LINE_BYTES;
    for (const [key, text] of fields) line.bytes += memberBytes(key, text, exactBytes);
    return line;
  }

  /** Its fields, to be added to. */
  get map(): Map<string, FieldValue> {
    if (this.#fields instanceof Map) return this.#fields;
    const map = new Map(Object.entries(this.#fields));
    if (this.#axis !== undefined) map.set(...this.#axis);
    this.#fields = map;
    return map;
  }

  /** Tells of each field in turn. */
  each(take: (key: string, value: FieldValue) => void): void {
    if (this.#fields instanceof Map) {
      for (const [key, value] of this.#fields) take(key, value);
      return;
    }
    eachField(this.#fields, take);
    if (this.#axis !== undefined) take(...this.#axis);
  }
}

export class HistoryLines {
  readonly #startTime: number;
  #lines: number;
  #step: number | null;
  #open: HistoryLine | undefined;
  /** The open line differs from what was last written of it. */
  #changed = false;
  /** Finished lines since {@link take} that differ from what was last written; the open one is not among them. */
  #finished: HistoryLine[] = [];
  /** Finished lines since the beginning. */
  readonly #closed: HistoryLine[] = [];

  /** @param startTime When the run began, in Unix seconds. */
  constructor(state: HistoryState, startTime: number) {
    this.#startTime = startTime;
    this.#lines = state.lines;
    this.#step = state.step;
    if (state.open !== null) this.#open = HistoryLine.of(state.open);
  }

  /** The `_step` that the row got; undefined where the row alone is too long for a line. */
  add(row: HistoryRow): number | undefined {
    let bytes = rowBytes(row, atMostBytes);
    if (bytes > MAX_ROUGH_BYTES) bytes = rowBytes(row, exactBytes);
    if (bytes > MAX_LINE_BYTES) return undefined;
    const open = this.#taker(row, bytes) ?? this.#begin(this.#stepOf(row), row);
    const { step, truth } = row;
    if (truth !== undefined && step !== undefined && step !== open.step) open.map.set(truth, step);
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

  /** These and the open one. */
  get all(): readonly HistoryLine[] {
    return this.#open === undefined ? this.#closed : [...this.#closed, this.#open];
  }

  state(): HistoryState {
    return { lines: this.#lines, step: this.#step, open: this.#open === undefined ? null : savedLine(this.#open) };
  }

  /** The open line with the row in it, where it goes there. */
  #taker({ step, fields, axis }: HistoryRow, bytes: number): HistoryLine | undefined {
    const open = this.#open;
    if (open === undefined || open.bytes + bytes > MAX_LINE_BYTES) return undefined;
    if (step !== undefined && step !== open.step) return undefined;
    const there = open.map;
    if (axis !== undefined && fieldText(there.get(axis[0]) ?? axis[1]) !== fieldText(axis[1])) return undefined;
    const keys = Object.keys(fields);
    if (keys.some((key) => there.has(key))) return undefined;
    eachField(fields, (key, value) => there.set(key, value));
    if (axis !== undefined) there.set(...axis);
    return open;
  }

  /** The step of a line that begins with the row. */
  #stepOf({ step }: HistoryRow): number {
    const current = this.#step;
    if (current === null) return step ?? 0;
    return step === undefined ? Math.min(current + 1, Number.MAX_SAFE_INTEGER) : Math.max(step, current);
  }

  #begin(step: number, { time, fields, axis }: HistoryRow): HistoryLine {
    if (this.#open !== undefined) {
      if (this.#changed) this.#finished.push(this.#open);
      this.#closed.push(this.#open);
    }
    const line = new HistoryLine({ step, time }, fields, axis);
    this.#open = line;
    this.#step = step;
    this.#lines += 1;
    return line;
  }

  #text(line: HistoryLine): string {
    const { step, time } = line;
    let text = `{"_step":${step},"_timestamp":${time},"_runtime":${roundedSeconds(time - this.#startTime)}`;
    line.each((key, value) => {
      text += `,${memberText(key, value)}`;
    });
    return `${text}}`;
  }
}

function savedLine(line: HistoryLine): SavedLine {
  const fields: (readonly [string, string])[] = [];
  line.each((key, value) => fields.push([key, fieldText(value)]));
  return { step: line.step, time: line.time, fields };
}

/** Of UTF-8. */
type ByteLength = (text: string) => number;

function exactBytes(text: string): number {
  return Buffer.byteLength(text);
}

/** Soon said. */
function atMostBytes(text: string): number {
  return text.length * MAX_UNIT_BYTES;
}

function rowBytes({ fields, axis, truth }: HistoryRow, byteLength: ByteLength): number {
  let bytes = EMPTY_LINE_BYTES;
  for (const key in fields)
    if (Object.prototype.hasOwnProperty.call(fields, key)) bytes += memberBytes(key, fields[key] ?? 0, byteLength);
  if (axis !== undefined) bytes += memberBytes(...axis, byteLength);
  return truth === undefined ? bytes : bytes + memberBytes(truth, 0, byteLength);
}

function memberBytes(key: string, value: FieldValue, byteLength: ByteLength): number {
  const valueBytes = typeof value === 'number' ? MAX_NUMBER_BYTES : byteLength(value);
  return byteLength(key) + valueBytes + PUNCTUATION_BYTES;
}
