/**
 * Rows as records of a `.wandb` file. There may be millions of them, so they are put together in one buffer that is used again,
 * with what is the same in every row kept: less than a third of the time that a message written field by field takes. Field
 * numbers are those of `Record`, `HistoryRecord` and `HistoryItem` (wandb/proto/wandb_internal.proto in github.com/wandb/wandb).
 */

import { KnownKeys, MAX_NUMBER_BYTES, putNumber, withRoom } from '@runcast/core';
import Pbf from 'pbf';
import type { HistoryLine } from './history-lines.ts';
import { fieldText, roundedSeconds, type FieldValue } from './json-text.ts';

/** What a field begins with: its number times 8, and the wire type, 0 for an integer and 2 for what has a length. */
const RECORD_NUM = 0x08;
const RECORD_HISTORY = 0x12;
const HISTORY_ITEM = 0x0a;
const HISTORY_STEP = 0x12;
const STEP_NUM = 0x08;
/** Fields of an item, by number. */
const ITEM_KEY = 1;
const ITEM_VALUE_JSON = 16;
const LENGTH_DELIMITED = 2;

/** What an integer takes at most: seven bits a byte. */
const MAX_VARINT_BYTES = 10;
/** Up to this an integer takes one byte. */
const MAX_SHORT_VARINT = 0x7f;
/** Room before the items for number and length of the record, which are known last. */
const HEADER_BYTES = 2 * (1 + MAX_VARINT_BYTES);
const INITIAL_BYTES = 4_096;
/** A buffer grown beyond this is not kept for the next row. */
const MAX_KEPT_BYTES = 1_048_576;

export class RowTransactions {
  /** What stands before the value of each key. */
  readonly #heads = new KnownKeys(itemHead);
  #bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  /** Where the next byte goes. */
  #end = 0;

  /**
   * A row that gets no further keys.
   *
   * @param num Which record of the file it is, from 1.
   * @returns A view, which the next call takes back.
   */
  record(line: HistoryLine, startTime: number, num: number): Uint8Array {
    const { step, time } = line;
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#end = HEADER_BYTES;
    this.#item('_step', step);
    this.#item('_timestamp', time);
    this.#item('_runtime', roundedSeconds(time - startTime));
    line.each(this.#item);
    this.#bytes = withRoom(this.#bytes, this.#end, 3 + MAX_VARINT_BYTES);
    this.#byte(HISTORY_STEP);
    this.#varint(1 + varintBytes(step));
    this.#byte(STEP_NUM);
    this.#varint(step);
    const end = this.#end;
    const size = end - HEADER_BYTES;
    const start = HEADER_BYTES - (2 + varintBytes(num) + varintBytes(size));
    this.#end = start;
    this.#byte(RECORD_NUM);
    this.#varint(num);
    this.#byte(RECORD_HISTORY);
    this.#varint(size);
    return this.#bytes.subarray(start, end);
  }

  readonly #item = (key: string, value: FieldValue): void => {
    const head = this.#heads.of(key);
    if (typeof value === 'number' && head.length + 1 + MAX_NUMBER_BYTES <= MAX_SHORT_VARINT)
      this.#shortItem(head, value);
    else this.#textItem(head, fieldText(value));
  };

  /** With lengths of one byte each. */
  #shortItem(head: Uint8Array, value: number): void {
    this.#bytes = withRoom(this.#bytes, this.#end, 3 + head.length + MAX_NUMBER_BYTES);
    const bytes = this.#bytes;
    const start = this.#end + 2;
    const valueStart = start + head.length + 1;
    const end = putNumber(bytes, valueStart, value);
    bytes[start - 2] = HISTORY_ITEM;
    bytes[start - 1] = end - start;
    for (let index = 0; index < head.length; index += 1) bytes[start + index] = head[index] ?? 0;
    bytes[valueStart - 1] = end - valueStart;
    this.#end = end;
  }

  #textItem(head: Uint8Array, value: string): void {
    const valueBytes = Buffer.byteLength(value);
    const size = head.length + varintBytes(valueBytes) + valueBytes;
    this.#bytes = withRoom(this.#bytes, this.#end, 1 + MAX_VARINT_BYTES + size);
    this.#byte(HISTORY_ITEM);
    this.#varint(size);
    this.#bytes.set(head, this.#end);
    this.#end += head.length;
    this.#varint(valueBytes);
    this.#end += this.#bytes.write(value, this.#end);
  }

  #byte(value: number): void {
    this.#bytes[this.#end] = value;
    this.#end += 1;
  }

  /** @param value An integer from 0. */
  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#byte((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#byte(rest);
  }
}

/** What stands before the value of a key. */
function itemHead(key: string): Uint8Array {
  const pbf = new Pbf();
  pbf.writeStringField(ITEM_KEY, key);
  pbf.writeTag(ITEM_VALUE_JSON, LENGTH_DELIMITED);
  return pbf.finish();
}

/** @param value An integer from 0. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}
