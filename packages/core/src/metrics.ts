/**
 * The shapes of what a trainer logs. The defaults are a language model's; a project declares its own once, as a type
 * argument of `publisherFromEnv`, and from then on a misspelt or missing metric does not compile.
 */

import type { JsonObject, JsonPrimitive, JsonValue } from './json.ts';
import type { AlertLevel, SummaryRule } from './record.ts';

/** Further scalars of one row, by name. Values are doubles; NaN and infinities are kept. */
export type ExtraMetrics = Readonly<Record<string, number>>;

/** Hyperparameters of the default shape. `extra` takes any others; they stand beside the named ones everywhere. */
export interface LanguageModelHparams {
  readonly model_family: string;
  readonly model_size: string;
  readonly batch_size: number;
  readonly learning_rate: number;
  readonly max_seq_len: number;
  readonly num_epochs: number;
  readonly extra?: Readonly<Record<string, JsonPrimitive>>;
}

/** A project's own metrics, each an object type of numbers (`hparams`: of JSON scalars). What is left out keeps its default. */
export interface MetricShapes {
  readonly step?: object;
  readonly epoch?: object;
  readonly validation?: object;
  readonly final?: object;
  readonly hparams?: object;
}

interface LossMetrics {
  /** Mean negative log-likelihood in nats. Perplexity, exp(loss), is derived from it. */
  readonly loss: number;
}

type Shaped<Shapes extends MetricShapes, Call extends keyof MetricShapes, Default> = Shapes extends {
  readonly [K in Call]: infer Metrics extends object;
}
  ? Readonly<Metrics>
  : Default;

interface WithExtraMetrics {
  /** Further scalars, recorded beside the typed ones under the same prefix. */
  readonly metrics?: ExtraMetrics;
}

export type StepMetrics<Shapes extends MetricShapes = MetricShapes> = Shaped<Shapes, 'step', LossMetrics> &
  WithExtraMetrics & {
    /** A non-negative integer up to 2^53 - 1. */
    readonly step: number;
  };

export type EpochMetrics<Shapes extends MetricShapes = MetricShapes> = Shaped<Shapes, 'epoch', LossMetrics> &
  WithExtraMetrics & { readonly epoch: number };

export type ValidationMetrics<Shapes extends MetricShapes = MetricShapes> = Shaped<Shapes, 'validation', LossMetrics> &
  WithExtraMetrics & { readonly epoch: number };

export type FinalMetrics<Shapes extends MetricShapes = MetricShapes> = Shaped<Shapes, 'final', LossMetrics> &
  WithExtraMetrics & { readonly total_steps?: number };

export type Hparams<Shapes extends MetricShapes = MetricShapes> = Shaped<Shapes, 'hparams', LanguageModelHparams>;

export interface StepOption {
  /** A non-negative integer up to 2^53 - 1. */
  readonly step?: number;
}

export interface SummaryOptions {
  /** Put before each key, with a `/`. */
  readonly prefix?: string;
}

export interface Table {
  readonly columns: readonly string[];
  /** Each row as long as `columns`. */
  readonly rows: readonly (readonly JsonValue[])[];
}

export interface HistogramOptions extends StepOption {
  /** How many equal buckets between the least and the greatest value, 1 to 1000; 30 where left out. */
  readonly buckets?: number;
}

/** Encoded image bytes (PNG, JPEG, GIF, WebP), an SVG document, or the path of a file holding one of these. */
export type ImageSource = Uint8Array | { readonly svg: string } | { readonly path: string };

export interface ImageOptions extends StepOption {
  readonly caption?: string;
}

export interface SaveFileOptions {
  /** The folder the stored name is relative to; the working directory where left out. */
  readonly base?: string;
}

export interface Artifact {
  readonly name: string;
  readonly type: string;
  /** Paths of its files, relative ones from `base`. */
  readonly files: readonly string[];
  readonly base?: string;
  readonly aliases?: readonly string[];
  readonly metadata?: JsonObject;
}

export interface Alert {
  readonly title: string;
  readonly text: string;
  readonly level?: AlertLevel;
}

export interface MetricDefinition {
  /** The key that is this metric's x axis. */
  readonly step?: string;
  readonly summary?: SummaryRule;
}

/**
 * Everything a trainer can log.
 *
 * - Ordering: records keep the order of the calls.
 * - Durability: when a call returns, its record is with the operating system, at any rate up to some 50,000 a second.
 * - Errors: no call throws. What cannot be recorded is counted and reported once per key by the `rejected` event.
 */
export interface MetricsLogger<Shapes extends MetricShapes = MetricShapes> {
  /** Records `train/<metric>` at `step`. */
  logStep(metrics: StepMetrics<Shapes>): void;
  /** Records `epoch/<metric>` at `epoch`. */
  logEpoch(metrics: EpochMetrics<Shapes>): void;
  /** Records `val/<metric>` at `epoch`. */
  logValidation(metrics: ValidationMetrics<Shapes>): void;
  /** Records `final/<metric>`, the run's result. */
  logFinal(metrics: FinalMetrics<Shapes>): void;
  /** Records the hyperparameters; once, before the first step. */
  logHparams(hparams: Hparams<Shapes>): void;
  /** Records one row of any keys. `step` is the row's step, not a metric. */
  log(metrics: ExtraMetrics, options?: StepOption): void;
  /** Records one row of a series: keys `<series>/<metric>`, on an axis of its own, `<series>/step`. */
  log(series: string, metrics: ExtraMetrics, options?: StepOption): void;
  /** Records final scalars: never a one-point chart where the backend has a summary. */
  logSummary(summary: Readonly<Record<string, JsonPrimitive>>, options?: SummaryOptions): void;
  /** Adds to the run's configuration; a key again replaces its value. */
  updateConfig(config: JsonObject): void;
  /** Adds tags to those the run has. */
  addTags(tags: readonly string[]): void;
  /** Declares the axis and the summary of a metric, or of all below a prefix ending in `/*`. */
  defineMetric(metric: string, definition: MetricDefinition): void;
  logTable(key: string, table: Table, options?: StepOption): void;
  logBarChart(key: string, bars: ExtraMetrics, options?: StepOption): void;
  /** Records how `values` are distributed, bucketed now: the array may be reused afterwards. */
  logHistogram(key: string, values: ArrayLike<number>, options?: HistogramOptions): void;
  logImage(key: string, image: ImageSource, options?: ImageOptions): void;
  /** Records Markdown. */
  logText(key: string, markdown: string, options?: StepOption): void;
  /** Copies the file as it is now; its stored name keeps its folder below `base`. */
  saveFile(path: string, options?: SaveFileOptions): void;
  logArtifact(artifact: Artifact): void;
  alert(alert: Alert): void;
}
