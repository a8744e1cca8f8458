/**
 * System metrics come from one process, the one that owns the run: from its opening in the first owner, and in a member from
 * the moment it takes the run over. They end before the run does, and for good.
 */

import type { SystemMonitor } from '@runcast/system';

type Monitor = Pick<SystemMonitor, 'end' | 'close'>;

export class OwnerMonitor {
  readonly #openMonitor: () => Monitor;
  #monitor: Monitor | undefined;
  #hasFailed = false;
  #hasEnded = false;

  /** @param openMonitor Begins to collect. Must not throw. */
  constructor(openMonitor: () => Monitor) {
    this.#openMonitor = openMonitor;
  }

  /** This process owns the run. */
  start(): void {
    if (!this.#hasEnded) this.#monitor ??= this.#openMonitor();
  }

  /**
   * This process takes the run over, which may still fail. Collecting begins all the same, since a trainer that never yields
   * does not hear of success; but not again after a failure: each attempt, one a second, would leave a log.
   */
  startEarly(): void {
    if (!this.#hasFailed) this.start();
  }

  /** This process could not take the run over, and another may. */
  stop(): void {
    this.#hasFailed = true;
    void this.#monitor?.close();
    this.#monitor = undefined;
  }

  /** Completes the log within this call. Nothing begins after it. Idempotent, never throws. */
  end(): void {
    this.#hasEnded = true;
    this.#monitor?.end();
  }

  /** As {@link end}; resolves once the collector has gone. */
  async close(): Promise<void> {
    this.end();
    await this.#monitor?.close();
  }
}
