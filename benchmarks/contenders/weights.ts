/** The values of the histograms: as many as a layer's weights, about normal. */

export const WEIGHTS = 1_000_000;
export const BUCKETS = 30;
/** Not measured: what an engine compiles, and TensorFlow loads, at the first call. */
export const WARM_UPS = 3;

export function makeWeights(): Float32Array {
  return Float32Array.from({ length: WEIGHTS }, (_, index) => {
    // A sum of uniform values that need no generator: fractions of multiples of irrational numbers.
    const uniform = [Math.SQRT2, Math.E, Math.PI, Math.LN2].map((factor) => (index * factor) % 1);
    return uniform.reduce((sum, value) => sum + value, -2);
  });
}

/** The mean time of a call, in milliseconds, over `count` of them. */
export function meanMs(count: number, call: (step: number) => void): number {
  for (let step = 0; step < WARM_UPS; step += 1) call(step);
  const start = performance.now();
  for (let step = 0; step < count; step += 1) call(WARM_UPS + step);
  return (performance.now() - start) / count;
}
