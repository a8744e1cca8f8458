/**
 * Seeded randomness, so that a training can be repeated number for number. The generator is Mulberry32
 * (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c): 32 bits of state, ample for weights and batches.
 */

/** Returns numbers from 0 up to but not including 1, as Math.random does. */
export type Random = () => number;

export function createRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
