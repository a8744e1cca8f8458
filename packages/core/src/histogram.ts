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
  const counted: number[] = [];
  for (let index = 0; index < values.length; index += 1) {
    const value = Number(values[index]);
    if (!Number.isFinite(value)) continue;
    const bucket = halfWidth === 0 ? 0 : Math.min(buckets - 1, Math.floor((value / 2 - least / 2) / halfWidth));
    counted[bucket] = (counted[bucket] ?? 0) + 1;
  }
  const edges = Array.from({ length: buckets + 1 }, (_, index) =>
    // Added twice rather than doubled, for the same reason.
    index === buckets ? greatest : least + halfWidth * index + halfWidth * index,
  );
  return { edges, counts: Array.from({ length: buckets }, (_, index) => counted[index] ?? 0), nonFinite };
}
