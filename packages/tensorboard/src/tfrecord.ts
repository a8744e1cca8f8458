/**
 * TFRecord framing: `u64 length | masked CRC of the length | data | masked CRC of the data`, all little-endian. Readers
 * give up on a file at the first frame that does not hold, so a frame is sealed only when its data is complete.
 * https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */

import { maskedCrc32c } from './crc32c.ts';

/** Bytes in front of the data. */
export const HEADER_BYTES = 12;
/** Bytes behind it. */
export const FOOTER_BYTES = 4;

/**
 * Writes header and footer around data that lies from `start` + {@link HEADER_BYTES} up to `end`. Returns where the next
 * frame starts.
 */
export function sealRecord(bytes: DataView, start: number, end: number): number {
  const length = end - start - HEADER_BYTES;
  bytes.setUint32(start, length, true);
  // A buffer is shorter than 4 GiB, so the length's upper half is zero.
  bytes.setUint32(start + 4, 0, true);
  bytes.setUint32(start + 8, maskedCrc32c(bytes, start, start + 8), true);
  bytes.setUint32(end, maskedCrc32c(bytes, start + HEADER_BYTES, end), true);
  return end + FOOTER_BYTES;
}
