/**
 * What a call takes the caller: on average, with the clock read only before the first and after the last, and call by call.
 * `log` is called for steps from 0.
 */

import { setTimeout as delay } from 'node:timers/promises';

/** Calls before the measured ones, until the code has been compiled. */
const WARM_UP_CALLS = 20_000;
/** Between those and calls at a pace: a pace is not kept by what has just flooded the log. */
const REST_MS = 200;
/** Between those and calls beside a server, for what was logged to get there. */
const DELIVERY_REST_MS = 1000;

/** Microseconds. */
interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly 'p99.9': number;
}

interface FlatOut extends Percentiles {
  readonly mean: number;
  /** Processor time of the caller's thread, which other processes disturb less. */
  readonly cpu: number;
}

interface Paced extends Percentiles {
  /** Calls after which `isPending` was true. */
  readonly pending: number;
}

/** Calls without a pause, `count` times for the mean and as often again for the percentiles. */
export function measureFlatOut(count: number, log: (step: number) => void): FlatOut {
  let step = 0;
  for (; step < WARM_UP_CALLS; step += 1) log(step);
  const cpuStart = threadCpuMicroseconds();
  const start = performance.now();
  for (; step < WARM_UP_CALLS + count; step += 1) log(step);
  const mean = ((performance.now() - start) * 1000) / count;
  const cpu = (threadCpuMicroseconds() - cpuStart) / count;
  return { mean, cpu, ...timedCalls(count, log, step) };
}

/** Calls `count` times, at least `intervalMs` from one to the next, waited for busily as a trainer computes. */
export function measurePaced(
  count: number,
  intervalMs: number,
  log: (step: number) => void,
  isPending: () => boolean,
): Paced {
  for (let step = 0; step < WARM_UP_CALLS; step += 1) log(step);
  const latencies = new Float64Array(count);
  let pending = 0;
  let due = performance.now() + REST_MS;
  for (let call = 0; call < count; call += 1) {
    while (performance.now() < due);
    const called = performance.now();
    // Time that the process was not given is not made up for: calls would come in bursts.
    due = called + intervalMs;
    log(WARM_UP_CALLS + call);
    latencies[call] = performance.now() - called;
    if (isPending()) pending += 1;
  }
  return { ...percentiles(latencies), pending };
}

/** Calls without a pause, once the code has been compiled and the server has what came before. */
export async function measureRested(count: number, log: (step: number) => void): Promise<Percentiles> {
  for (let step = 0; step < WARM_UP_CALLS; step += 1) log(step);
  await delay(DELIVERY_REST_MS);
  return timedCalls(count, log, WARM_UP_CALLS);
}

function timedCalls(count: number, log: (step: number) => void, firstStep: number): Percentiles {
  const latencies = new Float64Array(count);
  for (let call = 0; call < count; call += 1) {
    const called = performance.now();
    log(firstStep + call);
    latencies[call] = performance.now() - called;
  }
  return percentiles(latencies);
}

/** Of milliseconds. */
function percentiles(latenciesMs: Float64Array): Percentiles {
  const sorted = latenciesMs.toSorted();
  const quantile = (share: number): number => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN) * 1000;
  return { p50: quantile(0.5), p99: quantile(0.99), 'p99.9': quantile(0.999) };
}

function threadCpuMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
