/** Times calls one by one, flat out or at a pace. */

/** Calls before the measured ones, until the code has been compiled. */
const WARM_UP_CALLS = 20_000;
/** Between those and calls at a pace: a pace is not kept by what has just flooded the log. */
const REST_MS = 200;

export interface Latencies {
  /** Microseconds. */
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly 'p99.9': number;
  /** Calls after which `isPending` was true. */
  readonly pending: number;
}

/**
 * Calls `log` for steps from 0, the warm-up flat out, then `count` times: without a pause, or with at least
 * `intervalMs` from one to the next, waited for busily as a trainer computes.
 */
export function measureCalls(
  count: number,
  intervalMs: number,
  log: (step: number) => void,
  isPending: () => boolean,
): Latencies {
  for (let step = 0; step < WARM_UP_CALLS; step += 1) log(step);
  const latencies = new Float64Array(count);
  let pending = 0;
  let due = intervalMs === 0 ? 0 : performance.now() + REST_MS;
  for (let call = 0; call < count; call += 1) {
    while (performance.now() < due);
    const start = performance.now();
    // Time that the process was not given is not made up for: calls would come in bursts.
    due = start + intervalMs;
    log(WARM_UP_CALLS + call);
    latencies[call] = performance.now() - start;
    if (intervalMs > 0 && isPending()) pending += 1;
  }
  const sorted = latencies.toSorted();
  const quantile = (share: number): number => (sorted[Math.ceil(share * count) - 1] ?? Number.NaN) * 1000;
  const mean = (latencies.reduce((sum, latency) => sum + latency, 0) / count) * 1000;
  return { mean, p50: quantile(0.5), p99: quantile(0.99), 'p99.9': quantile(0.999), pending };
}
