/**
 * A line of a log in the making, as bytes. One buffer takes line after line: text made of texts would be put together a second
 * time, and encoded, before it could be written.
 */

import { withRoom } from './bytes.ts';
import { MAX_NUMBER_BYTES, putNumber } from './number-bytes.ts';

/** Room for a row of ordinary size; a buffer grown beyond the second is not kept for the next line. */
const INITIAL_BYTES = 1024;
const MAX_KEPT_BYTES = 64 * 1024;
/** Bytes of UTF-8 that a UTF-16 unit takes at most. */
const MAX_UNIT_BYTES = 3;

export class LineBytes {
  #bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #length = 0;

  static of(text: string): LineBytes {
    const line = new LineBytes();
    line.addText(text);
    return line;
  }

  /** Bytes that have been added. */
  get length(): number {
    return this.#length;
  }

  clear(): void {
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#length = 0;
  }

  /** Adds bytes of UTF-8. */
  add(piece: Uint8Array): void {
    this.#makeRoom(piece.length);
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  addText(text: string): void {
    this.#makeRoom(text.length * MAX_UNIT_BYTES);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** Adds a finite number as JSON has it, but for a negative zero, which keeps its sign. */
  addNumber(value: number): void {
    this.#makeRoom(MAX_NUMBER_BYTES);
    this.#length = putNumber(this.#bytes, this.#length, value);
  }

  /** @param target Has room for all of the line from byte `start` on. */
  copyTo(target: Buffer, start: number): void {
    this.#bytes.copy(target, start, 0, this.#length);
  }

  toString(): string {
    return this.#bytes.toString('utf8', 0, this.#length);
  }

  #makeRoom(count: number): void {
    this.#bytes = withRoom(this.#bytes, this.#length, count);
  }
}
