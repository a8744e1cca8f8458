/**
 * Which calls of one sink are under way. Each lane makes one at a time and none waits for the other; what concerns the whole
 * sink, a flush or its end, has it to itself.
 */

/** `main` is the sink's own. */
export type LaneName = 'main' | 'uploads';

export class SinkCalls {
  readonly #inFlight = new Map<LaneName, Promise<unknown>>();
  /** How many wait to have the sink to themselves. */
  #waiting = 0;

  get isBusy(): boolean {
    return this.#inFlight.size > 0;
  }

  /** What `lane` has to wait for before it makes a call; undefined where it may make one now. Never rejects. */
  blocking(lane: LaneName): Promise<unknown> | undefined {
    const own = this.#inFlight.get(lane);
    // An upload may take an hour, and whoever waits for the sink has waited for one already.
    return own === undefined && lane === 'uploads' && this.#waiting > 0 ? this.#inFlight.get('main') : own;
  }

  /** Marks a call that never rejects as the one in flight of these lanes. */
  track<T>(lanes: readonly LaneName[], settled: Promise<T>): Promise<T> {
    const tracked = settled.finally(() => {
      for (const lane of lanes) this.#inFlight.delete(lane);
    });
    for (const lane of lanes) this.#inFlight.set(lane, tracked);
    return tracked;
  }

  /**
   * Makes a call that never throws or rejects once no other is in flight: within this call where none is. Until then the
   * sink's own lane goes on, and no further upload begins.
   */
  async alone<T>(call: () => T | Promise<T>): Promise<T> {
    this.#waiting += 1;
    for (let other = this.#any(); other !== undefined; other = this.#any()) await other;
    this.#waiting -= 1;
    const result = call();
    return result instanceof Promise ? this.track(['main', 'uploads'], result) : result;
  }

  #any(): Promise<unknown> | undefined {
    return this.#inFlight.get('uploads') ?? this.#inFlight.get('main');
  }
}
