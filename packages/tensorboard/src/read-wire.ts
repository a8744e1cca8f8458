/**
 * Protobuf read by hand, as it is written by hand: one cursor that goes through nested messages without an object for any
 * of them. Files come from anywhere, so no length is believed before the bytes are there.
 * https://protobuf.dev/programming-guides/encoding/
 */

import { decodeUtf8, TextCache } from './read-text-cache.ts';

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;

const TWO_32 = 0x1_0000_0000;

/** Not a well-formed message. */
export class WireError extends Error {
  readonly problem: 'invalid-protobuf' | 'invalid-utf8';

  constructor(problem: 'invalid-protobuf' | 'invalid-utf8', message: string) {
    super(message);
    this.name = 'WireError';
    this.problem = problem;
  }
}

/**
 * A cursor in a message. Every method that reads throws {@link WireError} where the message ends too soon or cannot be
 * right.
 */
export class WireReader {
  readonly #texts = new TextCache();
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;
  /** Halves of the last varint, unsigned. */
  #low = 0;
  #high = 0;

  /** @param view Of the same bytes, which change only between calls of this. */
  open(bytes: Buffer, view: DataView): void {
    this.#bytes = bytes;
    this.#view = view;
  }

  /** Goes to a message that lies from `start` up to `end`. */
  seek(start: number, end: number): void {
    this.#at = start;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }

  /** Whether the message has a further field. */
  get more(): boolean {
    return this.#at < this.#end;
  }

  /** The next field's number and form: `field << 3 | form`. */
  key(): number {
    this.#varint();
    if (this.#high !== 0 || this.#low < 8) throw malformed('a field has no number');
    return this.#low;
  }

  /** Goes past a field that has no use. */
  skip(key: number): void {
    switch (key & 7) {
      case VARINT:
        this.#varint();
        return;
      case FIXED64:
        this.#take(8);
        return;
      case LENGTH_DELIMITED:
        this.pass();
        return;
      case FIXED32:
        this.#take(4);
        return;
      default:
        throw malformed(`a field has form ${key & 7}`);
    }
  }

  /** Goes into the message that is next. Returns what {@link leave} wants. */
  enter(): number {
    const outer = this.#end;
    const length = this.#length();
    this.#end = this.#at + length;
    return outer;
  }

  /** Goes behind the message that was entered. */
  leave(outer: number): void {
    this.#at = this.#end;
    this.#end = outer;
  }

  /** Goes past the message that is next, and returns where it starts; it ends at {@link at}. */
  pass(): number {
    const length = this.#length();
    return this.#take(length);
  }

  /** An int64, as the nearest double. */
  int64(): number {
    this.#varint();
    return (this.#high | 0) * TWO_32 + this.#low;
  }

  /** What {@link int64} read last, exactly. */
  exactInt64(): bigint {
    return BigInt.asIntN(64, (BigInt(this.#high) << 32n) | BigInt(this.#low));
  }

  float(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A copy. */
  bytes(): Uint8Array {
    return this.slice(this.pass(), this.#at);
  }

  /** A copy of what lies from `start` up to `end`. */
  slice(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(start, end));
  }

  /** A string. */
  text(): string {
    return textOf(this.#bytes.subarray(this.pass(), this.#at));
  }

  /** A string that is likely to come again. */
  name(): string {
    const start = this.pass();
    const text = this.#texts.get(this.#bytes, this.#view, start, this.#at);
    if (text === undefined) throw invalidText();
    return text;
  }

  /** Moves on by `count` bytes and returns where they lie. */
  #take(count: number): number {
    const start = this.#at;
    if (count > this.#end - start) throw malformed('a field ends behind its message');
    this.#at = start + count;
    return start;
  }

  /** The length of what is next, which is there in full. */
  #length(): number {
    this.#varint();
    if (this.#high !== 0 || this.#low > this.#end - this.#at) throw malformed('a field ends behind its message');
    return this.#low;
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) throw malformed('a number ends behind its message');
      const byte = this.#view.getUint8(this.#at);
      this.#at += 1;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw malformed('a number has more than ten bytes');
  }
}

function malformed(message: string): WireError {
  return new WireError('invalid-protobuf', message);
}

function invalidText(): WireError {
  return new WireError('invalid-utf8', 'a text is not UTF-8');
}

/** Throws {@link WireError} where the bytes are not UTF-8. */
export function textOf(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw invalidText();
  return text;
}

/** Reads a repeated field of numbers, which may be packed into one or stand alone. */
export function readRepeated(reader: WireReader, key: number, read: () => number, into: number[]): void {
  if ((key & 7) !== LENGTH_DELIMITED) {
    into.push(read());
    return;
  }
  const outer = reader.enter();
  while (reader.more) into.push(read());
  reader.leave(outer);
}

/** Reads the message that is next, each field by `field`, which returns false for one it has no use for. */
export function readMessage(reader: WireReader, field: (key: number) => boolean): void {
  const outer = reader.enter();
  readFields(reader, field);
  reader.leave(outer);
}

/** As {@link readMessage}, for the message that the reader is in. */
export function readFields(reader: WireReader, field: (key: number) => boolean): void {
  while (reader.more) {
    const key = reader.key();
    if (!field(key)) reader.skip(key);
  }
}
