/**
 * A process that joined a run delivers nothing while the owner lives. When the owner is gone, however it went, the first
 * member to notice takes the lease and delivers for all that are left.
 */

import { errorMessage, type SinkHealth, type SinkOutcome } from '@runcast/core';
import { withRunLogs, type Lease, type RunDirectory } from '@runcast/runlog';
import type { SinkSettlement } from './delivery-event.ts';
import type { DeliveryHost } from './delivery-host.ts';
import { owedRecords } from './owed-records.ts';
import { Bell, keepingAlive, type Scheduler } from './scheduler.ts';
import { storedPositions } from './stored-positions.ts';

/** How often a member asks whether the owner is still there. Asking costs about a millisecond. */
const LEASE_CHECK_INTERVAL_MS = 1_000;
const CURSOR_POLL_MS = 25;
/** What closing waits at most for an owner that does not deliver: its backend may be down for hours. */
const HANDOVER_TIMEOUT_MS = 2_000;

const OWNER_OWES = 'the owner of the run has not delivered it yet';

export interface MemberHostOptions {
  readonly directory: RunDirectory;
  readonly writer: string;
  readonly sinks: readonly string[];
  /** Takes the lease, or returns undefined while somebody holds it. */
  readonly acquireLease: () => Lease | undefined;
  /** Opens the deliveries, once the lease is held. */
  readonly openHost: () => Promise<DeliveryHost>;
  /** Called when this process has become the one that delivers, or has failed to. */
  readonly onTakeover: (failure: unknown) => void;
  readonly scheduler: Scheduler;
}

export class MemberHost implements DeliveryHost {
  readonly #options: MemberHostOptions;
  readonly #scheduler: Scheduler;
  #checkedAtMs: number;
  #cancelCheck: () => void;
  #lease: Lease | undefined;
  #host: DeliveryHost | undefined;
  #takeover: Promise<void> | undefined;
  /** Why this process could not take over. */
  #failure: string | undefined;
  #closed = false;

  constructor(options: MemberHostOptions) {
    this.#options = options;
    this.#scheduler = options.scheduler;
    this.#checkedAtMs = this.#scheduler.nowMs();
    this.#cancelCheck = this.#scheduleCheck();
  }

  get kind(): 'worker' | 'inline' | 'none' {
    return this.#host?.kind ?? 'none';
  }

  get reason(): string | undefined {
    if (this.#host !== undefined) return this.#host.reason ?? 'took over from an owner that is gone';
    return this.#failure ?? 'another publisher owns the run and delivers for all';
  }

  /** To be called with every append: a trainer that never yields runs no timer. */
  noticeAppend(nowMs: number): void {
    if (nowMs - this.#checkedAtMs >= LEASE_CHECK_INTERVAL_MS) this.#check(nowMs);
  }

  health(): Readonly<Record<string, SinkHealth>> {
    return this.#host?.health() ?? {};
  }

  async flush(timeoutMs: number): Promise<readonly SinkSettlement[]> {
    return keepingAlive(this.#flush(this.#scheduler.nowMs() + timeoutMs));
  }

  async close(outcome: SinkOutcome, timeoutMs: number): Promise<readonly SinkSettlement[]> {
    const isDelivered = await keepingAlive(
      this.#handOver(this.#scheduler.nowMs() + Math.min(timeoutMs, HANDOVER_TIMEOUT_MS)),
    );
    this.#closed = true;
    this.#cancelCheck();
    await this.#takeover;
    const host = this.#host;
    if (host !== undefined) {
      const settlements = await host.close(outcome, timeoutMs);
      this.#lease?.release();
      return settlements;
    }
    // Without an owner nobody delivers what this process has left in the log; one that lives will, or has done so.
    if (this.#failure !== undefined) return this.#settlements(this.#failure);
    return isDelivered ? [] : this.#settlements(OWNER_OWES);
  }

  endNow(outcome: SinkOutcome, timeoutMs: number): void {
    this.#host?.endNow(outcome, timeoutMs);
  }

  /**
   * Resolves once the owner has delivered what this process leaves in the log, or this process has taken over from it. An
   * owner that holds the lease may be closing too, and past the records that came last. False where it lives and still owes.
   */
  async #handOver(deadline: number): Promise<boolean> {
    const bell = new Bell(this.#scheduler);
    for (;;) {
      this.#check(this.#scheduler.nowMs());
      if (this.#lease !== undefined || this.#failure !== undefined || this.#isDelivered()) return true;
      if (this.#scheduler.nowMs() >= deadline) return false;
      await bell.wait(CURSOR_POLL_MS);
    }
  }

  /** True as well where nobody can tell, because the run directory has gone. */
  #isDelivered(): boolean {
    try {
      return this.#othersDelivered(this.#ownTail());
    } catch {
      return true;
    }
  }

  /** The owner's cursors say what it has delivered; should it die meanwhile, this process delivers itself. */
  async #flush(deadline: number): Promise<readonly SinkSettlement[]> {
    const target = this.#ownTail();
    const bell = new Bell(this.#scheduler);
    for (;;) {
      await this.#takeover;
      const left = deadline - this.#scheduler.nowMs();
      if (this.#host !== undefined) return this.#host.flush(Math.max(0, left));
      if (this.#othersDelivered(target)) return this.#settlements(undefined);
      if (left <= 0) return this.#settlements(OWNER_OWES);
      this.noticeAppend(this.#scheduler.nowMs());
      await bell.wait(CURSOR_POLL_MS);
    }
  }

  #scheduleCheck(): () => void {
    return this.#scheduler.schedule(() => {
      this.#check(this.#scheduler.nowMs());
      this.#cancelCheck = this.#scheduleCheck();
    }, LEASE_CHECK_INTERVAL_MS);
  }

  #check(nowMs: number): void {
    this.#checkedAtMs = nowMs;
    if (this.#lease !== undefined || this.#closed) return;
    try {
      this.#lease = this.#options.acquireLease();
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (this.#lease === undefined) this.#failure = undefined;
    else this.#takeover = this.#takeOver(this.#lease);
  }

  async #takeOver(lease: Lease): Promise<void> {
    try {
      // Called before anything is awaited: a worker that is loaded starts although this thread never yields.
      this.#host = await this.#options.openHost();
      this.#options.onTakeover(undefined);
    } catch (error) {
      // Another member may fare better, and so may this one in a while.
      lease.release();
      this.#lease = undefined;
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#failure = errorMessage(error);
    this.#options.onTakeover(error);
  }

  #ownTail(): number {
    const { directory, writer } = this.#options;
    return withRunLogs(directory.logDirectory, (logs) => logs.reader(writer).lastSeq());
  }

  #othersDelivered(target: number): boolean {
    const { directory, sinks, writer } = this.#options;
    return sinks.every((sink) => storedPositions(directory, sink).of(writer).seq >= target);
  }

  #settlements(reason: string | undefined): readonly SinkSettlement[] {
    const { directory, sinks } = this.#options;
    return [...owedRecords(directory, sinks)].map(([sink, owed]) => ({
      sink,
      owedRecords: owed,
      skippedSteps: 0,
      deliveredSteps: 0,
      reason,
    }));
  }
}
