/**
 * The deliveries of a relay: each run that has something to deliver is opened as its owner would open it, with the same engine
 * and the same cursors, and let go when it has ended or nothing comes any more. As many are open at a time as a process can
 * well hold.
 */

import { errorMessage, type RunStatus, type Sink, type SinkSpec } from '@runcast/core';
import {
  cursorName,
  InlineHost,
  loadSink,
  type DeliveryEvent,
  type Scheduler,
  type SinkSettlement,
} from '@runcast/delivery';
import {
  acquireLease,
  listRuns,
  readManifest,
  runDirectory,
  updateManifest,
  withRunLogs,
  type Lease,
  type RunDirectory,
} from '@runcast/runlog';
import { decodeCursor, encodeCursor, hasLogsFor, mirrored, restoreCursor, sharedCursor } from './mirrored-sink.ts';

/** So much at once is delivered at once, while the next is on its way; less waits for the deliveries' own next look. */
const WAKE_UNITS = 65_536;
/** Each has a few files open for every sink and writer. */
const MAX_OPEN_RUNS = 64;
/** A run from which nothing has come for so long makes room, and is opened again by its next record. */
const IDLE_MS = 60_000;
/** A run that has just ended may have a member that still logs. */
const SETTLE_MS = 500;
const CLOSE_TIMEOUT_MS = 10_000;
const REOPEN_AFTER_MS = 10_000;

/** Where the cursors of backends are kept that are on no one machine. */
interface SharedCursors {
  read(field: string): Promise<string | undefined>;
  /** Rejects where another relay has taken over. */
  keep(field: string, cursor: string): Promise<void>;
}

export interface RunDeliveriesOptions {
  /** Directory of the runs. */
  readonly dir: string;
  readonly specs: readonly SinkSpec[];
  readonly cursors: SharedCursors;
  readonly scheduler: Scheduler;
  readonly onEvent: (run: string, event: DeliveryEvent) => void;
}

/** What a sink has not been given yet, over all runs that are open. */
export interface SinkBacklog {
  readonly sink: string;
  readonly records: number;
  readonly bytes: number;
}

interface OpenRun {
  readonly directory: RunDirectory;
  readonly host: InlineHost;
  readonly lease: Lease;
  touchedMs: number;
  /** Length of what has come since the deliveries were last told of it, in UTF-16 units. */
  unsaid: number;
  /** Whether it had ended when nothing had come since {@link touchedMs}; undefined before that was looked at. */
  hasEnded: boolean | undefined;
}

export class RunDeliveries {
  readonly #options: RunDeliveriesOptions;
  readonly #names: readonly string[];
  readonly #open = new Map<string, OpenRun>();
  /** Runs that wait for their turn, with when to try. */
  readonly #waiting = new Map<string, number>();

  constructor(options: RunDeliveriesOptions) {
    this.#options = options;
    this.#names = options.specs.map(({ name }) => name);
  }

  get openRuns(): number {
    return this.#open.size;
  }

  /** Runs in the directory that were not delivered to their ends when it was last used. */
  findUnsettled(): void {
    const { dir } = this.#options;
    for (const run of listRuns(dir)) if (readManifest(runDirectory(dir, run))?.settled !== true) this.touch(run, 0);
  }

  /** The run has got records, so many UTF-16 units of them. */
  touch(run: string, units: number): void {
    if (this.#names.length === 0) return;
    const open = this.#open.get(run);
    if (open === undefined) {
      if (!this.#waiting.has(run)) this.#waiting.set(run, -Infinity);
      return;
    }
    open.touchedMs = this.#options.scheduler.nowMs();
    open.hasEnded = undefined;
    open.unsaid += units;
    if (open.unsaid < WAKE_UNITS) return;
    open.unsaid = 0;
    open.host.wake();
  }

  /**
   * Opens runs that wait and lets go of those that are done. Only with `complete`, when everything that the stream holds has been
   * read, is a run opened of which a cursor speaks of more than its logs here hold. Rejects for nothing.
   */
  async advance(complete: boolean): Promise<void> {
    const now = this.#options.scheduler.nowMs();
    await Promise.all(
      [...this.#open]
        .filter(([, run]) => this.#isDone(run, now))
        .map(([id, run]) => this.#end(id, run, CLOSE_TIMEOUT_MS)),
    );
    for (const [run, notBeforeMs] of this.#waiting) {
      if (this.#open.size >= MAX_OPEN_RUNS) return;
      if (now >= notBeforeMs) await this.#begin(run, now, complete);
    }
  }

  backlog(): readonly SinkBacklog[] {
    const healths = [...this.#open.values()].map(({ host }) => host.health());
    return this.#names.map((sink) => ({
      sink,
      records: healths.reduce((sum, health) => sum + (health[sink]?.lagRecords ?? 0), 0),
      bytes: healths.reduce((sum, health) => sum + (health[sink]?.lagBytes ?? 0), 0),
    }));
  }

  /**
   * Lets go of every run: with a timeout once what is in the logs is delivered as far as the time allows, without one as
   * things are. Returns how many owe a sink something.
   */
  async close(timeoutMs: number | undefined): Promise<number> {
    const owing = await Promise.all([...this.#open].map(([id, run]) => this.#end(id, run, timeoutMs)));
    const waiting = this.#waiting.size;
    this.#waiting.clear();
    return owing.filter(Boolean).length + waiting;
  }

  /** Everything is delivered, and the run has ended, is idle, or another needs its place. */
  #isDone(run: OpenRun, now: number): boolean {
    const { directory, host } = run;
    const idleMs = now - run.touchedMs;
    if (idleMs < SETTLE_MS) return false;
    const isDelivered = Object.values(host.health()).every(
      ({ lagBytes, state }) => lagBytes === 0 || state === 'stopped',
    );
    if (!isDelivered) return false;
    const isCrowded = this.#open.size >= MAX_OPEN_RUNS && this.#waiting.size > 0;
    run.hasEnded ??= runEnd(directory) !== undefined;
    return isCrowded || idleMs >= IDLE_MS || run.hasEnded;
  }

  async #begin(run: string, now: number, complete: boolean): Promise<void> {
    const { dir, scheduler, onEvent } = this.#options;
    const directory = runDirectory(dir, run);
    let lease: Lease | undefined;
    try {
      lease = acquireLease(directory.leaseFile);
      if (lease === undefined || !(await this.#restoreCursors(directory, complete))) {
        lease?.release();
        this.#waiting.set(run, now + SETTLE_MS);
        return;
      }
      updateManifest(directory, this.#names, false);
      const sinks = await Promise.all(this.#options.specs.map((spec) => this.#sink(directory, spec)));
      const host = await InlineHost.open({ directory, sinks, scheduler, onEvent: (event) => onEvent(run, event) });
      this.#waiting.delete(run);
      this.#open.set(run, { directory, host, lease, touchedMs: now, unsaid: 0, hasEnded: undefined });
    } catch (error) {
      lease?.release();
      this.#waiting.set(run, now + REOPEN_AFTER_MS);
      const info = { message: errorMessage(error), code: 'RUNCAST_RELAY_RUN' };
      onEvent(run, { type: 'sinkError', sink: 'relay', error: info, terminal: false });
    }
  }

  /** Returns false where it is too early. */
  async #restoreCursors(directory: RunDirectory, complete: boolean): Promise<boolean> {
    for (const name of await this.#remoteCursors()) {
      const kept = await this.#options.cursors.read(cursorField(directory.runId, name));
      const cursor = kept === undefined ? undefined : decodeCursor(kept);
      if (cursor === undefined) continue;
      if (!complete && !hasLogsFor(directory, cursor)) return false;
      restoreCursor(directory, name, cursor);
    }
    return true;
  }

  async #remoteCursors(): Promise<readonly string[]> {
    const sinks = await Promise.all(this.#options.specs.map((spec) => loadSink(spec)));
    return sinks
      .filter(({ traits }) => traits.locality === 'remote')
      .flatMap(({ name, uploads }) => [
        cursorName(name, 'main'),
        ...(uploads === undefined ? [] : [cursorName(name, 'uploads')]),
      ]);
  }

  async #sink(directory: RunDirectory, spec: SinkSpec): Promise<Sink> {
    const sink = await loadSink(spec);
    if (sink.traits.locality === 'local') return sink;
    return mirrored(sink, {
      start: (lane) => sharedCursor(directory, cursorName(sink.name, lane)),
      keep: (lane, cursor) =>
        this.#options.cursors.keep(cursorField(directory.runId, cursorName(sink.name, lane)), encodeCursor(cursor)),
    });
  }

  /** Returns whether a sink is owed something. Without a timeout the run goes on elsewhere. */
  async #end(id: string, run: OpenRun, timeoutMs: number | undefined): Promise<boolean> {
    const { directory, host, lease } = run;
    this.#open.delete(id);
    try {
      const before = timeoutMs === undefined ? undefined : await host.flush(timeoutMs);
      const isComplete = before !== undefined && !before.some((settlement) => isOwing(settlement));
      const status = isComplete ? runEnd(directory) : undefined;
      const outcome = { status: status ?? 'unknown', final: status !== undefined } as const;
      const settlements = await host.close(outcome, isComplete ? CLOSE_TIMEOUT_MS : 0);
      const owes = settlements.some((settlement) => isOwing(settlement));
      updateManifest(directory, this.#names, !owes);
      return owes;
    } finally {
      lease.release();
    }
  }
}

function isOwing({ owedRecords, reason }: SinkSettlement): boolean {
  return owedRecords > 0 || reason !== undefined;
}

function cursorField(run: string, name: string): string {
  return `${run}/${name}`;
}

/** How the run's owner ended it; undefined while it goes on, or nobody knows. */
export function runEnd(directory: RunDirectory): RunStatus | undefined {
  return withRunLogs(directory.logDirectory, (logs) => {
    const last = logs.writers.flatMap((writer) => logs.reader(writer).lastRecord() ?? []);
    const ends = last.flatMap((record) => (record.kind === 'close' && record.final ? [record] : []));
    const end = ends.toSorted((one, other) => one.time - other.time).at(-1);
    // A run that was resumed has a log that began after that.
    const goesOn = last.some((record) => record.kind !== 'close' && record.time > (end?.time ?? 0));
    return goesOn ? undefined : end?.status;
  });
}
