/**
 * The frames of a `.wandb` file: LevelDB's log format with W&B's header and a plain CRC-32
 * (core/internal/leveldb in github.com/wandb/wandb). Records are cut at blocks of 32 KiB of the file, header included.
 */

import { crc32 } from 'node:zlib';
import { withRoom } from '@runcast/core';

/** `:W&B`, magic 0xBEE1, version 0. */
export const FILE_HEADER: Uint8Array = Uint8Array.of(0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0x00);

const BLOCK_BYTES = 32_768;
/** CRC-32 of kind and content, length and kind of a chunk. */
const CHUNK_HEADER_BYTES = 7;
const LENGTH_AT = 4;
const KIND_AT = 6;

const FULL = 1;
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;
/** A checksum begins with the kind. */
const CRC_OF_KIND: readonly number[] = [0, FULL, FIRST, MIDDLE, LAST].map((kind) => crc32(Uint8Array.of(kind)));

const INITIAL_BYTES = 65_536;
/** A buffer grown beyond this, by a long table for instance, is not kept for the next records. */
const MAX_KEPT_BYTES = 4 * 1_048_576;

/** Puts records into frames, in one buffer that is used again: nothing is allocated for a record. */
export class FrameBuffer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #length = 0;
  /** Of the buffer's beginning in the file. */
  #offset = 0;

  /** What appends the records since {@link begin} to the file. A view, which the next of these calls takes back. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins anew, behind a file of so many bytes; an empty one gets its header. */
  begin(offset: number): void {
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#offset = offset;
    this.#length = 0;
    if (offset > 0) return;
    this.#bytes.set(FILE_HEADER);
    this.#length = FILE_HEADER.length;
  }

  add(payload: Uint8Array): void {
    // Each block has a header, the first one may have no room for it.
    const blocks = Math.ceil(payload.length / (BLOCK_BYTES - CHUNK_HEADER_BYTES)) + 2;
    this.#bytes = withRoom(this.#bytes, this.#length, payload.length + blocks * CHUNK_HEADER_BYTES);
    let taken = 0;
    let isFirst = true;
    for (;;) {
      const room = this.#room();
      if (room < 0) {
        const next = this.#length + CHUNK_HEADER_BYTES + room;
        this.#bytes.fill(0, this.#length, next);
        this.#length = next;
        continue;
      }
      const size = Math.min(payload.length - taken, room);
      const isLast = taken + size === payload.length;
      const kind = isFirst ? (isLast ? FULL : FIRST) : isLast ? LAST : MIDDLE;
      this.#chunk(kind, size === payload.length ? payload : payload.subarray(taken, taken + size));
      taken += size;
      // Where a block has room for a header alone, the first piece is empty.
      isFirst = false;
      if (isLast) return;
    }
  }

  #chunk(kind: number, content: Uint8Array): void {
    const bytes = this.#bytes;
    const start = this.#length;
    bytes.writeUInt32LE(crc32(content, CRC_OF_KIND[kind]), start);
    bytes.writeUInt16LE(content.length, start + LENGTH_AT);
    bytes[start + KIND_AT] = kind;
    bytes.set(content, start + CHUNK_HEADER_BYTES);
    this.#length = start + CHUNK_HEADER_BYTES + content.length;
  }

  /** What fits into the block that has been begun, behind its header. */
  #room(): number {
    return BLOCK_BYTES - ((this.#offset + this.#length) % BLOCK_BYTES) - CHUNK_HEADER_BYTES;
  }
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
