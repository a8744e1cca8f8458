/**
 * The four protobuf wire forms that events need, composed by concatenation. For messages that are written once in a while;
 * rows of scalars have a faster way, in event-buffer.ts. https://protobuf.dev/programming-guides/encoding/
 */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Longest varint: 64 bits, 7 a byte. */
export const MAX_VARINT_BYTES = 10;

/**
 * Writes an int64 varint: safe integers, negative ones too, which take all ten bytes. Returns where the next byte goes.
 */
export function putVarint(bytes: DataView, at: number, value: number): number {
  let low = value >>> 0;
  let high = Math.floor(value / 0x1_0000_0000) >>> 0;
  let next = at;
  while (high > 0 || low > 127) {
    bytes.setUint8(next, (low & 127) | 128);
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
    next += 1;
  }
  bytes.setUint8(next, low);
  return next + 1;
}

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(MAX_VARINT_BYTES);
  return bytes.subarray(0, putVarint(new DataView(bytes.buffer), 0, value));
}

function key(field: number, form: number): Uint8Array {
  return varint((field << 3) | form);
}

/** UTF-8. Lone surrogates become U+FFFD: readers throw a file away at text that is not well-formed. */
export function utf8(text: string): Uint8Array {
  return Buffer.from(text.toWellFormed());
}

/** Parts one after the other: a message of fields, or a repeated field. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

export function integerField(field: number, value: number): Uint8Array {
  return join(key(field, VARINT), varint(value));
}

export function booleanField(field: number, value: boolean): Uint8Array {
  return integerField(field, value ? 1 : 0);
}

export function doubleField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return join(key(field, FIXED64), bytes);
}

export function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join(key(field, FIXED32), bytes);
}

/** A string, bytes or a message. */
export function bytesField(field: number, content: Uint8Array | string): Uint8Array {
  const bytes = typeof content === 'string' ? utf8(content) : content;
  return join(key(field, LENGTH_DELIMITED), varint(bytes.length), bytes);
}
