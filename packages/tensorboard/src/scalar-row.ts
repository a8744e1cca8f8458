/**
 * Rows of scalars as ready-made bytes. A trainer logs the same keys over and over: the summary message with all its tags is
 * made once, and an event is a copy of it with other numbers in the holes.
 */

import type { ScalarMap } from '@runcast/core';
import type { EventBuffer } from './event-buffer.ts';
import { bytesField, floatField, join } from './protobuf.ts';
import type { Tag } from './tag-table.ts';

/** Event.summary, Summary.value, Summary.Value.tag and .simple_value. */
const SUMMARY = 5;
const VALUE = 1;
const TAG = 1;
const SIMPLE_VALUE = 2;

const FLOAT_BYTES = 4;

interface Column {
  /** The metric's key in the record. */
  readonly key: string;
  readonly tag: Tag;
  /** Where the number goes, from the start of the first value. */
  readonly offset: number;
}

/** The form of all events with these keys, in this order. */
export class ScalarRow {
  readonly columns: readonly Column[];
  /** Event.summary, its numbers zero. A zero is written as well: without it, readers drop the point. */
  readonly body: Uint8Array;

  readonly #valuesAt: number;

  constructor(keys: readonly string[], tagOf: (key: string) => Tag) {
    const values: Uint8Array[] = [];
    let end = 0;
    this.columns = keys.map((key) => {
      const tag = tagOf(key);
      const value = bytesField(VALUE, join(bytesField(TAG, tag.name), floatField(SIMPLE_VALUE, 0)));
      values.push(value);
      end += value.length;
      // The number is the last thing in its value.
      return { key, tag, offset: end - FLOAT_BYTES };
    });
    this.body = bytesField(SUMMARY, join(...values));
    this.#valuesAt = this.body.length - end;
  }

  matches(keys: readonly string[]): boolean {
    if (keys.length !== this.columns.length) return false;
    let index = 0;
    for (const column of this.columns) {
      if (column.key !== keys[index]) return false;
      index += 1;
    }
    return true;
  }

  /** Appends one event. `metrics` has all the row's keys. */
  write(buffer: EventBuffer, wallTime: number, step: number, metrics: ScalarMap): void {
    const at = buffer.begin(wallTime, step, this.body) + this.#valuesAt;
    for (const column of this.columns) {
      const value = metrics[column.key];
      buffer.putFloat(at + column.offset, typeof value === 'number' ? value : Number(value));
    }
    buffer.seal();
  }
}
