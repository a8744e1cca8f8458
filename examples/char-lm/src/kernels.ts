/**
 * The arithmetic that training spends its time in, as plain loops over Float32Arrays, which V8 compiles to straight machine
 * code.
 */

/**
 * The value at an index, 0 outside the array. The type checker cannot know that an index is in range; V8 puts this function
 * into its callers, where it costs nothing.
 */
export function at(values: Float32Array, index: number): number {
  return values[index] ?? 0;
}

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
    target[targetOffset + i] = at(target, targetOffset + i) + scale * at(source, sourceOffset + i);
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
  for (let i = 0; i < length; i += 1) sum += at(left, leftOffset + i) * at(right, rightOffset + i);
  return sum;
}

/** Turns logits into probabilities, in place. The greatest logit is subtracted first, so that no exponential overflows. */
export function softmax(logits: Float32Array): void {
  let greatest = -Infinity;
  for (const logit of logits) greatest = Math.max(greatest, logit);
  let sum = 0;
  for (let i = 0; i < logits.length; i += 1) {
    const weight = Math.exp(at(logits, i) - greatest);
    logits[i] = weight;
    sum += weight;
  }
  for (let i = 0; i < logits.length; i += 1) logits[i] = at(logits, i) / sum;
}
