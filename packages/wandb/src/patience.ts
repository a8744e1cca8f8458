/**
 * Until when W&B has asked to be left alone, by kind of request. Delivery waits for the lane that was told so; the sink's other lane
 * and its last word send requests of the same kind, and keep to it through this.
 */

import { RetryableSinkError } from '@runcast/core';

export class Patience {
  readonly #untilMs = new Map<string, number>();
  readonly #now: () => number;

  /** @param now Milliseconds of a clock that does not go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Throws RetryableSinkError, with the rest of the time, where requests of this kind are to wait. */
  check(what: string): void {
    const restMs = (this.#untilMs.get(what) ?? 0) - this.#now();
    if (restMs > 0)
      throw new RetryableSinkError(`W&B has asked to wait before the next request for ${what}`, {
        retryAfterMs: restMs,
      });
    this.#untilMs.delete(what);
  }

  wait(what: string, milliseconds: number): void {
    this.#untilMs.set(what, this.#now() + milliseconds);
  }
}
