/**
 * Rows as records of a `.wandb` file. There may be millions of them, so they are put together as text each of whose characters is
 * a byte, with what is the same in every row kept: that takes a third of the time of a message written field by field. Field
 * numbers are those of `Record`, `HistoryRecord` and `HistoryItem` (wandb/proto/wandb_internal.proto in github.com/wandb/wandb).
 */

import type { HistoryLine } from './history-lines.ts';
import { roundedSeconds } from './json-text.ts';
import type { TransactionRecord } from './transaction-records.ts';

/** Keys of protobuf fields: the number times 8, and the wire type, 0 for an integer and 2 for what has a length. */
const RECORD_NUM = '\x08';
const RECORD_HISTORY = '\x12';
const HISTORY_ITEM = '\x0a';
const HISTORY_STEP = '\x12';
const STEP_NUM = '\x08';
const ITEM_KEY = '\x0a';
const ITEM_VALUE_JSON = '\x82\x01';

/** Keys are remembered up to this many; then the memory starts afresh. */
const MAX_KNOWN_KEYS = 10_000;

export class RowTransactions {
  /** What stands before the value of each key. */
  readonly #heads = new Map<string, string>();

  /** A row that gets no further keys. */
  record({ step, time, fields }: HistoryLine, startTime: number): TransactionRecord {
    let items =
      this.#item('_step', String(step)) +
      this.#item('_timestamp', String(time)) +
      this.#item('_runtime', String(roundedSeconds(time - startTime)));
    for (const [key, value] of fields) items += this.#item(key, value);
    const history = `${items}${HISTORY_STEP}${sized(STEP_NUM + varint(step))}`;
    return (num) => `${RECORD_NUM}${varint(num)}${RECORD_HISTORY}${sized(history)}`;
  }

  #item(key: string, value: string): string {
    return HISTORY_ITEM + sized(this.#head(key) + sized(binary(value)));
  }

  #head(key: string): string {
    const known = this.#heads.get(key);
    if (known !== undefined) return known;
    if (this.#heads.size >= MAX_KNOWN_KEYS) this.#heads.clear();
    const head = ITEM_KEY + sized(binary(key)) + ITEM_VALUE_JSON;
    this.#heads.set(key, head);
    return head;
  }
}

/** The UTF-8 of a text. */
function binary(text: string): string {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}

function sized(content: string): string {
  return varint(content.length) + content;
}

/** @param value An integer from 0. */
function varint(value: number): string {
  let rest = value;
  let text = '';
  while (rest > 0x7f) {
    text += String.fromCharCode((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return text + String.fromCharCode(rest);
}
