/** Time as delivery sees it, injected so that tests advance it by hand. */

export interface Scheduler {
  /** Unix time in milliseconds. */
  nowMs(): number;
  /** Calls back once after `delayMs`. Returns what cancels it. */
  schedule(callback: () => void, delayMs: number): () => void;
  /** Uniform in [0, 1). */
  random(): number;
}

/** Real time. Its timers never keep a process alive: only flush and close do, and they say so themselves. */
export const systemScheduler: Scheduler = {
  nowMs: () => Date.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Something loops wait at: until it rings, or until a time has passed. */
export class Bell {
  readonly #scheduler: Scheduler;
  readonly #waiting = new Set<() => void>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = this.#scheduler.schedule(wake, delayMs);
      this.#waiting.add(wake);
    });
  }

  ring(): void {
    // A set may lose members while it is walked; those that wait anew are not in it yet.
    for (const wake of this.#waiting) wake();
  }
}

/** Resolves once `delayMs` have passed. */
export function pause(delayMs: number, scheduler: Scheduler): Promise<void> {
  return new Promise((resolve) => {
    scheduler.schedule(resolve, delayMs);
  });
}

/** What `work` resolves to, or undefined once `delayMs` have passed without it; its later outcome is then dropped. */
export function within<T>(work: Promise<T>, delayMs: number, scheduler: Scheduler): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = scheduler.schedule(() => resolve(undefined), delayMs);
    work.then(resolve, reject).finally(cancel);
  });
}

/** Delivery's own timers do not keep a process alive; somebody awaiting it does. */
export async function keepingAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 60_000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
