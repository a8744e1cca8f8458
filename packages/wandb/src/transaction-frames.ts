/**
 * The frames of a `.wandb` file: LevelDB's log format with W&B's header and a plain CRC-32
 * (core/internal/leveldb in github.com/wandb/wandb). Records are cut at blocks of 32 KiB of the file, header included.
 */

import { crc32 } from 'node:zlib';

/** `:W&B`, magic 0xBEE1, version 0. */
export const FILE_HEADER: Uint8Array = Uint8Array.of(0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0x00);

const BLOCK_BYTES = 32_768;
/** CRC-32, length and kind of a chunk. */
const CHUNK_HEADER_BYTES = 7;

const FULL = 1;
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;

/** The bytes that append `payload` to a file of `offset` bytes. */
export function frameRecord(offset: number, payload: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = offset;
  let taken = 0;
  let isFirst = true;
  for (;;) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < CHUNK_HEADER_BYTES) {
      parts.push(new Uint8Array(left));
      at += left;
      continue;
    }
    const piece = payload.subarray(taken, taken + left - CHUNK_HEADER_BYTES);
    const isLast = taken + piece.length === payload.length;
    const kind = isFirst ? (isLast ? FULL : FIRST) : isLast ? LAST : MIDDLE;
    // Not the same as that nothing is taken: the first chunk is empty where a block has only room for its header.
    isFirst = false;
    parts.push(chunkHeader(kind, piece), piece);
    at += CHUNK_HEADER_BYTES + piece.length;
    taken += piece.length;
    if (isLast) return Buffer.concat(parts);
  }
}

function chunkHeader(kind: number, piece: Uint8Array): Uint8Array {
  const header = new Uint8Array(CHUNK_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, crc32(piece, crc32(Uint8Array.of(kind))), true);
  view.setUint16(4, piece.length, true);
  view.setUint8(6, kind);
  return header;
}

/** Where reading stopped although bytes are left, and why. */
export interface DamagedFrame {
  readonly offset: number;
  readonly problem: string;
}

/**
 * The records of a file, each handed to `take`, up to the first damage. Returns that, or undefined where the file is whole; a
 * record that is not there to its end, as after a crash, is damage.
 */
export function readFrames(bytes: Uint8Array, take: (payload: Uint8Array) => void): DamagedFrame | undefined {
  if (Buffer.compare(bytes.subarray(0, FILE_HEADER.length), FILE_HEADER) !== 0)
    return { offset: 0, problem: 'this is no .wandb file' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let pieces: Uint8Array[] = [];
  let at = FILE_HEADER.length;
  while (at < bytes.length) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < CHUNK_HEADER_BYTES) {
      at += left;
      continue;
    }
    if (at + CHUNK_HEADER_BYTES > bytes.length) return { offset: at, problem: 'the last record is cut off' };
    const kind = view.getUint8(at + 6);
    const from = at + CHUNK_HEADER_BYTES;
    const piece = bytes.subarray(from, from + view.getUint16(at + 4, true));
    if (from + view.getUint16(at + 4, true) > bytes.length)
      return { offset: at, problem: 'the last record is cut off' };
    if (view.getUint32(at, true) !== crc32(piece, crc32(Uint8Array.of(kind))))
      return { offset: at, problem: 'a checksum is wrong' };
    const continues = kind === MIDDLE || kind === LAST;
    if (kind < FULL || kind > LAST || continues !== pieces.length > 0)
      return { offset: at, problem: 'a record has no beginning or no end' };
    pieces.push(piece);
    if (kind === FULL || kind === LAST) {
      take(Buffer.concat(pieces));
      pieces = [];
    }
    at = from + piece.length;
  }
  return pieces.length === 0 ? undefined : { offset: bytes.length, problem: 'the last record is cut off' };
}
