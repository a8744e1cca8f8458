/**
 * One sink's delivery: its own lane and, where it has uploads, theirs beside it, each in its own time; and the calls that
 * concern the sink as a whole, from its opening to its end.
 */

import {
  PositionLostError,
  errorInfo,
  type ErrorInfo,
  type Sink,
  type SinkHealth,
  type SinkOutcome,
  type SinkState,
} from '@runcast/core';
import type { RunDirectory, RunLogs } from '@runcast/runlog';
import { CursorStore } from './cursor-store.ts';
import type { DeliveryEvent, SinkSettlement } from './delivery-event.ts';
import { LaneDelivery } from './lane-delivery.ts';
import type { Scheduler } from './scheduler.ts';
import { SinkCalls } from './sink-calls.ts';
import { cursorName, earlier } from './stored-positions.ts';

export interface SinkDeliveryOptions {
  readonly sink: Sink;
  readonly directory: RunDirectory;
  readonly logs: RunLogs;
  readonly scheduler: Scheduler;
  readonly onEvent: (event: DeliveryEvent) => void;
}

export class SinkDelivery {
  /** The sink's own lane. */
  readonly main: LaneDelivery;
  readonly uploads: LaneDelivery | undefined;
  readonly #sink: Sink;
  readonly #directory: RunDirectory;
  readonly #logs: RunLogs;
  readonly #scheduler: Scheduler;
  readonly #onEvent: (event: DeliveryEvent) => void;
  readonly #calls = new SinkCalls();
  readonly #givenUp = new AbortController();

  constructor(options: SinkDeliveryOptions) {
    const { sink, directory, logs, scheduler, onEvent } = options;
    this.#sink = sink;
    this.#directory = directory;
    this.#logs = logs;
    this.#scheduler = scheduler;
    this.#onEvent = onEvent;
    const common = { sink, calls: this.#calls, directory, logs, scheduler, onEvent };
    this.main = new LaneDelivery(
      { ...common, lane: 'main' },
      {
        kinds: sink.traits.kinds,
        write: (batch) => sink.write(batch),
        ...(sink.pauseMs === undefined ? {} : { pauseMs: sink.pauseMs.bind(sink) }),
        ...(sink.position === undefined ? {} : { position: sink.position.bind(sink) }),
      },
    );
    this.uploads =
      sink.uploads === undefined ? undefined : new LaneDelivery({ ...common, lane: 'uploads' }, sink.uploads);
  }

  get name(): string {
    return this.#sink.name;
  }

  get isLocal(): boolean {
    return this.#sink.traits.locality === 'local';
  }

  /** To be advanced each in a loop of its own. The sink's own comes first. */
  get lanes(): readonly LaneDelivery[] {
    return this.uploads === undefined ? [this.main] : [this.main, this.uploads];
  }

  /** Of the sink's own lane. */
  get state(): SinkState {
    return this.main.state;
  }

  /** True where no lane takes anything until then, in Unix milliseconds. */
  isOut(untilMs: number): boolean {
    return this.lanes.every((lane) => lane.isOut(untilMs));
  }

  /** Why a lane takes nothing until then; undefined where all do. */
  outReason(untilMs: number): string | undefined {
    return this.lanes.find((lane) => lane.isOut(untilMs))?.trouble;
  }

  /** Why a lane is asked again, or is not any more; undefined while all take what they are given. */
  get trouble(): string | undefined {
    return this.lanes.map((lane) => lane.trouble).find((trouble) => trouble !== undefined);
  }

  /** Opens the sink where its cursors stand. Throws what the sink throws. */
  async open(): Promise<void> {
    for (const lane of this.lanes) lane.load();
    // That uploads are owed must be known before anything else is delivered, to whoever reads the cursors afterwards.
    if (this.uploads?.isStored() === false) this.uploads.storeCursor();
    // And a sink whose uploads have been switched off is owed none.
    if (this.uploads === undefined) new CursorStore(this.#directory, cursorName(this.name, 'uploads')).remove();
    try {
      await this.#openSink();
    } catch (error) {
      if (!(error instanceof PositionLostError)) throw error;
      this.#onEvent({ type: 'sinkError', sink: this.name, error: errorInfo(error), terminal: false });
      for (const lane of this.lanes) lane.forget();
      await this.#openSink();
    }
    for (const lane of this.lanes) lane.begin();
  }

  /** Try again now, whatever the backoff says, but not before the time that the backend asked for. */
  retryNow(): void {
    for (const lane of this.lanes) lane.retryNow();
  }

  /** A lane that leaves the backend alone goes on at once. Returns whether there was one. */
  hurry(): boolean {
    return this.lanes.filter((lane) => lane.hurry()).length > 0;
  }

  /** True where every lane has read and handed over everything up to `target`. */
  hasDelivered(target: ReadonlyMap<string, number>): boolean {
    return this.lanes.every((lane) => lane.hasDelivered(target));
  }

  /** True where nothing more comes until then: each lane has delivered up to `target`, or is out. */
  hasSettled(target: ReadonlyMap<string, number>, untilMs: number): boolean {
    return this.lanes.every((lane) => lane.isOut(untilMs) || lane.hasDelivered(target));
  }

  /**
   * Makes what was delivered durable and stores the cursors. Returns why that failed, or undefined. It waits until no lane
   * has a call in flight.
   */
  async flush(): Promise<string | undefined> {
    const problem = await this.#alone(() => {
      const flushing = this.#sink.flush();
      if (flushing !== undefined) return flushing.then(() => this.#storeCursors());
      this.#storeCursors();
      return undefined;
    });
    return problem?.message;
  }

  /** A heartbeat for a sink that is idle; one that is busy with writes shows by that that it lives. */
  async tick(): Promise<void> {
    const isIdle = this.main.state === 'delivering' && this.#calls.blocking('main') === undefined;
    if (this.#sink.tick === undefined || !isIdle) return;
    const ticking = this.#answered(() => this.#sink.tick?.(this.#scheduler.nowMs()));
    const problem = ticking instanceof Promise ? await this.#calls.track(['main'], ticking) : ticking;
    if (problem !== undefined && !this.#hasEnded())
      this.#onEvent({ type: 'sinkError', sink: this.name, error: problem, terminal: false });
  }

  /** Tells the sink that calls in flight are waited for no longer. */
  giveUp(): void {
    this.#givenUp.abort(new Error('closing took as long as it may'));
  }

  /** Ends with the sink, whatever becomes of its cursors. Returns why that failed, or undefined. */
  async close(outcome: SinkOutcome): Promise<string | undefined> {
    let unstored: ErrorInfo | undefined;
    const problem = await this.#alone(() => {
      // A sink that was never opened has no cursor to store, and what is on the disk may be worth more.
      unstored = this.state === 'starting' ? undefined : this.#cursorProblem();
      for (const lane of this.lanes) lane.end();
      return this.#sink.close(outcome);
    });
    return (problem ?? unstored)?.message;
  }

  /**
   * The same within one call, for a process that is ending: delivers, flushes and closes as far as the sink works
   * synchronously. What it cannot finish stays owed, in the log.
   */
  endNow(outcome: SinkOutcome): void {
    for (const lane of this.lanes) {
      lane.retryNow();
      for (let progress = lane.advance(); progress === 'delivered'; progress = lane.advance());
    }
    if (this.#calls.isBusy) return;
    // Of a sink that works synchronously both are over when they return.
    void this.flush();
    void this.close(outcome);
  }

  settlement(reason: string | undefined): SinkSettlement {
    return {
      sink: this.name,
      owedRecords: this.#logs.recordsAfter((writer) =>
        this.lanes.map((lane) => lane.deliveredPosition(writer)).reduce(earlier),
      ),
      skippedSteps: this.main.skippedSteps,
      deliveredSteps: this.main.deliveredSteps,
      reason,
    };
  }

  health(): SinkHealth {
    return {
      ...this.main.health(),
      skippedKinds: this.main.skippedKinds,
      skippedSteps: this.main.skippedSteps,
      ...(this.uploads === undefined ? {} : { uploads: this.uploads.health() }),
    };
  }

  #hasEnded(): boolean {
    return this.state === 'stopped' || this.state === 'closed';
  }

  #openSink(): void | Promise<void> {
    return this.#sink.open?.({
      runId: this.#directory.runId,
      runDirectory: this.#directory.path,
      position: this.main.position,
      uploadPosition: this.uploads?.position,
      signal: this.#givenUp.signal,
      notify: (notice) => this.#onEvent({ type: 'sinkNotice', sink: this.name, notice }),
    });
  }

  #storeCursors(): void {
    for (const lane of this.lanes) lane.storeCursor();
  }

  #cursorProblem(): ErrorInfo | undefined {
    try {
      this.#storeCursors();
      return undefined;
    } catch (error) {
      return this.main.noted(error);
    }
  }

  /** Resolves to why a call that has the sink to itself failed, or undefined. */
  async #alone(call: () => void | Promise<void>): Promise<ErrorInfo | undefined> {
    return this.#calls.alone(() =>
      this.state === 'closed' ? { message: 'the sink is closed', code: 'RUNCAST_SINK_CLOSED' } : this.#answered(call),
    );
  }

  /** Why `call` failed, at once where it works synchronously; undefined where it did not. */
  #answered(call: () => void | Promise<void>): ErrorInfo | undefined | Promise<ErrorInfo | undefined> {
    try {
      const calling = call();
      if (calling === undefined) return undefined;
      return Promise.resolve(calling).then(
        () => undefined,
        (error: unknown) => this.main.noted(error),
      );
    } catch (error) {
      return this.main.noted(error);
    }
  }
}
