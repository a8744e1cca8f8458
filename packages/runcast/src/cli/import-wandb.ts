/** Runs that W&B's client wrote offline, or Runcast's own offline sink, as run directories. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, relative, resolve, sep } from 'node:path';
import {
  isJsonArray,
  isJsonObject,
  isScalar,
  readImageHeader,
  redactObject,
  redactText,
  type JsonObject,
  type JsonPrimitive,
  type JsonValue,
  type RecordBody,
  type RunStatus,
  type Scalar,
} from '@runcast/core';
import {
  parseWandbJson,
  readTransactions,
  type DamagedFrame,
  type TransactionItem,
  type WandbTransaction,
} from '@runcast/wandb';
import { importedRunId } from './import-run-id.ts';
import { ImportedRun } from './import-run.ts';
import type { ImportResult } from './import-tensorboard.ts';

export interface WandbImportOptions {
  /** An offline run's directory, its `.wandb` file, or a directory of such runs. */
  readonly from: string;
  /** Directory of all runs. */
  readonly dir: string;
  /** Goes before what the run says. */
  readonly project: string | undefined;
  readonly onCorrupt: (file: string, damage: DamagedFrame) => void;
}

/** Throws the system's error where a file cannot be read or a run cannot be written; a run half made is taken back. */
export function importWandb(options: WandbImportOptions): readonly ImportResult[] {
  const names = existsSync(options.dir) ? readdirSync(options.dir) : [];
  const taken = new Set(names.map((name) => name.toLowerCase()));
  return transactionFiles(resolve(options.from)).flatMap((file) => {
    const { transactions, damage } = readTransactions(file);
    if (damage !== undefined) options.onCorrupt(file, damage);
    const run = transactions.find((transaction) => transaction.kind === 'run');
    if (run === undefined) return [];
    const id = importedRunId(run.runId, taken);
    taken.add(id.toLowerCase());
    const name = run.name === '' ? run.runId : run.name;
    const notes = redactText(run.notes === '' ? `imported from W&B: ${options.from}` : run.notes);
    const project = options.project ?? (run.project === '' ? undefined : run.project);
    const imported = new WandbRunImport(
      new ImportedRun({ dir: options.dir, id, name, project, notes, time: run.startTime }),
      dirname(file),
      run.startTime,
    );
    return [imported.takeAll(transactions, name)];
  });
}

/** The newest of a directory's files last, as their names have it. */
function transactionFiles(from: string): readonly string[] {
  if (!statSync(from).isDirectory()) return [from];
  return readdirSync(from, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extname(entry.name) === '.wandb')
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();
}

/** Members of a row that are W&B's own. */
const OWN_KEYS: ReadonlySet<string> = new Set(['_step', '_timestamp', '_runtime', '_wandb']);
/** Files that W&B's client writes of itself. */
const OWN_FILES: ReadonlySet<string> = new Set(['config.yaml', 'wandb-metadata.json', 'wandb-summary.json']);

class WandbRunImport {
  readonly #target: ImportedRun;
  readonly #directory: string;
  readonly #skipped = new Map<string, number>();
  /** Keys of rows: what the summary has of them is no news. */
  readonly #logged = new Set<string>();
  readonly #summary = new Map<string, JsonPrimitive>();
  #time: number;
  #status: RunStatus = 'unknown';

  constructor(target: ImportedRun, directory: string, time: number) {
    this.#target = target;
    this.#directory = directory;
    this.#time = time;
  }

  takeAll(transactions: readonly WandbTransaction[], name: string): ImportResult {
    try {
      for (const transaction of transactions) this.#take(transaction);
      const summary = [...this.#summary].filter(([key]) => !this.#logged.has(key));
      if (summary.length > 0) this.#append({ kind: 'summary', summary: Object.fromEntries(summary) });
      this.#target.end(this.#time, this.#status);
    } catch (error) {
      this.#target.discard();
      throw error;
    }
    const { runId: id, path } = this.#target.directory;
    const { records } = this.#target;
    return { id, name, path, records, status: this.#status, skipped: Object.fromEntries(this.#skipped) };
  }

  #take(transaction: WandbTransaction): void {
    switch (transaction.kind) {
      case 'run':
        this.#configure(transaction.config);
        if (transaction.tags.length > 0) this.#append({ kind: 'tags', tags: transaction.tags });
        return;
      case 'config':
        this.#configure(transaction.items);
        return;
      case 'history':
        this.#row(transaction.items);
        return;
      case 'summary':
        for (const { path, value } of transaction.items) this.#summarize(path, value);
        return;
      case 'stats':
        this.#time = transaction.time;
        this.#append({
          kind: 'system',
          metrics: scalarsAt(transaction.items, (path) => `system/${path.join('/').replaceAll('.', '/')}`),
        });
        return;
      case 'metric': {
        const { metric, step, summary } = transaction;
        if (metric === '' || (metric.endsWith('*') && !metric.endsWith('/*'))) return this.#skip('metric definition');
        const axis = step === '' ? {} : { step };
        return this.#append({ kind: 'define_metric', metric, ...axis, ...(summary === undefined ? {} : { summary }) });
      }
      case 'files':
        for (const path of transaction.paths) this.#file(path);
        return;
      case 'artifact':
        this.#artifact(transaction);
        return;
      case 'alert': {
        const { title, text, level } = transaction;
        const known = level === 'WARN' ? 'warn' : level === 'ERROR' ? 'error' : 'info';
        return this.#append({ kind: 'alert', title, text, level: known });
      }
      case 'exit':
        this.#status = transaction.exitCode === 0 ? 'finished' : 'failed';
        return;
      case 'other':
        return;
      default:
        transaction satisfies never;
    }
  }

  #row(items: readonly TransactionItem[]): void {
    const cells = new Map(Object.entries(nestedRow(items)));
    const [time, given] = [cells.get('_timestamp'), cells.get('_step')];
    if (typeof time === 'number') this.#time = time;
    const place = typeof given === 'number' && Number.isSafeInteger(given) && given >= 0 ? { step: given } : {};
    const metrics: (readonly [string, Scalar])[] = [];
    for (const [key, value] of cells) {
      if (OWN_KEYS.has(key) || key === '') continue;
      this.#logged.add(key);
      const scalars = scalarsOf(key, value);
      metrics.push(...scalars);
      if (scalars.length > 0) continue;
      if (isJsonObject(value)) this.#media(key, value, place);
      else this.#skip('value that is no number');
    }
    if (metrics.length > 0) this.#append({ kind: 'log', ...place, metrics: Object.fromEntries(metrics) });
  }

  #media(key: string, value: JsonObject, place: { readonly step?: number }): void {
    const { _type: type, bins, values, path: named, caption } = value;
    if (type === 'histogram' && isNumbers(bins) && isNumbers(values))
      return this.#append({ kind: 'histogram', key, edges: bins, counts: values, non_finite: 0, ...place });
    const bytes = typeof named === 'string' ? this.#bytesOf(named) : undefined;
    if (type === 'image-file' && bytes !== undefined) {
      const header = readImageHeader(bytes);
      if (header !== undefined) {
        const captioned = typeof caption === 'string' ? { caption } : {};
        const blob = this.#target.putBlob(bytes, header.format);
        return this.#append({ kind: 'image', key, ...header, ...blob, ...captioned, ...place });
      }
    }
    const table = type === 'table-file' && bytes !== undefined ? tableOf(bytes) : undefined;
    if (table !== undefined) return this.#append({ kind: 'table', key, ...table, ...place });
    return this.#skip(typeof type === 'string' ? type : 'object');
  }

  #summarize([key = '', ...below]: readonly string[], value: JsonValue): void {
    // What define_metric asked for is computed again from the rows.
    if (OWN_KEYS.has(key) || below.length > 0 || isJsonObject(value) || isJsonArray(value)) return;
    this.#summary.set(key, value);
  }

  #configure(items: readonly TransactionItem[]): void {
    const config = items
      .filter(({ path }) => path.length > 0 && path[0] !== '_wandb')
      .map(({ path, value }) => nested(path, value));
    for (const item of config) this.#append({ kind: 'config', config: redactObject(item) });
  }

  /** Media come with their rows. */
  #file(path: string): void {
    if (path.startsWith('media/') || OWN_FILES.has(path)) return;
    const bytes = this.#bytesOf(path);
    if (bytes === undefined) this.#skip('missing file');
    else this.#append({ kind: 'file', path, ...this.#stored(bytes, path) });
  }

  #artifact({ name, type, aliases, metadata, files }: Extract<WandbTransaction, { kind: 'artifact' }>): void {
    const stored = files.flatMap(({ path, localPath }) =>
      localPath !== '' && existsSync(localPath) ? [{ path, ...this.#stored(readFileSync(localPath), path) }] : [],
    );
    // An artifact is whole or not at all.
    if (stored.length < files.length) return this.#skip('artifact whose files are missing');
    const json = metadataOf(metadata);
    this.#append({
      kind: 'artifact',
      name,
      type,
      files: stored,
      aliases: aliases.filter((alias) => alias !== 'latest'),
      metadata: redactObject(json),
    });
  }

  #stored(bytes: Uint8Array, path: string): { readonly blob: string; readonly bytes: number } {
    const { blob, bytes: size } = this.#target.putBlob(bytes, extname(path).slice(1) || 'bin');
    return { blob, bytes: size };
  }

  /** Of a file of the run; undefined where there is none. */
  #bytesOf(path: string): Uint8Array | undefined {
    const folder = join(this.#directory, 'files');
    const file = join(folder, path);
    if (relative(folder, file).split(sep)[0] === '..' || !existsSync(file)) return undefined;
    return statSync(file).isFile() ? readFileSync(file) : undefined;
  }

  #append(body: RecordBody): void {
    this.#target.append(this.#time, body);
  }

  #skip(what: string): void {
    this.#skipped.set(what, (this.#skipped.get(what) ?? 0) + 1);
  }
}

function scalarsAt(
  items: readonly TransactionItem[],
  keyOf: (path: readonly string[]) => string,
): Readonly<Record<string, Scalar>> {
  return Object.fromEntries(
    items.flatMap(({ path, value }): readonly (readonly [string, Scalar])[] =>
      isScalar(value) ? [[keyOf(path), value]] : [],
    ),
  );
}

function isNumbers(value: JsonValue | undefined): value is readonly number[] {
  return isJsonArray(value) && value.every((item) => typeof item === 'number');
}

/** W&B's client writes the members of an object one by one, each under its path. */
function nestedRow(items: readonly TransactionItem[]): JsonObject {
  return items.reduce<JsonObject>((row, { path, value }) => merged(row, nested(path, value)), {});
}

function merged(one: JsonObject, other: JsonObject): JsonObject {
  const members = Object.entries(other).map(([key, value]): [string, JsonValue] => {
    const there = one[key];
    return [key, isJsonObject(there) && isJsonObject(value) ? merged(there, value) : value];
  });
  return { ...one, ...Object.fromEntries(members) };
}

/** A number, or the numbers of an object that is no media, named as W&B shows them: `losses.left`. */
function scalarsOf(key: string, value: JsonValue): readonly (readonly [string, Scalar])[] {
  if (isScalar(value)) return [[key, value]];
  if (typeof value === 'boolean') return [[key, Number(value)]];
  if (!isJsonObject(value) || '_type' in value) return [];
  return Object.entries(value).flatMap(([name, member]) => scalarsOf(`${key}.${name}`, member));
}

function nested([first = '', ...rest]: readonly string[], value: JsonValue): JsonObject {
  return { [first]: rest.length === 0 ? value : nested(rest, value) };
}

function metadataOf(text: string): JsonObject {
  const json = parseWandbJson(text);
  return isJsonObject(json) ? json : {};
}

function tableOf(
  bytes: Uint8Array,
): { readonly columns: readonly string[]; readonly rows: readonly (readonly JsonValue[])[] } | undefined {
  const json = parseWandbJson(Buffer.from(bytes).toString('utf8'));
  if (!isJsonObject(json)) return undefined;
  const { columns, data } = json;
  if (!isJsonArray(columns) || !isJsonArray(data)) return undefined;
  const rows = data.filter((row) => isJsonArray(row));
  return rows.every((row) => row.length === columns.length) ? { columns: columns.map(String), rows } : undefined;
}
