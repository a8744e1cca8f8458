/**
 * A process that joined a run delivers nothing while the owner lives. When the owner is gone, however it went, the first
 * member to notice takes the lease and delivers for all that are left.
 */

import type { SinkHealth, SinkOutcome } from '@runcast/core';
import { RunLogs, type Lease, type RunDirectory } from '@runcast/runlog';
import { CursorStore, deliveredPosition } from './cursor-store.ts';
import type { SinkSettlement } from './delivery-event.ts';
import type { DeliveryHost } from './delivery-host.ts';
import { owedRecords } from './owed-records.ts';
import { Bell, keepingAlive, systemScheduler, type Scheduler } from './scheduler.ts';

/** How often a member asks whether the owner is still there. Asking costs about a millisecond. */
const LEASE_CHECK_INTERVAL_MS = 1_000;
const CURSOR_POLL_MS = 25;

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
  readonly scheduler?: Scheduler;
}

export class MemberHost implements DeliveryHost {
  readonly #options: MemberHostOptions;
  readonly #scheduler: Scheduler;
  #checkedAtMs: number;
  #cancelCheck: () => void = () => undefined;
  #lease: Lease | undefined;
  #host: DeliveryHost | undefined;
  #takeover: Promise<void> | undefined;
  #closed = false;

  constructor(options: MemberHostOptions) {
    this.#options = options;
    this.#scheduler = options.scheduler ?? systemScheduler;
    this.#checkedAtMs = this.#scheduler.nowMs();
    this.#scheduleCheck();
  }

  get kind(): 'worker' | 'inline' | 'none' {
    return this.#host?.kind ?? 'none';
  }

  get reason(): string | undefined {
    return this.#lease === undefined
      ? 'another publisher owns the run and delivers for all'
      : (this.#host?.reason ?? 'took over from an owner that is gone');
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
    this.#check(this.#scheduler.nowMs());
    this.#closed = true;
    this.#cancelCheck();
    await this.#takeover;
    // An owner that lives delivers what this process has left in the log.
    const settlements = (await this.#host?.close(outcome, timeoutMs)) ?? [];
    this.#lease?.release();
    return settlements;
  }

  endNow(outcome: SinkOutcome, timeoutMs: number): void {
    this.#host?.endNow(outcome, timeoutMs);
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
      if (left <= 0) return this.#settlements('the owner of the run has not delivered it yet');
      this.noticeAppend(this.#scheduler.nowMs());
      await bell.wait(CURSOR_POLL_MS);
    }
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#scheduler.schedule(() => {
      this.#check(this.#scheduler.nowMs());
      if (this.#lease === undefined) this.#scheduleCheck();
    }, LEASE_CHECK_INTERVAL_MS);
  }

  #check(nowMs: number): void {
    this.#checkedAtMs = nowMs;
    if (this.#lease !== undefined || this.#closed) return;
    try {
      this.#lease = this.#options.acquireLease();
    } catch (error) {
      this.#options.onTakeover(error);
    }
    if (this.#lease !== undefined) this.#takeover = this.#takeOver();
  }

  async #takeOver(): Promise<void> {
    try {
      // Called before anything is awaited: a worker then starts although this thread never yields.
      this.#host = await this.#options.openHost();
      this.#options.onTakeover(undefined);
    } catch (error) {
      this.#options.onTakeover(error);
    }
  }

  #ownTail(): number {
    const logs = new RunLogs(this.#options.directory.logDirectory);
    try {
      logs.refresh();
      return logs.reader(this.#options.writer).lastSeq();
    } finally {
      logs.close();
    }
  }

  #othersDelivered(target: number): boolean {
    return this.#options.sinks.every((sink) => {
      const cursor = new CursorStore(this.#options.directory, sink).read();
      return deliveredPosition(cursor, this.#options.writer).seq >= target;
    });
  }

  #settlements(reason: string | undefined): readonly SinkSettlement[] {
    const owed = owedRecords(this.#options.directory, this.#options.sinks);
    return this.#options.sinks.map((sink) => ({
      sink,
      owedRecords: owed.get(sink) ?? 0,
      skippedSteps: 0,
      deliveredSteps: 0,
      reason,
    }));
  }
}
