/**
 * When to try again: exponential, jittered so that a hundred trainers do not come back in one instant, and never sooner
 * than the backend asked. At its ceiling it is the circuit breaker too: one probe at a time, twice a minute.
 */

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

/**
 * @param attempt How many attempts have failed, from 1.
 * @param random Uniform in [0, 1).
 * @returns Milliseconds, between half and all of the exponential delay.
 */
export function backoffMs(attempt: number, random: number, retryAfterMs = 0): number {
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.max(retryAfterMs, ceiling * (0.5 + random / 2));
}
