/**
 * All deliveries of one run: each lane of each sink in a loop of its own, so that a slow or dead one delays no other. The same engine
 * runs in a worker thread, on the caller's loop, and in `runcast sync`.
 */

import { errorInfo, type Sink, type SinkHealth, type SinkOutcome } from '@runcast/core';
import { RunLogs, type RunDirectory } from '@runcast/runlog';
import { backoffMs } from './backoff.ts';
import type { DeliveryEvent, SinkSettlement } from './delivery-event.ts';
import type { LaneDelivery } from './lane-delivery.ts';
import type { OpenFailure } from './load-sink.ts';
import { Bell, pause, within, type Scheduler } from './scheduler.ts';
import { SinkDelivery } from './sink-delivery.ts';
import { turn } from './turn.ts';

/** How often a loop looks for new records: soon after the last, seldom once nothing has come for a while. */
const BUSY_POLL_MS = 25;
const IDLE_POLL_MS = 100;
const POLLS_UNTIL_IDLE = 40;
const TICK_INTERVAL_MS = 5_000;
/** What a close still grants a sink to end in after its records had no time left. */
const CLOSE_GRACE_MS = 1_000;

export interface DeliveryEngineOptions {
  readonly directory: RunDirectory;
  readonly sinks: readonly Sink[];
  readonly scheduler: Scheduler;
  readonly onEvent: (event: DeliveryEvent) => void;
}

export class DeliveryEngine {
  readonly #logs: RunLogs;
  readonly #deliveries: readonly SinkDelivery[];
  readonly #scheduler: Scheduler;
  /** Rings when records may have come. */
  readonly #bell: Bell;
  /** Rings when a batch has been delivered, for those who wait for it. */
  readonly #progress: Bell;
  readonly #onEvent: (event: DeliveryEvent) => void;
  #refreshFailed = false;
  #loops: Promise<unknown> = Promise.resolve();
  #stopping = false;
  /** Set when the logs are closed. */
  #lastHealth: Readonly<Record<string, SinkHealth>> | undefined;
  #cancelTick: () => void = () => undefined;

  constructor(options: DeliveryEngineOptions) {
    const { directory, scheduler, onEvent } = options;
    this.#scheduler = scheduler;
    this.#bell = new Bell(scheduler);
    this.#progress = new Bell(scheduler);
    this.#onEvent = onEvent;
    this.#logs = new RunLogs(directory.logDirectory);
    this.#deliveries = options.sinks.map(
      (sink) => new SinkDelivery({ sink, directory, logs: this.#logs, scheduler, onEvent }),
    );
  }

  /** Opens every sink. Returns those that could not be; the engine is then of no use but to be closed. */
  async open(): Promise<readonly OpenFailure[]> {
    this.#logs.refresh();
    const failures = await Promise.all(
      this.#deliveries.map(async (delivery): Promise<readonly OpenFailure[]> => {
        try {
          await delivery.open();
          return [];
        } catch (error) {
          return [{ sink: delivery.name, error }];
        }
      }),
    );
    return failures.flat();
  }

  /** Begins to deliver, until {@link close}. */
  start(): void {
    const lanes = this.#deliveries.flatMap((delivery) => delivery.lanes);
    this.#loops = Promise.all(lanes.map((lane) => this.#loop(lane)));
    this.#scheduleTick();
  }

  /** There is much to deliver: who waits for records looks for them now. */
  wake(): void {
    this.#bell.ring();
  }

  /** Of the sinks as they are or, once closed, as they were left. */
  health(): Readonly<Record<string, SinkHealth>> {
    return this.#lastHealth ?? this.#health();
  }

  #health(): Readonly<Record<string, SinkHealth>> {
    return Object.fromEntries(this.#deliveries.map((delivery) => [delivery.name, delivery.health()]));
  }

  /** Makes everything now in the logs durable in every sink, as far as `timeoutMs` allows. */
  async flush(timeoutMs: number): Promise<readonly SinkSettlement[]> {
    this.#refresh();
    const target = this.#tails();
    const deadline = this.#scheduler.nowMs() + timeoutMs;
    return Promise.all(
      this.#deliveries.map(async (delivery) => {
        const reason = await this.#settle(delivery, target, deadline, Infinity);
        return delivery.settlement(reason);
      }),
    );
  }

  /** As {@link flush}, and ends with every sink, in its own time: a hanging one is given up at the deadline. */
  async close(outcome: SinkOutcome, timeoutMs: number): Promise<readonly SinkSettlement[]> {
    this.#refresh();
    const target = this.#tails();
    const deadline = this.#scheduler.nowMs() + timeoutMs;
    const settlements = await Promise.all(
      this.#deliveries.map(async (delivery) => {
        delivery.retryNow();
        const reason = await this.#settle(delivery, target, deadline, deadline);
        const settlement = delivery.settlement(reason);
        const left = deadline - this.#scheduler.nowMs();
        if (left <= 0) delivery.giveUp();
        const problem = await this.#answer(delivery.close(outcome), Math.max(CLOSE_GRACE_MS, left), 'close');
        // Whatever still hangs must not keep the process alive.
        delivery.giveUp();
        return problem === undefined ? settlement : { ...settlement, reason: settlement.reason ?? problem };
      }),
    );
    await this.#stop();
    return settlements;
  }

  /** As {@link close}, within this call, for local sinks: the process is ending. */
  endNow(outcome: SinkOutcome): void {
    this.#stopping = true;
    this.#refresh();
    for (const delivery of this.#deliveries) if (delivery.isLocal) delivery.endNow(outcome);
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelTick();
    this.#bell.ring();
    // A hanging sink's loop ends when its call does; nothing waits for it.
    await within(this.#loops, 0, this.#scheduler);
    this.#lastHealth = this.#health();
    this.#logs.close();
  }

  async #loop(lane: LaneDelivery): Promise<void> {
    let idlePolls = 0;
    while (!this.#stopping) {
      const progress = await lane.advance();
      if (progress === 'stopped') return;
      if (progress === 'delivered') {
        idlePolls = 0;
        this.#progress.ring();
        if (lane.hasBacklog()) {
          await turn();
          continue;
        }
      }
      idlePolls += 1;
      if (progress === 'waiting') {
        await this.#bell.wait(Math.max(1, lane.retryAtMs - this.#scheduler.nowMs()));
      } else {
        await this.#bell.wait(idlePolls > POLLS_UNTIL_IDLE ? IDLE_POLL_MS : BUSY_POLL_MS);
        this.#refresh();
      }
    }
  }

  /** New writers are found when the directory can be read again; until then the known ones go on. */
  #refresh(): void {
    if (this.#lastHealth !== undefined) return;
    try {
      this.#logs.refresh();
      this.#refreshFailed = false;
    } catch (error) {
      if (!this.#refreshFailed)
        this.#onEvent({ type: 'sinkError', sink: 'log', error: errorInfo(error), terminal: false });
      this.#refreshFailed = true;
    }
  }

  /**
   * Waits until `delivery` has everything up to `target` and has flushed it. Returns why not, or undefined; at once, where a
   * backend has asked to be left alone for longer than `untilMs`.
   */
  async #settle(
    delivery: SinkDelivery,
    target: ReadonlyMap<string, number>,
    deadline: number,
    untilMs: number,
  ): Promise<string | undefined> {
    delivery.hurry();
    this.#bell.ring();
    // What can be delivered at once is, even where no time is granted.
    await turn();
    let problem: string | undefined;
    let failures = 0;
    for (;;) {
      if (delivery.state === 'closed') return 'the sink is closed';
      const settled = delivery.hasSettled(target, untilMs);
      if (settled && !delivery.isOut(untilMs)) {
        problem = await this.#answer(delivery.flush(), deadline - this.#scheduler.nowMs(), 'flush');
        if (problem === undefined) return delivery.outReason(untilMs);
        failures += 1;
      }
      const left = deadline - this.#scheduler.nowMs();
      if (left <= 0 || (settled && delivery.outReason(untilMs) !== undefined))
        return problem ?? delivery.trouble ?? noTimeLeft(delivery, target);
      if (delivery.hurry()) this.#bell.ring();
      if (settled) await pause(Math.min(backoffMs(failures, this.#scheduler.random()), left), this.#scheduler);
      else await this.#progress.wait(Math.min(BUSY_POLL_MS, left));
    }
  }

  /** The problem that `call` resolves to; that there was no answer, once `delayMs` have passed without one. */
  async #answer(call: Promise<string | undefined>, delayMs: number, name: string): Promise<string | undefined> {
    const answer = await within(
      call.then((problem) => ({ problem })),
      Math.max(0, delayMs),
      this.#scheduler,
    );
    return answer === undefined ? `the sink did not answer a ${name}` : answer.problem;
  }

  #tails(): ReadonlyMap<string, number> {
    return new Map(this.#logs.writers.map((writer) => [writer, this.#logs.reader(writer).lastSeq()]));
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#scheduler.schedule(() => {
      for (const delivery of this.#deliveries) void delivery.tick();
      this.#scheduleTick();
    }, TICK_INTERVAL_MS);
  }
}

function noTimeLeft({ main }: SinkDelivery, target: ReadonlyMap<string, number>): string {
  return main.hasDelivered(target) ? 'there was no time left for its uploads' : 'there was no time left';
}
