/**
 * The arithmetic that training spends its time in, as plain loops over Float32Arrays. V8 compiles these to straight machine
 * code; the `?? 0` satisfies the type checker, and costs nothing, since an index in range never yields undefined.
 */

/** target[targetOffset + i] += scale * source[sourceOffset + i] */
export function addScaled(
  target: Float32Array,
  targetOffset: number,
  source: Float32Array,
  sourceOffset: number,
  length: number,
  scale: number,
): void {
  for (let i = 0; i < length; i += 1) {
    target[targetOffset + i] = (target[targetOffset + i] ?? 0) + scale * (source[sourceOffset + i] ?? 0);
  }
}

/** The inner product of two stretches. */
export function dot(
  left: Float32Array,
  leftOffset: number,
  right: Float32Array,
  rightOffset: number,
  length: number,
): number {
  let sum = 0;
  for (let i = 0; i < length; i += 1) sum += (left[leftOffset + i] ?? 0) * (right[rightOffset + i] ?? 0);
  return sum;
}

/** Turns logits into probabilities, in place. The greatest logit is subtracted first, so that no exponential overflows. */
export function softmax(logits: Float32Array): void {
  let greatest = -Infinity;
  for (const logit of logits) greatest = Math.max(greatest, logit);
  let sum = 0;
  for (let i = 0; i < logits.length; i += 1) {
    const weight = Math.exp((logits[i] ?? 0) - greatest);
    logits[i] = weight;
    sum += weight;
  }
  for (let i = 0; i < logits.length; i += 1) logits[i] = (logits[i] ?? 0) / sum;
}
