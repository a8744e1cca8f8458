/**
 * A run directory for a run that was logged elsewhere: its log is whole from the first record to the last, with the times
 * of then, so that any sink takes it as it takes others.
 */

import { hostname } from 'node:os';
import {
  LineBytes,
  randomName,
  scalarText,
  type BlobReference,
  type BlobStore,
  type RecordBody,
  type RunStatus,
} from '@runcast/core';
import {
  createBlobStore,
  discardRunDirectory,
  LogWriter,
  prepareRunDirectory,
  updateManifest,
  type RunDirectory,
} from '@runcast/runlog';

const WRITER_NAME_LENGTH = 10;

export interface ImportedRunOptions {
  /** Directory of all runs. */
  readonly dir: string;
  readonly id: string;
  readonly name: string;
  readonly project: string | undefined;
  readonly notes: string;
  /** Of its first record, in Unix seconds. */
  readonly time: number;
}

/** The run as it is being written. Methods throw the system's error where the disk does not take it. */
export class ImportedRun {
  readonly directory: RunDirectory;
  readonly #log: LogWriter;
  readonly #blobs: BlobStore;
  /** The line at hand. */
  readonly #bytes = new LineBytes();
  #seq = 0;
  #failure: string | undefined;

  /** Throws RunOpenError where the directory cannot be made. */
  constructor({ dir, id, name, project, notes, time }: ImportedRunOptions) {
    const projectMember = project === undefined ? {} : { project };
    const manifest = { v: 1, run: id, ...projectMember, name, created: time, sinks: [], settled: true } as const;
    this.directory = prepareRunDirectory(dir, id, 'never', () => false, manifest).directory;
    const writer = randomName(WRITER_NAME_LENGTH, Math.random);
    this.#log = new LogWriter({
      logDirectory: this.directory.logDirectory,
      writer,
      onFailure: ({ message }) => (this.#failure = message),
      onRecovery: () => undefined,
    });
    this.#blobs = createBlobStore(this.directory, writer);
    const host = { host: hostname(), pid: process.pid, role: 'owner' } as const;
    this.append(time, { kind: 'open', run: id, writer, ...host, ...projectMember, name, notes, config: {} });
  }

  get records(): number {
    return this.#seq;
  }

  append(time: number, { kind, ...fields }: RecordBody): void {
    this.#line(time, kind, JSON.stringify(fields).slice(1, -1));
  }

  /** Scalars of one step and time. */
  appendRow(time: number, step: number | undefined, metrics: ReadonlyMap<string, number>): void {
    const members = [...metrics].map(([key, value]) => `${JSON.stringify(key)}:${scalarText(value)}`);
    this.#line(time, 'log', `${step === undefined ? '' : `"step":${step},`}"metrics":{${members.join(',')}}`);
  }

  putBlob(bytes: Uint8Array, extension: string): BlobReference {
    return this.#blobs.put(bytes, extension);
  }

  end(time: number, status: RunStatus): void {
    this.append(time, { kind: 'close', status, final: true });
    this.#log.close();
    this.#check();
    // Notes that there is a log: where it is missing later, somebody has deleted it.
    updateManifest(this.directory, [], true);
  }

  /** Takes everything back. */
  discard(): void {
    this.#log.close();
    discardRunDirectory(this.directory);
  }

  #line(time: number, kind: RecordBody['kind'], fields: string): void {
    const head = `{"v":1,"seq":${this.#seq},"time":${time},"kind":"${kind}"`;
    this.#seq += 1;
    // At one instant: the log then writes many lines at a time.
    this.#bytes.clear();
    this.#bytes.addText(`${head},${fields}}\n`);
    this.#log.append(this.#bytes, 0, false);
    this.#check();
  }

  /** The log would wait for a disk that is full; nobody waits for an import. */
  #check(): void {
    if (this.#failure !== undefined) throw new Error(`the log cannot be written: ${this.#failure}`);
  }
}
