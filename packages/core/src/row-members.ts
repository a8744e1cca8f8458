/**
 * The members of a row. They are gathered before the line is begun: reading a row may run its getters, and those may log rows
 * of their own.
 */

import { utf8 } from './bytes.ts';
import type { LineBytes } from './line-bytes.ts';
import { scalarText, toScalar } from './scalar.ts';

/** Places of a row wider than this are not kept for the next one. */
const MAX_KEPT = 1000;

/** A key as JSON in UTF-8 with its colon, as a row's first one and as any other, with a comma before it. */
export interface RowKey {
  readonly first: Uint8Array;
  readonly next: Uint8Array;
}

export function rowKey(key: string): RowKey {
  const next = utf8(`,${JSON.stringify(key)}:`);
  return { first: next.subarray(1), next };
}

interface Member {
  key: RowKey;
  value: number;
}

export class RowMembers {
  /** Filled again by row after row, so that rows leave nothing to the collector. */
  #members: Member[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  clear(): void {
    if (this.#members.length > MAX_KEPT) this.#members = [];
    this.#size = 0;
  }

  add(key: RowKey, value: number): void {
    const member = this.#members[this.#size];
    if (member === undefined) {
      this.#members.push({ key, value });
    } else {
      member.key = key;
      member.value = value;
    }
    this.#size += 1;
  }

  /** Adds the members to a line, as JSON without braces. */
  writeTo(line: LineBytes): void {
    let written = 0;
    for (const { key, value } of this.#members) {
      if (written === this.#size) return;
      line.add(written === 0 ? key.first : key.next);
      if (Number.isFinite(value)) line.addNumber(value);
      else line.addText(scalarText(toScalar(value)));
      written += 1;
    }
  }
}
