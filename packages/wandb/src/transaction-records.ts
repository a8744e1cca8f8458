/**
 * Records of a `.wandb` file as protobuf messages (wandb/proto/wandb_internal.proto in github.com/wandb/wandb); field numbers are
 * named after the fields there.
 */

import Pbf from 'pbf';
import type { AlertRecord, ArtifactRecord, SummaryRule } from '@runcast/core';
import { fieldText, valueText, type Field } from './json-text.ts';
import { barChartPanel } from './media.ts';
import type { MetricEntry } from './metric-definitions.ts';
import type { RunState } from './run-state.ts';
import { aliasesOf, artifactName, clientId, manifestDigest, type DigestedFile } from './artifact-manifest.ts';

/** Fields of `Record`. */
const NUM = 1;
const SUMMARY = 3;
const CONFIG = 5;
const FILES = 6;
const STATS = 7;
const ARTIFACT = 8;
const ALERT = 10;
const METRIC = 12;
const RUN = 17;
const EXIT = 18;

/** Of items of history, summary, configuration and statistics. */
const KEY = 1;
const NESTED_KEY = 2;
const VALUE_JSON = 16;

/** A record but for its number, which it gets from its place in the file. What comes back holds until the next record is asked. */
export type TransactionRecord = (num: number) => Uint8Array;

/** Where the run is to go, as far as it says. */
export interface OfflinePlace {
  readonly runId: string;
  readonly project: string;
  readonly entity: string | undefined;
  readonly group: string | undefined;
  readonly jobType: string | undefined;
}

type WriteFields = (pbf: Pbf) => void;

function record(field: number, write: WriteFields): TransactionRecord {
  return (num) => {
    const pbf = new Pbf();
    pbf.writeVarintField(NUM, num);
    message(pbf, field, write);
    return pbf.finish();
  };
}

function message(pbf: Pbf, field: number, write: WriteFields): void {
  pbf.writeMessage(field, (_: undefined, inner: Pbf) => write(inner), undefined);
}

function text(pbf: Pbf, field: number, value: string | null | undefined): void {
  if (value !== null && value !== undefined && value !== '') pbf.writeStringField(field, value);
}

function item(pbf: Pbf, field: number, [key, value]: Field): void {
  message(pbf, field, (inner) => {
    inner.writeStringField(KEY, key);
    inner.writeStringField(VALUE_JSON, fieldText(value));
  });
}

/** Makes the run, or changes its tags; its configuration comes with it. */
export function runRecord(state: RunState, place: OfflinePlace): TransactionRecord {
  const { identity, start, tags } = state;
  return record(RUN, (pbf) => {
    text(pbf, 1, place.runId);
    text(pbf, 2, place.entity);
    text(pbf, 3, place.project);
    message(pbf, 4, (config) => configItems(config, state.config));
    text(pbf, 6, place.group);
    text(pbf, 7, place.jobType);
    text(pbf, 8, identity?.name);
    text(pbf, 9, identity?.notes);
    for (const tag of tags) pbf.writeStringField(10, tag);
    text(pbf, 13, identity?.host);
    message(pbf, 17, (time) => timestamp(time, start));
    message(pbf, 21, (git) => {
      text(git, 1, identity?.repo);
      text(git, 2, identity?.commit);
    });
  });
}

/** Sets items of the configuration, and the panels of bar charts. */
export function configRecord(config: RunState['config'], charts: readonly string[]): TransactionRecord {
  return record(CONFIG, (pbf) => {
    configItems(pbf, config);
    for (const chart of charts)
      message(pbf, 1, (update) => {
        for (const name of ['_wandb', 'visualize', chart]) update.writeStringField(NESTED_KEY, name);
        update.writeStringField(VALUE_JSON, valueText(barChartPanel(chart)));
      });
  });
}

function configItems(pbf: Pbf, config: RunState['config']): void {
  for (const [key, value] of config) item(pbf, 1, [key, valueText(value)]);
}

export function summaryRecord(summary: RunState['summary']): TransactionRecord {
  return record(SUMMARY, (pbf) => {
    for (const field of summary) item(pbf, 1, field);
  });
}

/** System metrics; W&B puts `system.` before their names. */
export function statsRecord(time: number, items: readonly Field[]): TransactionRecord {
  return record(STATS, (pbf) => {
    message(pbf, 2, (inner) => timestamp(inner, time));
    for (const field of items) item(pbf, 3, field);
  });
}

export function metricRecord({ metric, step, summary, explicit }: MetricEntry): TransactionRecord {
  const isGlob = metric.endsWith('*');
  return record(METRIC, (pbf) => {
    pbf.writeStringField(isGlob ? 2 : 1, metric);
    text(pbf, 4, step);
    message(pbf, 6, (options) => {
      if (step !== null) options.writeBooleanField(1, true);
      if (explicit && !isGlob) options.writeBooleanField(3, true);
    });
    message(pbf, 7, (rules) => {
      if (summary !== null) rules.writeBooleanField(SUMMARY_FIELDS[summary], true);
    });
  });
}

/** Fields of `MetricSummary`. */
export const SUMMARY_FIELDS: Readonly<Record<SummaryRule, number>> = {
  min: 1,
  max: 2,
  mean: 3,
  last: 5,
  none: 6,
  first: 8,
};
/** `FilesItem.FileType`. */
const FILE_TYPES = { other: 0, media: 2 } as const;

/** A file below the directory `files`, to be uploaded at once. */
export function filesRecord(path: string, type: keyof typeof FILE_TYPES): TransactionRecord {
  return record(FILES, (pbf) =>
    message(pbf, 1, (file) => {
      file.writeStringField(1, path);
      file.writeVarintField(3, FILE_TYPES[type]);
    }),
  );
}

export function alertTransaction({ title, text: body, level }: AlertRecord): TransactionRecord {
  return record(ALERT, (pbf) => {
    text(pbf, 1, title);
    text(pbf, 2, body);
    text(pbf, 3, level.toUpperCase());
  });
}

/** @param files With `local`, where their bytes lie. */
export function artifactTransaction(
  artifact: ArtifactRecord,
  place: OfflinePlace,
  writer: string,
  files: readonly DigestedFile[],
): TransactionRecord {
  const name = artifactName(artifact.name);
  return record(ARTIFACT, (pbf) => {
    text(pbf, 1, place.runId);
    text(pbf, 2, place.project);
    text(pbf, 3, place.entity);
    text(pbf, 4, artifact.type);
    text(pbf, 5, name);
    text(pbf, 6, manifestDigest(files));
    text(pbf, 8, JSON.stringify(artifact.metadata));
    for (const alias of aliasesOf(artifact)) pbf.writeStringField(11, alias);
    message(pbf, 12, (manifest) => manifestFields(manifest, files));
    pbf.writeBooleanField(14, true);
    text(pbf, 15, clientId(place.runId, writer, String(artifact.seq)));
    text(pbf, 16, clientId(place.project, name));
  });
}

function manifestFields(pbf: Pbf, files: readonly DigestedFile[]): void {
  pbf.writeVarintField(1, 1);
  pbf.writeStringField(2, 'wandb-storage-policy-v1');
  message(pbf, 3, (config) => {
    config.writeStringField(1, 'storageLayout');
    config.writeStringField(2, '"V2"');
  });
  for (const { path, md5, bytes, local } of files)
    message(pbf, 4, (entry) => {
      entry.writeStringField(1, path);
      entry.writeStringField(2, md5);
      entry.writeVarintField(4, bytes);
      entry.writeStringField(6, local);
    });
}

/**
 * The last record: what comes after it is lost.
 *
 * @param runtime Whole seconds.
 */
export function exitRecord(exitCode: number, runtime: number): TransactionRecord {
  return record(EXIT, (pbf) => {
    pbf.writeVarintField(1, exitCode);
    pbf.writeVarintField(2, runtime);
  });
}

/** `google.protobuf.Timestamp`. */
function timestamp(pbf: Pbf, seconds: number): void {
  const whole = Math.floor(seconds);
  pbf.writeVarintField(1, whole);
  pbf.writeVarintField(2, Math.round((seconds - whole) * 1000) * 1_000_000);
}
