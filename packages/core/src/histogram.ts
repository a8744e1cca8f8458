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
  const { least, greatest, nonFinite } = finiteRange(values);
  const finite = values.length - nonFinite;
  if (finite === 0) return { edges: [], counts: [], nonFinite };
  if (least === greatest) return { edges: [least, greatest], counts: [finite], nonFinite };
  // Halved before subtracting: the whole range may be wider than the largest double.
  const halfWidth = (greatest / 2 - least / 2) / buckets;
  const start = least / 2;
  const perHalfWidth = 1 / halfWidth;
  // One more than there are buckets: the greatest value comes behind the last.
  const counted = new Uint32Array(buckets + 1);
  for (let index = 0; index < values.length; index += 1) {
    // Nothing is asked of a value here, which takes a third less time for a million of them: truncated, what is not finite is 0.
    const bucket = ((Number(values[index]) * 0.5 - start) * perHalfWidth) | 0;
    counted[bucket] = Number(counted[bucket]) + 1;
  }
  const counts = Array.from({ length: buckets }, (_, index) => {
    const behind = index === buckets - 1 ? Number(counted[buckets]) : 0;
    return Number(counted[index]) + behind - (index === 0 ? nonFinite : 0);
  });
  const edges = Array.from({ length: buckets + 1 }, (_, index) =>
    // Added twice rather than doubled, for the same reason.
    index === buckets ? greatest : least + halfWidth * index + halfWidth * index,
  );
  return { edges, counts, nonFinite };
}

interface FiniteRange {
  readonly least: number;
  readonly greatest: number;
  readonly nonFinite: number;
}

function finiteRange(values: ArrayLike<number>): FiniteRange {
  let least = Infinity;
  let greatest = -Infinity;
  // Finite only where every value is. Asking each of them takes as long again.
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = Number(values[index]);
    sum += value;
    // No branches: half the time. NaN stays, in the sum as well.
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  return Number.isFinite(sum) ? { least, greatest, nonFinite: 0 } : rangeOfFinite(values);
}

function rangeOfFinite(values: ArrayLike<number>): FiniteRange {
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
  return { least, greatest, nonFinite };
}
