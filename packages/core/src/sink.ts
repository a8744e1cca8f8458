/**
 * The contract between delivery and a backend. A sink is naive: it holds no queue, timer, retry or environment. Delivery
 * calls one method at a time, in order, and owns everything that can go wrong between the calls. Only a sink's uploads, if
 * it has any, go beside its other calls.
 */

import type { JsonObject, JsonValue } from './json.ts';
import type { RecordKind, RunRecord, RunStatus } from './record.ts';

/** What a sink can represent and promise; the capability table and the contract tests are made from it. */
export interface SinkTraits {
  /** Kinds it represents. Records of other kinds are skipped knowingly and counted. */
  readonly kinds: readonly RecordKind[];
  /**
   * `exactly-once`: reopened with a {@link Sink.position} it returned, and given again what came after, the backend holds
   * every record once. `at-least-once`: after a crash the last batch may be there twice.
   */
  readonly guarantee: 'exactly-once' | 'at-least-once';
  /**
   * False where no run can be taken up: opened for one that was begun before, by whomever, the sink stops at its first write
   * with a TerminalSinkError and touches nothing, and the run log keeps what the backend lacks. True where left out.
   */
  readonly resumes?: false;
  /** `local` sinks write to this machine and are waited for when the process ends; `remote` ones are not. */
  readonly locality: 'local' | 'remote';
}

/** Records of one writer, in order. */
export interface RecordBatch {
  readonly writer: string;
  /** First and last `seq` the batch stands for. Between them may be records the sink does not take. */
  readonly from: number;
  readonly to: number;
  readonly records: readonly RunRecord[];
  /** The records as they stand in the log, to be read with `linesOf`. Left out where a batch does not come from a log. */
  readonly logged?: LoggedLines;
}

/** Lines of a log, and the very records that they are: of a batch with others they say nothing. */
export interface LoggedLines {
  readonly records: readonly RunRecord[];
  /** One line of JSON for each, without the line's end. */
  readonly lines: readonly string[];
}

/** What a sink is told when it is opened. */
export interface SinkContext {
  readonly runId: string;
  /** Absolute path of the run directory, to which blob paths are relative. */
  readonly runDirectory: string;
  /** What {@link Sink.position} returned for everything that is known to be delivered; undefined for a sink new to the run. */
  readonly position: JsonValue | undefined;
  /** The same of {@link UploadLane.position}, for what is known to be uploaded. */
  readonly uploadPosition: JsonValue | undefined;
  /**
   * Aborted when delivery gives the sink up because closing has taken as long as it may. Calls in flight should then reject
   * soon, as whatever they hold open would keep the process alive. A `close` still comes and has about a second.
   */
  readonly signal: AbortSignal;
  /** Tells the publisher's listeners. */
  readonly notify: (notice: SinkNotice) => void;
}

/** What a sink has to say apart from errors. */
export type SinkNotice =
  /** Where the run can be seen. */
  | { readonly type: 'runUrl'; readonly url: string }
  /** Somebody has asked at the backend that training stop. */
  | { readonly type: 'stopRequested' }
  /** What the user should know, in a sentence. */
  | { readonly type: 'notice'; readonly message: string };

/** How delivery ends with a sink. */
export interface SinkOutcome {
  readonly status: RunStatus;
  /** False where the run goes on elsewhere: another owner may open the sink again. */
  readonly final: boolean;
}

/**
 * A second lane with a cursor of its own, so that large payloads delay no curve. Its calls come one at a time and in order
 * like the sink's own, but may overlap with its writes and heartbeats. A failure is repeated, and a terminal one stops, in
 * this lane alone.
 */
export interface UploadLane {
  /** May overlap with {@link SinkTraits.kinds}: such a record goes through both lanes, in no order between them. */
  readonly kinds: readonly RecordKind[];
  /** As {@link Sink.write}, of records of these kinds. */
  write(batch: RecordBatch): void | Promise<void>;
  /** As {@link Sink.position}, of what was uploaded; handed back as {@link SinkContext.uploadPosition}. */
  position?(): JsonValue;
}

export interface Sink {
  /** Names its cursor file and its health: lower-case letters, digits and dashes, unique in a publisher. */
  readonly name: string;
  readonly traits: SinkTraits;
  /** Takes only step records whose `n` is a multiple of this; 1 where left out. */
  readonly logEveryNSteps?: number;
  /**
   * For payloads that take long. `open` comes before both lanes; `flush` and `close` come when neither has a call in flight,
   * and cover both.
   */
  readonly uploads?: UploadLane;
  /**
   * Acquires what it needs, called once before anything else. A local sink throws where it could never write (a directory
   * that is a file); a remote one must not wait for its backend here.
   */
  open?(context: SinkContext): void | Promise<void>;
  /**
   * Hands the batch to the backend. When it returns (or resolves), the batch is with the backend, as far as `flush` does not
   * promise more. When it throws, nothing of the batch counts as written, and the same batch comes again unless the error is
   * a TerminalSinkError. Local sinks work synchronously, so that they can be completed while a process exits.
   */
  write(batch: RecordBatch): void | Promise<void>;
  /** Everything written so far is durable, as far as the backend can say, when it returns (or resolves). */
  flush(): void | Promise<void>;
  /** Ends with the backend and releases everything. Called once, also after failures; no other call follows. */
  close(outcome: SinkOutcome): void | Promise<void>;
  /**
   * Where the backend stands after the last write that returned, as JSON. Delivery keeps it beside the cursor and hands it
   * back as {@link SinkContext.position}. Left out by sinks that deliver at least once.
   */
  position?(): JsonValue;
  /**
   * How long to leave the backend alone after a write, in milliseconds; asked after each. A flush and a close do not wait.
   *
   * @param behind More records are waiting than one write takes.
   */
  pauseMs?(behind: boolean): number;
  /** A heartbeat about every 5 s while the run is open, `now` in Unix milliseconds. */
  tick?(now: number): void | Promise<void>;
}

/** Makes a sink from its configuration. Acquires nothing: that is {@link Sink.open}'s. */
export type CreateSink = (config: JsonObject) => Sink;

/** A sink as data, which may live in a worker thread. Built-in factories such as `jsonlSink` return one. */
export interface SinkSpec {
  readonly name: string;
  /** URL of an ES module that exports `createSink`, a {@link CreateSink}. */
  readonly module: string;
  readonly config: JsonObject;
  /**
   * Loads the same module, for a host in this thread: a bundler follows it where it cannot follow a URL. Never sent to a
   * worker.
   */
  readonly load?: () => Promise<SinkModule>;
}

/** What the module of a {@link SinkSpec} exports. */
export interface SinkModule {
  readonly createSink: CreateSink;
}

export function isSinkSpec(sink: Sink | SinkSpec): sink is SinkSpec {
  return 'module' in sink;
}
