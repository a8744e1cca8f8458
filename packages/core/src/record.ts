/**
 * The record: what a run log holds, one JSON line each, and the closed union every sink switches over. The form is public
 * and documented, since people read it with jq and pandas: `seq` is dense per writer from 0, `time` is Unix seconds, keys
 * are canonical (`train/loss`), non-finite numbers are strings, blobs are paths below the run directory.
 */

import type { JsonObject, JsonPrimitive, JsonValue } from './json.ts';
import type { Scalar, ScalarMap } from './scalar.ts';

/** The format's version, in every record. */
export const RECORD_VERSION = 1;

export const RUN_STATUSES = ['finished', 'failed', 'crashed', 'unknown'] as const;
export const ALERT_LEVELS = ['info', 'warn', 'error'] as const;
export const IMAGE_FORMATS = ['png', 'jpeg', 'gif', 'webp', 'svg'] as const;
export const SUMMARY_RULES = ['last', 'min', 'max', 'mean', 'first', 'none'] as const;

/**
 * How a run ended. `crashed` is never written by the process it happened to: it is what readers conclude from a log
 * without an end whose writer is gone.
 */
export type RunStatus = (typeof RUN_STATUSES)[number];
export type AlertLevel = (typeof ALERT_LEVELS)[number];
export type ImageFormat = (typeof IMAGE_FORMATS)[number];
export type SummaryRule = (typeof SUMMARY_RULES)[number];

interface RecordHead {
  readonly v: typeof RECORD_VERSION;
  /** Dense per writer, from 0. */
  readonly seq: number;
  /** Unix time in seconds, with milliseconds as decimals. */
  readonly time: number;
}

/** State of the working tree the run was started from; the remote's credentials are removed. */
export interface GitMetadata {
  readonly commit: string;
  readonly branch?: string;
  readonly message?: string;
  readonly dirty?: boolean;
  readonly remote?: string;
}

/** The first record of every writer. */
export interface OpenRecord extends RecordHead {
  readonly kind: 'open';
  readonly run: string;
  readonly writer: string;
  readonly host: string;
  readonly pid: number;
  /** `owner` delivers the run and ends it; a `member` only appends to it. */
  readonly role: 'owner' | 'member';
  readonly config: JsonObject;
  readonly project?: string;
  readonly name?: string;
  readonly entity?: string;
  readonly group?: string;
  readonly job_type?: string;
  readonly notes?: string;
  readonly tags?: readonly string[];
  readonly git?: GitMetadata;
  readonly argv?: readonly string[];
  /** The run existed before; with `resume_step`, what was logged at or after that step is superseded. */
  readonly resumed?: boolean;
  readonly resume_step?: number;
}

export interface StepRecord extends RecordHead {
  readonly kind: 'step';
  /** Which of this writer's logStep calls it was, from 1. */
  readonly n: number;
  readonly step: number;
  readonly metrics: ScalarMap;
}

export interface EpochRecord extends RecordHead {
  readonly kind: 'epoch';
  readonly epoch: number;
  readonly metrics: ScalarMap;
}

export interface ValidationRecord extends RecordHead {
  readonly kind: 'validation';
  readonly epoch: number;
  readonly metrics: ScalarMap;
}

export interface FinalRecord extends RecordHead {
  readonly kind: 'final';
  readonly metrics: ScalarMap;
  readonly total_steps?: number;
}

export interface LogRecord extends RecordHead {
  readonly kind: 'log';
  readonly metrics: ScalarMap;
  /** Absent where the caller gave none. */
  readonly step?: number;
  /** The series whose own axis `<series>/step` the step belongs to; its keys are `<series>/<metric>`. */
  readonly series?: string;
}

export interface HparamsRecord extends RecordHead {
  readonly kind: 'hparams';
  readonly hparams: Readonly<Record<string, JsonPrimitive>>;
}

export interface ConfigRecord extends RecordHead {
  readonly kind: 'config';
  readonly config: JsonObject;
}

export interface TagsRecord extends RecordHead {
  readonly kind: 'tags';
  readonly tags: readonly string[];
}

export interface DefineMetricRecord extends RecordHead {
  readonly kind: 'define_metric';
  /** A key, or a prefix ending in `/*`. */
  readonly metric: string;
  readonly step?: string;
  readonly summary?: SummaryRule;
}

export interface SummaryRecord extends RecordHead {
  readonly kind: 'summary';
  readonly summary: Readonly<Record<string, JsonPrimitive>>;
}

export interface TableRecord extends RecordHead {
  readonly kind: 'table';
  readonly key: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly JsonValue[])[];
  readonly step?: number;
}

export interface BarChartRecord extends RecordHead {
  readonly kind: 'bar_chart';
  readonly key: string;
  readonly bars: ScalarMap;
  readonly step?: number;
}

export interface HistogramRecord extends RecordHead {
  readonly kind: 'histogram';
  readonly key: string;
  /** Ascending bucket edges, one more than there are counts; both empty where no value was finite. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  /** How many values were NaN or infinite, and so are in no bucket. */
  readonly non_finite: number;
  readonly step?: number;
}

/** Bytes kept beside the log. */
export interface StoredFile {
  /** Path below the run directory, with `/`. */
  readonly blob: string;
  readonly bytes: number;
}

/** Bytes kept beside the log under the name of their content. */
export interface BlobReference extends StoredFile {
  /** Hexadecimal SHA-256 of the content. */
  readonly sha256: string;
}

export interface ImageRecord extends RecordHead, BlobReference {
  readonly kind: 'image';
  readonly key: string;
  readonly format: ImageFormat;
  /** Pixels; absent for SVG. */
  readonly width?: number;
  readonly height?: number;
  readonly step?: number;
  readonly caption?: string;
}

export interface TextRecord extends RecordHead {
  readonly kind: 'text';
  readonly key: string;
  /** Markdown. */
  readonly text: string;
  readonly step?: number;
}

export interface FileEntry extends StoredFile {
  /** The name the file has in the backend, with its folder, with `/`. */
  readonly path: string;
}

export interface FileRecord extends RecordHead, FileEntry {
  readonly kind: 'file';
}

export interface ArtifactRecord extends RecordHead {
  readonly kind: 'artifact';
  readonly name: string;
  readonly type: string;
  readonly files: readonly FileEntry[];
  readonly aliases: readonly string[];
  readonly metadata: JsonObject;
}

export interface AlertRecord extends RecordHead {
  readonly kind: 'alert';
  readonly title: string;
  readonly text: string;
  readonly level: AlertLevel;
}

export interface SystemRecord extends RecordHead {
  readonly kind: 'system';
  readonly metrics: ScalarMap;
}

/** The last record of a writer that ended by itself. */
export interface CloseRecord extends RecordHead {
  readonly kind: 'close';
  readonly status: RunStatus;
  /** True where the run ends with this writer, false for a member that leaves. */
  readonly final: boolean;
}

export type RunRecord =
  | OpenRecord
  | StepRecord
  | EpochRecord
  | ValidationRecord
  | FinalRecord
  | LogRecord
  | HparamsRecord
  | ConfigRecord
  | TagsRecord
  | DefineMetricRecord
  | SummaryRecord
  | TableRecord
  | BarChartRecord
  | HistogramRecord
  | ImageRecord
  | TextRecord
  | FileRecord
  | ArtifactRecord
  | AlertRecord
  | SystemRecord
  | CloseRecord;

export type RecordKind = RunRecord['kind'];

/** Every kind there is, in the order of the documentation. */
export const RECORD_KINDS: readonly RecordKind[] = [
  'open',
  'step',
  'epoch',
  'validation',
  'final',
  'log',
  'hparams',
  'config',
  'tags',
  'define_metric',
  'summary',
  'table',
  'bar_chart',
  'histogram',
  'image',
  'text',
  'file',
  'artifact',
  'alert',
  'system',
  'close',
];

/** A record without what the log adds to it. */
export type RecordBody<R extends RunRecord = RunRecord> = R extends RunRecord ? Omit<R, keyof RecordHead> : never;

/** A metric value as the log holds it. Exported for sinks that write numbers. */
export type { Scalar, ScalarMap };
