/**
 * What an event file holds, as a closed union: whoever wrote it, whichever of the two layouts of scalars, histograms and
 * images it has.
 */

/** Which run an event belongs to, when it was written and for which step. */
interface EventHead {
  /** Directory of its file relative to the one that is read, with `/`; `.` for that one itself. */
  readonly run: string;
  /** The nearest double: exact up to 2^53, and rounded beyond, where {@link EventHead.exactStep} has all digits. */
  readonly step: number;
  /** The step itself, present only where it is beyond 2^53 in either direction. Steps are int64 in the file. */
  readonly exactStep?: bigint;
  /** Unix time in seconds. */
  readonly wallTime: number;
}

/** An event of one tag. */
interface TaggedEvent extends EventHead {
  readonly tag: string;
  /** Markdown beside the chart, from the first metadata of the tag in its run; absent where there is none. */
  readonly description?: string;
}

/** Either layout of a scalar: `simple_value`, or a tensor of rank 0. */
export interface ScalarEvent extends TaggedEvent {
  readonly kind: 'scalar';
  /** NaN and the infinities as they are. What was written as a float32 has its digits. */
  readonly value: number;
}

/** Left edge, right edge and count. */
export type HistogramBucket = readonly [number, number, number];

/**
 * Either layout of a histogram. The legacy one has its outer edges at the least and greatest value, and no empty buckets
 * outside of these.
 */
export interface HistogramEvent extends TaggedEvent {
  readonly kind: 'histogram';
  readonly value: readonly HistogramBucket[];
}

export interface TextEvent extends TaggedEvent {
  readonly kind: 'text';
  /** One string for text of rank 0; cells in row-major order for more. */
  readonly value: readonly string[];
  readonly shape: readonly number[];
}

export interface ImageEvent extends TaggedEvent {
  readonly kind: 'image';
  /** Encoded image files (PNG, mostly), as they were written and unchecked. */
  readonly value: readonly Uint8Array[];
  /** Pixels, as the file claims; 0 where it claims nothing. */
  readonly width: number;
  readonly height: number;
}

export type HparamValue = string | number | boolean | null;

export interface SessionStartEvent extends TaggedEvent {
  readonly kind: 'hparams_session_start';
  readonly value: {
    /** Lists and objects, which no dashboard shows, are left out. */
    readonly hparams: Readonly<Record<string, HparamValue>>;
    readonly groupName: string;
    readonly modelUri: string;
    readonly monitorUrl: string;
    /** Unix seconds; 0 where not given. */
    readonly startTime: number;
  };
}

export interface SessionEndEvent extends TaggedEvent {
  readonly kind: 'hparams_session_end';
  readonly value: {
    readonly status: 'unknown' | 'success' | 'failure' | 'running';
    /** Unix seconds; 0 where not given. */
    readonly endTime: number;
  };
}

/** The columns of the HParams page. Domains of hyperparameters are left out. */
export interface ExperimentEvent extends TaggedEvent {
  readonly kind: 'hparams_experiment';
  readonly value: {
    readonly name: string;
    readonly user: string;
    readonly markdown: string;
    /** Unix seconds; 0 where not given. */
    readonly timeCreated: number;
    readonly hparams: readonly {
      readonly name: string;
      readonly displayName: string;
      readonly description: string;
      readonly type: 'unset' | 'string' | 'bool' | 'float64';
    }[];
    readonly metrics: readonly {
      readonly group: string;
      readonly tag: string;
      readonly displayName: string;
      readonly description: string;
    }[];
  };
}

export interface SessionLogEvent extends EventHead {
  readonly kind: 'session_log';
  /** `start` of a resumed run says that points at or after its step are superseded. */
  readonly value: 'unspecified' | 'start' | 'stop' | 'checkpoint';
}

/** The first event of a file: `brain.Event:2`. */
export interface FileVersionEvent extends EventHead {
  readonly kind: 'file_version';
  readonly value: string;
  /** Absolute path, or relative as the path given was. */
  readonly file: string;
}

/** Something that is well-formed and has no kind here: audio, graphs, tensors of other plugins. */
export interface UnknownEvent extends EventHead {
  readonly kind: 'unknown';
  /** Absent for what is no summary value. */
  readonly tag?: string;
  /** The plugin that the tag belongs to, or empty. */
  readonly plugin: string;
  /** The field of Event or Summary.Value that it lies in; `none` for a value without one. */
  readonly form: string;
  /** That field's content, encoded. */
  readonly value: Uint8Array;
}

/**
 * - `length-checksum`, `zero-tail` (zero bytes where a record should begin), `gigantic-length` (over 2 GiB under a good
 *   checksum): nothing behind it in the file can be found.
 * - `truncated`: the file ends within a record. Not reported while following, since the rest may still come.
 * - `data-checksum`, `invalid-protobuf`: this record is left out, the file goes on.
 * - `invalid-utf8`: this value, or this record where it is no value's, is left out.
 * - `unreadable`: the file or directory cannot be opened or read; `detail` has the system's message.
 */
export type CorruptProblem =
  | 'length-checksum'
  | 'data-checksum'
  | 'truncated'
  | 'zero-tail'
  | 'gigantic-length'
  | 'invalid-protobuf'
  | 'invalid-utf8'
  | 'unreadable';

/** Something that cannot be read. It takes its place among the events, and reading goes on where it can. */
export interface CorruptEvent {
  readonly kind: 'corrupt';
  readonly run: string;
  readonly file: string;
  /** Byte at which the record starts. */
  readonly offset: number;
  readonly problem: CorruptProblem;
  /** For people. */
  readonly detail: string;
}

export type TensorboardEvent =
  | ScalarEvent
  | HistogramEvent
  | TextEvent
  | ImageEvent
  | SessionStartEvent
  | SessionEndEvent
  | ExperimentEvent
  | SessionLogEvent
  | FileVersionEvent
  | UnknownEvent
  | CorruptEvent;
