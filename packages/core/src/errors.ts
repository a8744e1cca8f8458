/**
 * The errors that leave Runcast, each with a stable `code` to switch over. Configuration and identity mistakes are thrown
 * when opening; sink errors tell delivery what to do next and never reach the trainer.
 */

import type { JsonObject } from './json.ts';

/** One thing wrong with what was configured. */
export interface ConfigProblem {
  /** The variable or option at fault, such as `TENSORBOARD__FLUSH_SECS` or `run.id`. */
  readonly variable: string;
  /** What it holds and what it expects, secrets redacted. */
  readonly message: string;
}

/** Everything wrong with a configuration, all problems at once. */
export class ConfigError extends Error {
  readonly code = 'RUNCAST_CONFIG';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map((problem) => `  ${problem.variable}: ${problem.message}`);
    super(
      `${problems.length === 1 ? '1 configuration problem' : `${problems.length} configuration problems`}\n${lines.join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** The run cannot be opened as asked: it exists already, does not exist, or its directory cannot be used. */
export class RunOpenError extends Error {
  readonly code = 'RUNCAST_RUN_OPEN';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RunOpenError';
  }
}

/** A log that cannot be read as one: what is wrong with it, and where. */
export class RunLogError extends Error {
  readonly code = 'RUNCAST_RUN_LOG';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RunLogError';
  }
}

/** A sink's call failed for now and may be repeated. What a sink throws that is none of these counts as this. */
export class RetryableSinkError extends Error {
  readonly code = 'RUNCAST_SINK_RETRYABLE';
  /** How long the backend asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options?: ErrorOptions & { readonly retryAfterMs?: number }) {
    super(message, options);
    this.name = 'RetryableSinkError';
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** The backend will never take anything more as things are (a bad key, no such project): the sink stops, the log keeps what is owed. */
export class TerminalSinkError extends Error {
  readonly code = 'RUNCAST_SINK_TERMINAL';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TerminalSinkError';
  }
}

/**
 * The backend no longer holds what the position says (a file was removed or cut): delivery opens the sink again without a
 * position and sends the run from its start. A sink that knows what its backend still has says so in `held`: delivery then
 * goes on with the same sink, from there.
 */
export class PositionLostError extends Error {
  readonly code = 'RUNCAST_POSITION_LOST';
  /** The last `seq` that is still there, by writer; -1 where nothing is. Writers left out have lost nothing. */
  readonly held: ReadonlyMap<string, number> | undefined;

  constructor(message: string, options?: ErrorOptions & { readonly held?: ReadonlyMap<string, number> }) {
    super(message, options);
    this.name = 'PositionLostError';
    this.held = options?.held;
  }
}

/** One record that a backend refuses for ever. */
export interface RecordRefusal {
  readonly seq: number;
  readonly reason: string;
}

/**
 * The backend refuses some records of a batch for ever. None of the batch counts as written: delivery sets these aside
 * and repeats the batch without them.
 */
export class RecordsRefusedError extends Error {
  readonly code = 'RUNCAST_RECORDS_REFUSED';
  readonly refusals: readonly RecordRefusal[];

  constructor(refusals: readonly RecordRefusal[]) {
    super(`${refusals.length} records refused, the first because: ${refusals[0]?.reason ?? 'no reason given'}`);
    this.name = 'RecordsRefusedError';
    this.refusals = refusals;
  }
}

/** A flush that did not reach a sink: in the AggregateError that {@link MetricsPublisher.flush} rejects with. */
export class UndeliveredError extends Error {
  readonly code = 'RUNCAST_UNDELIVERED';
  readonly sink: string;
  readonly owedRecords: number;

  constructor(sink: string, owedRecords: number, reason: string) {
    super(`${sink}: ${owedRecords} records not delivered: ${reason}`);
    this.name = 'UndeliveredError';
    this.sink = sink;
    this.owedRecords = owedRecords;
  }
}

/** The message of anything that was thrown, for a log line or an event. */
export function errorMessage(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    // It has no prototype, or a `message` or `toString` that throws.
    return 'an error that cannot be shown';
  }
}

/** The operating system's or library's error code, where the error has one. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** An error as data that crosses threads and goes into health reports. */
export interface ErrorInfo extends JsonObject {
  readonly message: string;
  readonly code: string;
}

export function errorInfo(error: unknown): ErrorInfo {
  return { message: errorMessage(error), code: errorCode(error) ?? 'UNKNOWN' };
}
