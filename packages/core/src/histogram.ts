/**
 * Bucketing, done in the call so that the log holds 30 counts instead of a million weights.
 */

export interface Histogram {
  /** Ascending bucket edges, one more than there are counts; both empty where no value was finite. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  /** How many values were NaN or infinite, and so are in no bucket. */
  readonly nonFinite: number;
}

/**
 * Equal buckets from the least to the greatest finite value, the last one closed, as TensorFlow's summary histograms have
 * them. Constant data is one bucket of no width.
 *
 * @param buckets A positive integer.
 */
export function bucketise(values: ArrayLike<number>, buckets: number): Histogram {
  let least = Infinity;
  let greatest = -Infinity;
  let nonFinite = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = Number(values[index]);
    if (!Number.isFinite(value)) {
      nonFinite += 1;
      continue;
    }
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  const finite = values.length - nonFinite;
  if (finite === 0) return { edges: [], counts: [], nonFinite };
  if (least === greatest) return { edges: [least, greatest], counts: [finite], nonFinite };
  // Halved before subtracting: the whole range may be wider than the largest double.
  const halfWidth = (greatest / 2 - least / 2) / buckets;
  const start = least * 0.5;
  const last = buckets - 1;
  const counts = new Uint32Array(buckets);
  for (let index = 0; index < values.length; index += 1) {
    const value = Number(values[index]);
    if (!Number.isFinite(value)) continue;
    // Truncated by an operator, since a million weights take half as long that way; without any width, NaN becomes 0.
    const bucket = ((value * 0.5 - start) / halfWidth) | 0;
    const at = bucket < last ? bucket : last;
    counts[at] = (counts[at] ?? 0) + 1;
  }
  const edges = Array.from({ length: buckets + 1 }, (_, index) =>
    // Added twice rather than doubled, for the same reason.
    index === buckets ? greatest : least + halfWidth * index + halfWidth * index,
  );
  return { edges, counts: [...counts], nonFinite };
}
