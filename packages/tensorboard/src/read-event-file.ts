/**
 * One event file, from where it was left off to where it ends now. It is read a piece at a time at known offsets, so that
 * the same code follows a file that grows, and never asks for more memory than the file has bytes.
 */

import { open } from 'node:fs/promises';
import { errorMessage } from '@runcast/core';
import type { EventDecoder } from './read-event-decoder.ts';
import type { EventPath } from './read-event-paths.ts';
import { hasGoodData, isZero, readFrameHeader } from './read-frame.ts';
import type { CorruptProblem, TensorboardEvent } from './read-tensorboard-event.ts';
import { FOOTER_BYTES, HEADER_BYTES } from './tfrecord.ts';

const PIECE_BYTES = 262_144;

/** What is used of a FileHandle. */
export interface EventFileHandle {
  stat(): Promise<{ readonly size: number }>;
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

export class EventFile {
  readonly #place: EventPath;
  readonly #decoder: EventDecoder;
  readonly #openFile: (file: string) => Promise<EventFileHandle>;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the next frame starts. */
  #offset = 0;
  /** Nothing further can be read from the file. */
  #dead = false;

  /** @param openFile The system's; injected by tests. */
  constructor(
    place: EventPath,
    decoder: EventDecoder,
    openFile: (file: string) => Promise<EventFileHandle> = (file) => open(file, 'r'),
  ) {
    this.#place = place;
    this.#decoder = decoder;
    this.#openFile = openFile;
  }

  /** Bytes that have been read and need not be again. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Events up to the end that the file has now, a list at a time, with what is corrupt among them.
   *
   * @param complete Nobody writes to the file any more: what stands at its end and is no whole frame is reported.
   */
  async *read(complete: boolean): AsyncGenerator<readonly TensorboardEvent[], void, undefined> {
    if (this.#dead) return;
    let handle: EventFileHandle | undefined;
    try {
      handle = await this.#openFile(this.#place.file);
      yield* this.#pieces(handle, complete);
    } catch (error) {
      this.#dead = true;
      yield [this.#corrupt(0, 'unreadable', errorMessage(error))];
    } finally {
      await handle?.close();
      // Files that wait to grow are many, and the next piece comes with a buffer of its size.
      this.#bytes = Buffer.alloc(0);
    }
  }

  async *#pieces(
    handle: EventFileHandle,
    complete: boolean,
  ): AsyncGenerator<readonly TensorboardEvent[], void, undefined> {
    let wanted = PIECE_BYTES;
    for (;;) {
      const available = (await handle.stat()).size - this.#offset;
      const asked = Math.max(0, Math.min(available, wanted));
      const filled = await this.#fill(handle, asked);
      const events: TensorboardEvent[] = [];
      const { consumed, needed } = this.#decode(filled, events);
      this.#offset += consumed;
      if (events.length > 0) yield events;
      // A file that was cut meanwhile has only what was read.
      const left = (filled < asked ? filled : available) - consumed;
      if (this.#dead) return;
      if (left < needed) {
        if (complete && left > 0) yield [this.#torn(consumed, filled, needed - left)];
        return;
      }
      wanted = Math.max(PIECE_BYTES, needed);
    }
  }

  /** Reads up to `length` bytes from the next frame on, and returns how many there were. */
  async #fill(handle: EventFileHandle, length: number): Promise<number> {
    if (this.#bytes.length < length) {
      this.#bytes = Buffer.allocUnsafeSlow(length);
      this.#view = new DataView(this.#bytes.buffer);
      this.#decoder.open(this.#place.file, this.#bytes, this.#view);
    }
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(this.#bytes, filled, length - filled, this.#offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  /** Takes all whole frames. `needed` is how many bytes the next one has, as far as is known. */
  #decode(end: number, events: TensorboardEvent[]): { readonly consumed: number; readonly needed: number } {
    let at = 0;
    while (end - at >= HEADER_BYTES) {
      const header = readFrameHeader(this.#view, at);
      if (header.frameBytes === undefined) {
        this.#dead = true;
        events.push(this.#corrupt(at, header.problem, header.detail));
        break;
      }
      const { frameBytes } = header;
      if (frameBytes > end - at) return { consumed: at, needed: frameBytes };
      if (hasGoodData(this.#view, at, frameBytes)) {
        this.#decoder.decode(at + HEADER_BYTES, at + frameBytes - FOOTER_BYTES, this.#offset + at, events);
      } else events.push(this.#corrupt(at, 'data-checksum', 'the checksum of a record’s data is wrong'));
      at += frameBytes;
    }
    return { consumed: at, needed: HEADER_BYTES };
  }

  /** The bytes from `start` up to `end` are all that there is of a frame. */
  #torn(start: number, end: number, missing: number): TensorboardEvent {
    this.#dead = true;
    return end - start < HEADER_BYTES && isZero(this.#view, start, end)
      ? this.#corrupt(0, 'zero-tail', 'zero bytes where a record should begin')
      : this.#corrupt(0, 'truncated', `at least ${missing} bytes of the last record are missing`);
  }

  #corrupt(at: number, problem: CorruptProblem, detail: string): TensorboardEvent {
    return { kind: 'corrupt', ...this.#place, offset: this.#offset + at, problem, detail };
  }
}
