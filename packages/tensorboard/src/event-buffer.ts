/**
 * Where framed events are put together: one buffer that grows, and is used again for the next batch. Nothing is allocated
 * for an event.
 */

import { MAX_VARINT_BYTES, putVarint } from './protobuf.ts';
import { FOOTER_BYTES, HEADER_BYTES, sealRecord } from './tfrecord.ts';

const INITIAL_BYTES = 65_536;

/** A buffer grown beyond this, by pictures for instance, is not kept for the next batch. */
const MAX_KEPT_BYTES = 4 * 1_048_576;

/** Keys of Event fields: wall_time is a double, step an int64. */
const WALL_TIME_KEY = 0x09;
const STEP_KEY = 0x10;

/** Frame, wall time and step, at their longest. */
const MAX_OVERHEAD = HEADER_BYTES + 9 + 1 + MAX_VARINT_BYTES + FOOTER_BYTES;

export class EventBuffer {
  #bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  #view: DataView = new DataView(this.#bytes.buffer);
  /** Where the event being written starts, and where its next byte goes. */
  #start = 0;
  #end = 0;

  /** All events up to now. A view: the next {@link reset} takes it back. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#start);
  }

  reset(): void {
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#replace(INITIAL_BYTES);
    this.#start = 0;
    this.#end = 0;
  }

  /**
   * Begins an event of `body`, its fields after wall_time and step, and returns where the body lies, for {@link putFloat}.
   * Nothing is part of {@link bytes} before {@link seal}.
   */
  begin(wallTime: number, step: number, body: Uint8Array): number {
    const needed = this.#start + MAX_OVERHEAD + body.length;
    if (needed > this.#bytes.length) this.#grow(needed);
    let at = this.#start + HEADER_BYTES;
    this.#view.setUint8(at, WALL_TIME_KEY);
    this.#view.setFloat64(at + 1, wallTime, true);
    at += 9;
    if (step !== 0) {
      this.#view.setUint8(at, STEP_KEY);
      at = putVarint(this.#view, at + 1, step);
    }
    this.#bytes.set(body, at);
    this.#end = at + body.length;
    return at;
  }

  /** Overwrites four bytes of the event begun last. */
  putFloat(at: number, value: number): void {
    this.#view.setFloat32(at, value, true);
  }

  /** Completes the event begun last. */
  seal(): void {
    this.#start = sealRecord(this.#view, this.#start, this.#end);
  }

  #grow(needed: number): void {
    const old = this.#bytes;
    this.#replace(Math.max(needed, old.length * 2));
    this.#bytes.set(old.subarray(0, this.#start));
  }

  #replace(size: number): void {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }
}
