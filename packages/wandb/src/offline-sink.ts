/**
 * The sink that reaches no server: it writes what W&B's own client writes offline, which `wandb sync` uploads. One file of
 * transactions, which a crash is undone in by cutting it back to the position, and the run's files beside it.
 */

import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, constants, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import {
  type AppendFile,
  type AppendFileSystem,
  makeDirectory,
  openAppendFile,
  ShortFileError,
} from '@runcast/append-file';
import {
  ConfigError,
  errorCode,
  errorMessage,
  PositionLostError,
  RecordsRefusedError,
  type ArtifactRecord,
  type JsonValue,
  type RecordBatch,
  type RunRecord,
  type Sink,
  type SinkContext,
  type SinkOutcome,
  type SinkTraits,
} from '@runcast/core';
import { z } from 'zod';
import type { DigestedFile } from './artifact-manifest.ts';
import { blobPath } from './blob-path.ts';
import { nameProblems, type WandbSinkConfig } from './config.ts';
import { mediaFile, type MediaRecord } from './media.ts';
import { HistoryLine } from './history-lines.ts';
import { encodeBatch, runtimeOf, systemFields, type EncodedBatch } from './run-encoder.ts';
import { begun, firstIdentity, NEW_RUN, runStateSchema, type RunState } from './run-state.ts';
import { RowTransactions } from './row-transactions.ts';
import { wandbOfflineTraits } from './traits.ts';
import { FrameBuffer } from './transaction-frames.ts';
import {
  alertTransaction,
  artifactTransaction,
  configRecord,
  exitRecord,
  filesRecord,
  metricRecord,
  runRecord,
  statsRecord,
  summaryRecord,
  type OfflinePlace,
  type TransactionRecord,
} from './transaction-records.ts';

const DEFAULT_PROJECT = 'uncategorized';
const PROBE = '.writable';
/** Of nearly every record. */
const NO_RECORDS: readonly TransactionRecord[] = [];

const positionSchema = z.object({
  v: z.literal(1),
  mode: z.literal('offline'),
  /** Length of the transaction file. */
  length: z.int().min(0),
  /** Records in it. */
  transactions: z.int().min(0),
  run: runStateSchema,
});

/** @param fileSystem For the transaction file, the real one where left out. */
export function createOfflineSink(config: WandbSinkConfig, fileSystem?: AppendFileSystem): Sink {
  return new OfflineSink(config, fileSystem);
}

class OfflineSink implements Sink {
  readonly name = 'wandb';
  readonly traits: SinkTraits = wandbOfflineTraits;
  readonly logEveryNSteps: number;
  readonly #config: WandbSinkConfig;
  readonly #fileSystem: AppendFileSystem | undefined;
  #runId = '';
  #runDirectory = '';
  #state: RunState = NEW_RUN;
  #transactions = 0;
  #file: AppendFile | undefined;
  readonly #frames = new FrameBuffer();
  readonly #rows = new RowTransactions();

  constructor(config: WandbSinkConfig, fileSystem: AppendFileSystem | undefined) {
    this.#config = config;
    this.#fileSystem = fileSystem;
    this.logEveryNSteps = config.logEveryNSteps;
  }

  /** Throws a ConfigError where runs cannot be written, and PositionLostError where the run is not what the position says. */
  open({ runId, runDirectory, position }: SinkContext): void {
    const [problem] = nameProblems(runId, 'run.id');
    if (problem !== undefined) throw new ConfigError([problem]);
    this.#runId = runId;
    this.#runDirectory = runDirectory;
    this.#proveWritable();
    if (position === undefined) return;
    const parsed = positionSchema.safeParse(position);
    if (!parsed.success)
      throw new PositionLostError('the run was not written offline before; it is written from its start');
    this.#state = parsed.data.run;
    this.#transactions = parsed.data.transactions;
    // Before the first record there is no file.
    if (parsed.data.length > 0) this.#file = this.#reopen(parsed.data.length);
  }

  write(batch: RecordBatch): void {
    const before = begun(this.#state, this.#state.identity ?? firstIdentity(batch), batch);
    const encoded = encodeBatch(before, batch, this.#config);
    if (encoded.refusals.length > 0) throw new RecordsRefusedError(encoded.refusals);
    const records: TransactionRecord[] = [];
    // The configuration comes with the run's own record where there is one.
    const isNew = this.#state.identity === null || encoded.state.tags.length > before.tags.length;
    if (isNew) records.push(runRecord(encoded.state, this.#place(encoded.state)));
    records.push(...this.#changes(isNew ? { ...before, config: encoded.state.config } : before, encoded));
    const payload = batch.records.flatMap((record) => this.#payload(batch.writer, record, encoded.state));
    this.#file ??= this.#begin(before.start);
    this.#append(before.start, records, encoded.lines.closed, payload);
    this.#state = encoded.state;
  }

  /** Writes the newest row as well, and forces everything to the disk. */
  flush(): void {
    this.#writeOpenLine();
    this.#file?.sync();
  }

  close(outcome: SinkOutcome): void {
    const { summary, exit_code: exitCode } = this.#state;
    try {
      if (!outcome.final || this.#file === undefined) return;
      this.#writeOpenLine();
      const runtime = runtimeOf(summary);
      const records = [summaryRecord([...summary, ['_wandb', `{"runtime":${runtime}}`]])];
      if (exitCode !== null) records.push(exitRecord(exitCode, runtime));
      this.#append(this.#state.start, records);
    } finally {
      this.#file?.close();
    }
  }

  position(): JsonValue {
    const length = this.#file?.length ?? 0;
    return { v: 1, mode: 'offline', length, transactions: this.#transactions, run: this.#state };
  }

  /** What has changed of configuration and metrics. */
  #changes(before: RunState, { state }: EncodedBatch): readonly TransactionRecord[] {
    const known = new Map(before.config.map(([key, value]) => [key, JSON.stringify(value)]));
    const config = state.config.filter(([key, value]) => known.get(key) !== JSON.stringify(value));
    const charts = state.charts.slice(before.charts.length);
    const defined = new Map(before.metrics.map((entry) => [entry.metric, JSON.stringify(entry)]));
    const metrics = state.metrics.filter((entry) => defined.get(entry.metric) !== JSON.stringify(entry));
    return [
      ...(config.length > 0 || charts.length > 0 ? [configRecord(config, charts)] : []),
      ...metrics.map((entry) => metricRecord(entry)),
    ];
  }

  /** Bytes, and what else is no row. */
  #payload(writer: string, record: RunRecord, state: RunState): readonly TransactionRecord[] {
    switch (record.kind) {
      case 'table':
      case 'bar_chart':
      case 'image':
      case 'text':
        return this.#media(record, state);
      case 'file':
        this.#copy(state, record.path, blobPath(this.#runDirectory, record, record.blob));
        return [filesRecord(record.path, 'other')];
      case 'artifact':
        return [artifactTransaction(record, this.#place(state), writer, this.#artifactFiles(record, state))];
      case 'system':
        return [statsRecord(record.time, systemFields(record))];
      case 'alert':
        return [alertTransaction(record)];
      case 'open':
      case 'step':
      case 'epoch':
      case 'validation':
      case 'final':
      case 'log':
      case 'hparams':
      case 'config':
      case 'tags':
      case 'define_metric':
      case 'summary':
      case 'histogram':
      case 'close':
        return NO_RECORDS;
      default:
        record satisfies never;
        return NO_RECORDS;
    }
  }

  #media(record: MediaRecord, state: RunState): readonly TransactionRecord[] {
    const file = mediaFile(record, this.#config);
    if (file === undefined || typeof file === 'string') return [];
    const { bytes, path } = file;
    this.#copy(
      state,
      path,
      bytes.kind === 'text' ? Buffer.from(bytes.text) : blobPath(this.#runDirectory, record, bytes.blob),
    );
    return [filesRecord(path, 'media')];
  }

  #artifactFiles(record: ArtifactRecord, state: RunState): readonly DigestedFile[] {
    return record.files.map(({ path, blob, bytes }) => {
      const source = blobPath(this.#runDirectory, record, blob);
      const local = this.#inside('artifacts', state, `${record.seq}/${path}`);
      copyWhole(source, local);
      return { path, bytes, local, md5: createHash('md5').update(readFileSync(source)).digest('base64') };
    });
  }

  /** Puts a file of the run beside the transactions, where `wandb sync` looks for it. */
  #copy(state: RunState, path: string, source: string | Uint8Array): void {
    const target = this.#inside('files', state, path);
    if (typeof source === 'string') copyWhole(source, target);
    else writeWhole(target, source);
  }

  #inside(folder: 'files' | 'artifacts', { start }: RunState, path: string): string {
    const directory = join(this.#directory(start), folder, sep);
    const target = join(directory, path);
    if (!target.startsWith(directory)) throw new Error(`${path} leads out of the directory of the run`);
    return target;
  }

  #place({ identity }: RunState): OfflinePlace {
    const { project, entity, group, jobType, fallback } = this.#config;
    return {
      runId: this.#runId,
      project: project ?? identity?.project ?? fallback.project ?? DEFAULT_PROJECT,
      entity: entity ?? identity?.entity ?? fallback.entity,
      group: group ?? identity?.group ?? fallback.group,
      jobType: jobType ?? identity?.job_type ?? undefined,
    };
  }

  /** A row is written once it gets no further keys: a transaction cannot be written over. */
  #writeOpenLine(): void {
    const { history } = this.#state;
    if (history.open === null || this.#file === undefined) return;
    this.#append(this.#state.start, [], [HistoryLine.of(history.open)]);
    this.#state = { ...this.#state, history: { ...history, open: null } };
  }

  #append(
    start: number,
    before: readonly TransactionRecord[],
    rows: readonly HistoryLine[] = [],
    after: readonly TransactionRecord[] = [],
  ): void {
    const file = this.#file;
    if (file === undefined || before.length + rows.length + after.length === 0) return;
    const frames = this.#frames;
    let num = this.#transactions;
    const add = (record: TransactionRecord): void => {
      num += 1;
      frames.add(record(num));
    };
    frames.begin(file.length);
    before.forEach(add);
    for (const row of rows) {
      num += 1;
      frames.add(this.#rows.record(row, start, num));
    }
    after.forEach(add);
    file.append(frames.bytes);
    this.#transactions = num;
  }

  /** As W&B's client names it, by the time the run began. */
  #directory(start: number): string {
    const [date = '', clock = ''] = new Date(start * 1000).toISOString().split('T');
    const stamp = `${date.replaceAll('-', '')}_${clock.slice(0, 8).replaceAll(':', '')}`;
    return join(this.#config.dir, 'wandb', `offline-run-${stamp}-${this.#runId}`);
  }

  #begin(start: number): AppendFile {
    makeDirectory(join(this.#directory(start), 'files'));
    return this.#openFile(start, 'either', 0);
  }

  #reopen(length: number): AppendFile {
    try {
      return this.#openFile(this.#state.start, 'reopen', length);
    } catch (error) {
      if (error instanceof ShortFileError) throw new PositionLostError(error.message, { cause: error });
      if (errorCode(error) === 'ENOENT')
        throw new PositionLostError(`${this.#directory(this.#state.start)} is gone`, { cause: error });
      throw error;
    }
  }

  #openFile(start: number, mode: 'either' | 'reopen', length: number): AppendFile {
    const path = join(this.#directory(start), `run-${this.#runId}.wandb`);
    return openAppendFile(path, {
      mode,
      length,
      ...(this.#fileSystem === undefined ? {} : { fileSystem: this.#fileSystem }),
    });
  }

  #proveWritable(): void {
    const directory = join(this.#config.dir, 'wandb');
    try {
      makeDirectory(directory);
      const probe = join(directory, PROBE);
      closeSync(openSync(probe, 'w'));
      rmSync(probe);
    } catch (error) {
      const message = `${JSON.stringify(this.#config.dir)} cannot hold offline runs: ${errorMessage(error)}`;
      throw new ConfigError([{ variable: 'WANDB_DIR', message }]);
    }
  }
}

/** Shares the bytes where the file system can. */
function copyWhole(source: string, target: string): void {
  makeDirectory(dirname(target));
  copyFileSync(source, target, constants.COPYFILE_FICLONE);
}

function writeWhole(target: string, bytes: Uint8Array): void {
  makeDirectory(dirname(target));
  writeFileSync(target, bytes);
}
