/**
 * Valid records of every kind, with defaults for whatever a test does not care about. Nothing here reads a clock: a time is
 * given, or is {@link SAMPLE_TIME}.
 */

import type {
  AlertRecord,
  ArtifactRecord,
  BarChartRecord,
  CloseRecord,
  ConfigRecord,
  DefineMetricRecord,
  EpochRecord,
  FileRecord,
  FinalRecord,
  HistogramRecord,
  HparamsRecord,
  ImageRecord,
  LogRecord,
  OpenRecord,
  RunRecord,
  StepRecord,
  SummaryRecord,
  SystemRecord,
  TableRecord,
  TagsRecord,
  TextRecord,
  ValidationRecord,
} from '@runcast/core';
import { blobReference, PIXEL_PNG, SAMPLE_FILE, storedFile } from './blobs.ts';

/** Unix seconds of a record whose time nobody gave: 2026-11-21, 09:46:21.123 UTC. */
export const SAMPLE_TIME = 1_795_254_381.123;

/** What a test says about a record; the rest are defaults. */
export type Given<R extends RunRecord> = Partial<Omit<R, 'v' | 'kind'>>;

const HEAD = { v: 1, seq: 0, time: SAMPLE_TIME } as const;

export function openRecord(given: Given<OpenRecord> = {}): OpenRecord {
  return {
    ...HEAD,
    kind: 'open',
    run: 'run-1',
    writer: 'w1',
    host: 'trainer',
    pid: 4711,
    role: 'owner',
    config: { latent_dim: 32 },
    ...given,
  };
}

export function stepRecord(given: Given<StepRecord> = {}): StepRecord {
  return {
    ...HEAD,
    kind: 'step',
    n: 1,
    step: 1,
    metrics: { 'train/loss': 0.5, 'train/perplexity': Math.exp(0.5) },
    ...given,
  };
}

export function epochRecord(given: Given<EpochRecord> = {}): EpochRecord {
  return { ...HEAD, kind: 'epoch', epoch: 1, metrics: { 'epoch/loss': 0.5 }, ...given };
}

export function validationRecord(given: Given<ValidationRecord> = {}): ValidationRecord {
  return { ...HEAD, kind: 'validation', epoch: 1, metrics: { 'val/loss': 0.5 }, ...given };
}

export function finalRecord(given: Given<FinalRecord> = {}): FinalRecord {
  return { ...HEAD, kind: 'final', metrics: { 'final/loss': 0.5 }, ...given };
}

export function logRecord(given: Given<LogRecord> = {}): LogRecord {
  return { ...HEAD, kind: 'log', metrics: { 'production/iron-plate': 450.5 }, ...given };
}

export function hparamsRecord(given: Given<HparamsRecord> = {}): HparamsRecord {
  return {
    ...HEAD,
    kind: 'hparams',
    hparams: { model_family: 'bigram', batch_size: 32, learning_rate: 3e-4 },
    ...given,
  };
}

export function configRecord(given: Given<ConfigRecord> = {}): ConfigRecord {
  return { ...HEAD, kind: 'config', config: { eval_samples: 3072 }, ...given };
}

export function tagsRecord(given: Given<TagsRecord> = {}): TagsRecord {
  return { ...HEAD, kind: 'tags', tags: ['baseline'], ...given };
}

export function defineMetricRecord(given: Given<DefineMetricRecord> = {}): DefineMetricRecord {
  return { ...HEAD, kind: 'define_metric', metric: 'training/operator/*', step: 'training/operator/step', ...given };
}

export function summaryRecord(given: Given<SummaryRecord> = {}): SummaryRecord {
  return { ...HEAD, kind: 'summary', summary: { 'eval/nrmse': 0.09 }, ...given };
}

export function tableRecord(given: Given<TableRecord> = {}): TableRecord {
  return {
    ...HEAD,
    kind: 'table',
    key: 'eval/comparison',
    columns: ['model', 'nrmse'],
    rows: [
      ['baseline', 0.12],
      ['ttc', 0.09],
    ],
    ...given,
  };
}

export function barChartRecord(given: Given<BarChartRecord> = {}): BarChartRecord {
  return { ...HEAD, kind: 'bar_chart', key: 'physics/violations', bars: { mass: 3, energy: 1 }, ...given };
}

export function histogramRecord(given: Given<HistogramRecord> = {}): HistogramRecord {
  return {
    ...HEAD,
    kind: 'histogram',
    key: 'weights/dense_1',
    edges: [-1, 0, 1],
    counts: [3, 5],
    non_finite: 0,
    ...given,
  };
}

/** Refers to {@link PIXEL_PNG}. */
export function imageRecord(given: Given<ImageRecord> = {}): ImageRecord {
  return {
    ...HEAD,
    kind: 'image',
    key: 'eval/heatmap',
    format: 'png',
    width: 1,
    height: 1,
    ...blobReference(PIXEL_PNG, '.png'),
    ...given,
  };
}

export function textRecord(given: Given<TextRecord> = {}): TextRecord {
  return { ...HEAD, kind: 'text', key: 'samples', text: '**once** upon a time', ...given };
}

/** Refers to {@link SAMPLE_FILE}. */
export function fileRecord(given: Given<FileRecord> = {}): FileRecord {
  return { ...HEAD, kind: 'file', path: 'checkpoints/operator.bin', ...storedFile(SAMPLE_FILE, '.bin'), ...given };
}

/** One file, {@link SAMPLE_FILE}. */
export function artifactRecord(given: Given<ArtifactRecord> = {}): ArtifactRecord {
  return {
    ...HEAD,
    kind: 'artifact',
    name: 'summary',
    type: 'report',
    files: [{ path: 'summary.bin', ...storedFile(SAMPLE_FILE, '.bin') }],
    aliases: ['latest'],
    metadata: {},
    ...given,
  };
}

export function alertRecord(given: Given<AlertRecord> = {}): AlertRecord {
  return { ...HEAD, kind: 'alert', title: 'Loss is rising', text: 'for 100 steps', level: 'warn', ...given };
}

export function systemRecord(given: Given<SystemRecord> = {}): SystemRecord {
  return { ...HEAD, kind: 'system', metrics: { 'system/cpu': 0.25 }, ...given };
}

export function closeRecord(given: Given<CloseRecord> = {}): CloseRecord {
  return { ...HEAD, kind: 'close', status: 'finished', final: true, ...given };
}
