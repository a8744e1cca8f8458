/**
 * Reads `.wandb` files, W&B's own and ours: what a run logged, record by record (wandb/proto/wandb_internal.proto in
 * github.com/wandb/wandb).
 */

import { readFileSync } from 'node:fs';
import { SUMMARY_RULES, toJson, type JsonValue, type SummaryRule } from '@runcast/core';
import Pbf from 'pbf';
import { parseJsonText } from './json-text.ts';
import { readFrames, type DamagedFrame } from './transaction-frames.ts';
import { SUMMARY_FIELDS } from './transaction-records.ts';

/** A value under its key, which is a path where it is nested. Non-finite numbers are the strings of the record format. */
export interface TransactionItem {
  readonly path: readonly string[];
  readonly value: JsonValue;
}

/** A file of an artifact. */
export interface TransactionArtifactFile {
  readonly path: string;
  /** Where its bytes lay on the machine that wrote the record; empty for a reference. */
  readonly localPath: string;
}

export type WandbTransaction =
  | {
      readonly kind: 'run';
      readonly runId: string;
      readonly entity: string;
      readonly project: string;
      readonly config: readonly TransactionItem[];
      readonly group: string;
      readonly jobType: string;
      readonly name: string;
      readonly notes: string;
      readonly tags: readonly string[];
      readonly host: string;
      /** Unix seconds; 0 where not told. */
      readonly startTime: number;
    }
  | { readonly kind: 'config' | 'history' | 'summary'; readonly items: readonly TransactionItem[] }
  | {
      readonly kind: 'stats';
      /** Unix seconds. */
      readonly time: number;
      readonly items: readonly TransactionItem[];
    }
  | { readonly kind: 'files'; readonly paths: readonly string[] }
  | {
      readonly kind: 'metric';
      /** A key, or a prefix ending in `*`. */
      readonly metric: string;
      readonly step: string;
      readonly summary: SummaryRule | undefined;
    }
  | {
      readonly kind: 'artifact';
      readonly name: string;
      readonly type: string;
      readonly aliases: readonly string[];
      /** JSON. */
      readonly metadata: string;
      readonly files: readonly TransactionArtifactFile[];
    }
  | { readonly kind: 'alert'; readonly title: string; readonly text: string; readonly level: string }
  | { readonly kind: 'exit'; readonly exitCode: number }
  /** What has no meaning here: console lines, requests, telemetry. */
  | { readonly kind: 'other'; readonly field: number };

/** What reading a file came to. */
export interface TransactionsRead {
  readonly transactions: readonly WandbTransaction[];
  /** Where the file was damaged; what comes after is not to be had. */
  readonly damage: DamagedFrame | undefined;
}

/** Throws the system's error where the file cannot be read. */
export function readTransactions(path: string): TransactionsRead {
  const transactions: WandbTransaction[] = [];
  const damage = readFrames(readFileSync(path), (payload) => {
    const transaction = readRecord(payload);
    if (transaction !== undefined) transactions.push(transaction);
  });
  return { transactions, damage };
}

/** What a message's fields come to, in the order in which they stand. */
type Fields = (field: number, pbf: Pbf) => void;

function read(pbf: Pbf, fields: Fields): void {
  pbf.readMessage((field: number, _: undefined, inner: Pbf) => fields(field, inner), undefined);
}

function readRecord(payload: Uint8Array): WandbTransaction | undefined {
  let found: WandbTransaction | undefined;
  // A copy: the reader looks at the whole buffer that a view is of.
  new Pbf(new Uint8Array(payload)).readFields((field: number, _: undefined, pbf: Pbf) => {
    found ??= readKind(field, pbf);
  }, undefined);
  return found;
}

/** Undefined for fields that are no record: its number, and how it travelled. */
function readKind(field: number, pbf: Pbf): WandbTransaction | undefined {
  switch (field) {
    case 2:
      return { kind: 'history', items: readItems(pbf, 1) };
    case 3:
      return { kind: 'summary', items: readItems(pbf, 1) };
    case 5:
      return { kind: 'config', items: readItems(pbf, 1) };
    case 6:
      return { kind: 'files', paths: readPaths(pbf) };
    case 7:
      return readStats(pbf);
    case 8:
      return readArtifact(pbf);
    case 10:
      return readAlert(pbf);
    case 12:
      return readMetric(pbf);
    case 17:
      return readRun(pbf);
    case 18:
      return readExit(pbf);
    case 1:
    case 16:
    case 19:
    case 200:
      return undefined;
    default:
      return { kind: 'other', field };
  }
}

function readItems(pbf: Pbf, itemField: number): readonly TransactionItem[] {
  const items: TransactionItem[] = [];
  read(pbf, (field, inner) => {
    if (field === itemField) items.push(readItem(inner));
  });
  return items;
}

function readItem(pbf: Pbf): TransactionItem {
  const path: string[] = [];
  let value: JsonValue = null;
  read(pbf, (field, inner) => {
    if (field === 1 || field === 2) path.push(inner.readString());
    else if (field === 16) value = parseWandbJson(inner.readString());
  });
  return { path, value };
}

/** JSON as W&B writes it, with NaN and the infinities as the strings of the record format. Null where it is none. */
export function parseWandbJson(text: string): JsonValue {
  const json = toJson(parseJsonText(text) ?? null);
  return json.ok ? json.value : null;
}

function readPaths(pbf: Pbf): readonly string[] {
  return readItems(pbf, 1).flatMap(({ path }) => path.slice(0, 1));
}

function readStats(pbf: Pbf): WandbTransaction {
  const items: TransactionItem[] = [];
  let time = 0;
  read(pbf, (field, inner) => {
    if (field === 2) time = readTimestamp(inner);
    else if (field === 3) items.push(readItem(inner));
  });
  return { kind: 'stats', time, items };
}

function readRun(pbf: Pbf): WandbTransaction {
  const texts = new Map<number, string>();
  const tags: string[] = [];
  let config: readonly TransactionItem[] = [];
  let startTime = 0;
  read(pbf, (field, inner) => {
    if ([1, 2, 3, 6, 7, 8, 9, 13].includes(field)) texts.set(field, inner.readString());
    else if (field === 4) config = readItems(inner, 1);
    else if (field === 10) tags.push(inner.readString());
    else if (field === 17) startTime = readTimestamp(inner);
  });
  const textOf = (field: number): string => texts.get(field) ?? '';
  return {
    kind: 'run',
    runId: textOf(1),
    entity: textOf(2),
    project: textOf(3),
    config,
    group: textOf(6),
    jobType: textOf(7),
    name: textOf(8),
    notes: textOf(9),
    tags,
    host: textOf(13),
    startTime,
  };
}

function readMetric(pbf: Pbf): WandbTransaction {
  let [metric, step] = ['', ''];
  let summary: SummaryRule | undefined;
  read(pbf, (field, inner) => {
    if (field === 1 || field === 2) metric = inner.readString();
    else if (field === 4) step = inner.readString();
    else if (field === 7)
      read(inner, (rule, value) => {
        if (value.readBoolean()) summary ??= SUMMARY_RULES.find((name) => SUMMARY_FIELDS[name] === rule);
      });
  });
  return { kind: 'metric', metric, step, summary };
}

function readAlert(pbf: Pbf): WandbTransaction {
  const texts = new Map<number, string>();
  read(pbf, (field, inner) => {
    if (field <= 3) texts.set(field, inner.readString());
  });
  return { kind: 'alert', title: texts.get(1) ?? '', text: texts.get(2) ?? '', level: texts.get(3) ?? '' };
}

function readArtifact(pbf: Pbf): WandbTransaction {
  const texts = new Map<number, string>();
  const aliases: string[] = [];
  const files: TransactionArtifactFile[] = [];
  read(pbf, (field, inner) => {
    if (field === 4 || field === 5 || field === 8) texts.set(field, inner.readString());
    else if (field === 11) aliases.push(inner.readString());
    else if (field === 12)
      read(inner, (part, manifest) => {
        if (part === 4) files.push(readArtifactFile(manifest));
      });
  });
  return {
    kind: 'artifact',
    type: texts.get(4) ?? '',
    name: texts.get(5) ?? '',
    metadata: texts.get(8) ?? '',
    aliases,
    files,
  };
}

function readArtifactFile(pbf: Pbf): TransactionArtifactFile {
  let [path, localPath] = ['', ''];
  read(pbf, (field, inner) => {
    if (field === 1) path = inner.readString();
    else if (field === 6) localPath = inner.readString();
  });
  return { path, localPath };
}

function readExit(pbf: Pbf): WandbTransaction {
  let exitCode = 0;
  read(pbf, (field, inner) => {
    if (field === 1) exitCode = inner.readVarint(true);
  });
  return { kind: 'exit', exitCode };
}

function readTimestamp(pbf: Pbf): number {
  let [seconds, nanoseconds] = [0, 0];
  read(pbf, (field, inner) => {
    if (field === 1) seconds = inner.readVarint(true);
    else if (field === 2) nanoseconds = inner.readVarint(true);
  });
  return seconds + nanoseconds / 1e9;
}
