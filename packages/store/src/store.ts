/**
 * A run store as its readers see it, whichever database it is in. Everything is there while runs are still being written:
 * a reader never waits for a trainer, nor a trainer for a reader.
 */

import type { GitMetadata, JsonObject, JsonPrimitive, RunStatus, ScalarMap } from '@runcast/core';

export interface Store extends AsyncDisposable {
  /** The database, without secrets. */
  readonly address: string;
  /**
   * Runs that fit every filter, newest first where no order is asked for.
   *
   * @throws QueryError where a filter or an order is none.
   */
  runs(query?: RunQuery): Promise<readonly StoredRun[]>;
  /** Undefined where the store has no such run. */
  run(id: string): Promise<StoredRun | undefined>;
  /** Rows of metrics, by axis and step, then by time; what a resumed run superseded is left out. */
  history(id: string, query?: HistoryQuery): AsyncIterable<HistoryRow>;
  /**
   * One key of several runs, each run's points in the order of their steps, one a step: the later of two values stands. Runs
   * without the key are left out.
   */
  series(ids: readonly string[], key: string): Promise<ReadonlyMap<string, readonly SeriesPoint[]>>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface RunQuery {
  /**
   * All must hold. Each is `<field> <operator> <value>`, such as `status = finished`, `config.lr >= 1e-3`,
   * `summary.val/loss < 2`, `tag = baseline`, `config.optimizer != sgd`, `name ~ base`, or a field alone: it is there.
   */
  readonly where?: readonly string[];
  /** A field, `-` before it for the largest first: `-summary.val/accuracy`. Runs without it come last. */
  readonly orderBy?: string;
  /** 1 or more; all where left out. */
  readonly limit?: number;
}

export interface HistoryQuery {
  /** Only these metrics, and only rows that have one of them. */
  readonly keys?: readonly string[];
  /** `step`, `epoch`, `<series>/step`; all where left out. */
  readonly axis?: string;
  /** First and last step, both included. */
  readonly from?: number;
  readonly to?: number;
}

/** A run as the store has it. Times are Unix seconds. */
export interface StoredRun {
  readonly id: string;
  readonly project: string | undefined;
  readonly name: string | undefined;
  readonly entity: string | undefined;
  readonly group: string | undefined;
  readonly jobType: string | undefined;
  readonly notes: string | undefined;
  /** `running`, or how it ended. A run that is said to be running but was not heard of for minutes is `crashed`. */
  readonly status: RunStatus | 'running';
  readonly startedAt: number;
  /** Undefined while the run goes on. */
  readonly endedAt: number | undefined;
  /** When the store last heard of it. */
  readonly heartbeatAt: number;
  readonly durationSecs: number;
  readonly totalSteps: number;
  readonly host: string | undefined;
  readonly argv: readonly string[];
  readonly git: GitMetadata | undefined;
  readonly tags: readonly string[];
  readonly config: JsonObject;
  /** What logFinal and logSummary said, and of every other metric what its summary rule chooses: its last value, by default. */
  readonly summary: Readonly<Record<string, JsonPrimitive>>;
}

/** One record of metrics. */
export interface HistoryRow {
  readonly writer: string;
  readonly seq: number;
  readonly time: number;
  readonly kind: 'step' | 'epoch' | 'validation' | 'log' | 'system';
  /** What the step counts; undefined where the record has none. */
  readonly axis: string | undefined;
  readonly step: number | undefined;
  readonly metrics: ScalarMap;
}

/** One value of a curve. */
export interface SeriesPoint {
  readonly step: number;
  /** Unix seconds. */
  readonly time: number;
  /** NaN and infinities as they are. */
  readonly value: number;
}
