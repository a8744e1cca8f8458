/** Time that passes only when a test says so: a clock and the timers that go with it. */

export interface ManualTimer {
  readonly dueMs: number;
}

export interface ManualClock {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Calls back once, when time has been advanced by `delayMs`. */
  readonly setTimeout: (callback: () => void, delayMs: number) => ManualTimer;
  /** A timer that is not pending any more is ignored. */
  readonly clearTimeout: (timer: ManualTimer) => void;
  /** Resolves when time has been advanced by `delayMs`; rejects with the signal's reason. */
  readonly sleep: (delayMs: number, signal?: AbortSignal) => Promise<void>;
  /**
   * Lets time pass. What becomes due is called in order of time, and what was awaiting it runs before time goes on, so that
   * timers set in the meantime count from the right moment. What a callback throws is thrown here.
   */
  readonly advance: (ms: number) => Promise<void>;
  /** When each pending timer is due, in Unix milliseconds, ascending. */
  readonly pending: () => readonly number[];
}

/** @param startMs Unix time in milliseconds; 2026-11-21, 09:46:21 UTC where left out. */
export function createManualClock(startMs: number = 1_795_254_381_000): ManualClock {
  let nowMs = startMs;
  const timers = new Map<ManualTimer, () => void>();
  const next = (): readonly [ManualTimer, () => void] | undefined =>
    [...timers].toSorted(([left], [right]) => left.dueMs - right.dueMs)[0];
  const setTimeout = (callback: () => void, delayMs: number): ManualTimer => {
    const timer = { dueMs: nowMs + Math.max(0, delayMs) };
    timers.set(timer, callback);
    return timer;
  };
  const clearTimeout = (timer: ManualTimer): void => {
    timers.delete(timer);
  };
  const sleep = (delayMs: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      }, delayMs);
      const abort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  const advance = async (ms: number): Promise<void> => {
    const endMs = nowMs + ms;
    await settled();
    for (let due = next(); due !== undefined && due[0].dueMs <= endMs; due = next()) {
      const [timer, callback] = due;
      timers.delete(timer);
      nowMs = timer.dueMs;
      callback();
      await settled();
    }
    nowMs = endMs;
  };
  return {
    now: () => nowMs,
    setTimeout,
    clearTimeout,
    sleep,
    advance,
    pending: () => [...timers.keys()].map((timer) => timer.dueMs).toSorted((left, right) => left - right),
  };
}

/** Promise jobs that are queued now, and those they queue, have run: the event loop's next turn comes after all of them. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
