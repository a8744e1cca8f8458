/**
 * The publisher as its users see it: what they log to, what it tells them, and how it ends.
 */

import type { EventEmitter } from 'eventemitter3';
import type { ErrorInfo } from './errors.ts';
import type { JsonObject } from './json.ts';
import type { MetricShapes, MetricsLogger } from './metrics.ts';
import type { RunStatus } from './record.ts';

export type ResumeMode = 'never' | 'allow' | 'must';

/** Which run to open. Everything may be left out. */
export interface RunOptions {
  /** Made from the time and a random part where left out. See {@link checkRunId} for what it may be. */
  readonly id?: string;
  readonly project?: string;
  readonly name?: string;
  readonly entity?: string;
  readonly group?: string;
  readonly jobType?: string;
  readonly notes?: string;
  readonly tags?: readonly string[];
  readonly config?: JsonObject;
  /** What to do where the run exists: `never` refuses, `allow` goes on with it, `must` refuses where it does not exist. */
  readonly resume?: ResumeMode;
  /** Go on from this step: what was logged at or after it is superseded in every sink. */
  readonly resumeStep?: number;
}

/** The run that was opened. */
export interface RunInfo {
  readonly id: string;
  readonly name: string | undefined;
  readonly project: string | undefined;
  /** Absolute path of the run directory; undefined where no sink is on and nothing is written. */
  readonly directory: string | undefined;
  /** Where the run can be seen, once a backend has said so. */
  readonly url: string | undefined;
}

export type SinkState = 'starting' | 'delivering' | 'retrying' | 'stopped' | 'closed';

/** How far one lane of a sink is. Records are counted over this publisher's life and all writers of the run. */
export interface LaneHealth {
  readonly state: SinkState;
  /** Records the lane has taken. */
  readonly delivered: number;
  /** Records the backend refused for ever, kept in the dead-letter file. */
  readonly refused: number;
  /** What the log holds and the lane has not come to yet. */
  readonly lagRecords: number;
  readonly lagBytes: number;
  readonly retries: number;
  readonly lastError: ErrorInfo | undefined;
}

/** How one sink is doing: its own lane, and beside it that of its uploads. */
export interface SinkHealth extends LaneHealth {
  /** Records read past because the sink does not represent their kind. */
  readonly skippedKinds: number;
  /** Step records read past because of `LOG_EVERY_N_STEPS`. */
  readonly skippedSteps: number;
  /** Absent where the sink has no uploads. */
  readonly uploads?: LaneHealth;
}

export interface LogHealth {
  /** Records appended to this writer's log. */
  readonly records: number;
  /** Bytes not yet with the operating system. */
  readonly pendingBytes: number;
  /** Records lost because the disk stayed full or broken for longer than memory lasted. */
  readonly dropped: number;
  readonly lastError: ErrorInfo | undefined;
}

export interface PublisherHealth {
  /** Where deliveries run: `none` where no sink is on, or another process owns the run. */
  readonly host: 'worker' | 'inline' | 'none';
  /** Why it is not the host that was asked for. */
  readonly hostReason: string | undefined;
  readonly log: LogHealth;
  /** Values that could not be recorded. */
  readonly rejected: number;
  readonly sinks: Readonly<Record<string, SinkHealth>>;
}

/** A value that was not recorded. Reported once per call and key; all are counted in health. */
export interface Rejection {
  /** The method that was called. */
  readonly call: string;
  /** The metric or field at fault. */
  readonly key: string;
  readonly reason: string;
}

export interface SinkErrorEvent {
  readonly sink: string;
  readonly error: ErrorInfo;
  /** The sink has stopped for this publisher's life; the log keeps what it is owed. */
  readonly terminal: boolean;
}

export interface RetryEvent {
  readonly sink: string;
  /** Which repetition it will be, from 1. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly error: ErrorInfo;
}

export interface RecoveredEvent {
  readonly sink: string;
  /** Failed attempts before it worked again. */
  readonly attempts: number;
}

/** Where a backend shows the run. */
export interface RunUrlEvent {
  readonly sink: string;
  readonly url: string;
}

/** Somebody has asked at a backend that training stop: whether it does is the trainer's decision. */
export interface StopRequestedEvent {
  readonly sink: string;
}

/** What the user should know of a sink that is no error. */
export interface NoticeEvent {
  readonly sink: string;
  readonly message: string;
}

/** What a sink is still owed. */
export interface Undelivered {
  readonly sink: string;
  readonly records: number;
  readonly reason: string;
  /** The command that delivers it. */
  readonly command: string;
}

/** How a publisher ended. */
export interface CloseReport {
  readonly status: RunStatus;
  /** True where every sink has everything. */
  readonly complete: boolean;
  readonly undelivered: readonly Undelivered[];
  readonly health: PublisherHealth;
  /** What the user should know: for one, that a sink got no step at all because of its `LOG_EVERY_N_STEPS`. */
  readonly notices: readonly string[];
}

/** Events of a publisher, for eventemitter3. */
export interface PublisherEvents {
  sinkError: (event: SinkErrorEvent) => void;
  retry: (event: RetryEvent) => void;
  rejected: (event: Rejection) => void;
  /** A sink, or the log itself (`sink: 'log'`), works again. */
  recovered: (event: RecoveredEvent) => void;
  runUrl: (event: RunUrlEvent) => void;
  stopRequested: (event: StopRequestedEvent) => void;
  notice: (event: NoticeEvent) => void;
  undelivered: (event: Undelivered) => void;
  closed: (report: CloseReport) => void;
}

export type PublisherListener<E extends keyof PublisherEvents> = EventEmitter.EventListener<PublisherEvents, E>;

export interface FlushOptions {
  /** 30,000 where left out. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface CloseOptions {
  /** `finished` where left out. */
  readonly status?: RunStatus;
  /** `RUNCAST__CLOSE_TIMEOUT_SECS` where left out. */
  readonly timeoutMs?: number;
}

export interface MetricsPublisher<Shapes extends MetricShapes = MetricShapes>
  extends MetricsLogger<Shapes>, AsyncDisposable {
  /** As it is known now: its URL comes once a backend has said it. */
  readonly run: RunInfo;
  /** Path of the context file by which subprocesses join the run; undefined where nothing is written. */
  readonly contextFile: string | undefined;
  /** Variables to spread into a subprocess's environment, so that its publisher joins this run. */
  readonly childEnv: Readonly<Record<string, string>>;
  health(): PublisherHealth;
  on<E extends keyof PublisherEvents>(event: E, listener: PublisherListener<E>): this;
  once<E extends keyof PublisherEvents>(event: E, listener: PublisherListener<E>): this;
  off<E extends keyof PublisherEvents>(event: E, listener: PublisherListener<E>): this;
  /**
   * Resolves when everything logged before is durable in every sink. Rejects with an AggregateError of
   * {@link UndeliveredError}s naming those it is not in: the one call that throws for a backend.
   */
  flush(options?: FlushOptions): Promise<void>;
  /** Ends the run, delivers what is owed as long as the timeout allows, and releases everything. Never rejects; idempotent. */
  close(options?: CloseOptions): Promise<CloseReport>;
}
