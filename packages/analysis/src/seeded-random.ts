/** Chance that a seed repeats, so that the same runs have the same p-values every time. */

/**
 * SplitMix with 32 bits (G. L. Steele et al., Fast splittable pseudorandom number generators, 2014), whose steps are mixed by
 * C. Wellons' constants: https://github.com/skeeto/hash-prospector.
 *
 * @param seed An integer.
 * @returns Numbers uniform in [0, 1).
 */
export function seededRandom(seed: number): () => number {
  let counter = seed | 0;
  return () => {
    counter = (counter + 0x9e3779b9) | 0;
    const once = Math.imul(counter ^ (counter >>> 16), 0x21f0aaad);
    const twice = Math.imul(once ^ (once >>> 15), 0xd35a2d97);
    return ((twice ^ (twice >>> 15)) >>> 0) / 2 ** 32;
  };
}
