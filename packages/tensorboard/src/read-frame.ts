/** TFRecord frames, looked at before anything in them is believed. Their form is described in tfrecord.ts. */

import { maskedCrc32c } from './crc32c.ts';
import type { CorruptProblem } from './read-tensorboard-event.ts';
import { FOOTER_BYTES, HEADER_BYTES } from './tfrecord.ts';

/** Beyond this, no protobuf implementation reads a message. */
const MAX_DATA_BYTES = 0x7fff_ffff;

/** What a header says: how long the whole frame is, or why nothing can be found behind it. */
export type FrameHeader =
  | { readonly frameBytes: number }
  | { readonly frameBytes: undefined; readonly problem: CorruptProblem; readonly detail: string };

/** Reads the header at `at`, of which all {@link HEADER_BYTES} bytes are there. */
export function readFrameHeader(bytes: DataView, at: number): FrameHeader {
  if (bytes.getUint32(at + 8, true) !== maskedCrc32c(bytes, at, at + 8)) {
    // No good header is all zero: the checksum of a zero length is not zero.
    return isZero(bytes, at, at + HEADER_BYTES)
      ? { frameBytes: undefined, problem: 'zero-tail', detail: 'zero bytes where a record should begin' }
      : { frameBytes: undefined, problem: 'length-checksum', detail: 'the checksum of a record’s length is wrong' };
  }
  const length = bytes.getUint32(at, true) + bytes.getUint32(at + 4, true) * 0x1_0000_0000;
  return length > MAX_DATA_BYTES
    ? { frameBytes: undefined, problem: 'gigantic-length', detail: `a record claims ${length} bytes` }
    : { frameBytes: HEADER_BYTES + length + FOOTER_BYTES };
}

/** Whether the data of a whole frame is what was written. */
export function hasGoodData(bytes: DataView, at: number, frameBytes: number): boolean {
  const end = at + frameBytes - FOOTER_BYTES;
  return bytes.getUint32(end, true) === maskedCrc32c(bytes, at + HEADER_BYTES, end);
}

export function isZero(bytes: DataView, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes.getUint8(at) !== 0) return false;
  return true;
}
