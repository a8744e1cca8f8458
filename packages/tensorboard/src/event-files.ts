/**
 * The event files of a run on the disk, each with the length up to which it is good: a batch is in all of them or in none.
 */

import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  makeDirectory,
  openAppendFile,
  ShortFileError,
  type AppendFile,
  type AppendFileSystem,
} from '@runcast/append-file';
import { errorCode, errorMessage, PositionLostError } from '@runcast/core';
import { AMENDED_SESSION, type EncodedFile } from './event-encoder.ts';
import type { RunFiles } from './run-files.ts';

/** A run whose steps go back each epoch has a file for each; no more than these are open at once. */
export const MAX_OPEN_FILES = 16;

/**
 * In the run directory: names the event files that were begun, a line each. Without a position, or with an older one, it
 * tells the files of an earlier life from those that somebody else has put beside them.
 */
const LIST = 'tensorboard-files.txt';

/** Where a file is put together that replaces another. Its name is none of an event file. */
const REPLACEMENT = '.hparams-new';

/** What an encoder calls the files it appends to; a list that was damaged must lead nowhere else. */
const EVENT_FILE = /^(?:rewind-\d+\/)?events\.out\.tfevents\.[\w.-]+$/u;

export class EventFiles implements RunFiles {
  readonly #directory: string;
  /** Where the files begun are listed; undefined where no run could be taken up again. */
  #list: string | undefined;
  readonly #fileSystem: AppendFileSystem | undefined;
  readonly #lengths: Map<string, number>;
  /** By path, the longest open first. */
  readonly #open = new Map<string, AppendFile>();
  readonly #unsynced = new Set<string>();
  #listed: ReadonlySet<string> = new Set();

  constructor(
    directory: string,
    lengths: readonly (readonly [string, number])[],
    fileSystem: AppendFileSystem | undefined,
  ) {
    this.#directory = directory;
    this.#lengths = new Map(lengths);
    this.#fileSystem = fileSystem;
  }

  get dirty(): boolean {
    return this.#unsynced.size > 0;
  }

  lengths(): readonly (readonly [string, number])[] {
    return [...this.#lengths];
  }

  recover(runDirectory: string, replaced: readonly string[]): void {
    this.#list = path.join(runDirectory, LIST);
    this.#listed = readList(this.#list);
    try {
      for (const name of this.#listed)
        if (!this.#lengths.has(name) && !replaced.includes(name))
          rmSync(path.join(this.#directory, name), { force: true });
      for (const name of this.#lengths.keys()) this.#opened(name);
    } catch (error) {
      this.#abandon();
      throw error;
    }
  }

  append(parts: readonly EncodedFile[]): void {
    const appended = parts.filter(({ replaces }) => !replaces);
    try {
      for (const part of appended) this.#opened(part.path).append(part.bytes);
      // Last: where it fails, the others are cut back, and where they fail, it has not happened.
      for (const part of parts) if (part.replaces) this.#replace(part);
    } catch (error) {
      this.#abandon();
      throw error;
    }
    for (const part of appended) {
      this.#lengths.set(part.path, (this.#lengths.get(part.path) ?? 0) + part.bytes.length);
      this.#unsynced.add(part.path);
    }
  }

  sync(): void {
    for (const name of this.#unsynced) this.#opened(name).sync();
    this.#unsynced.clear();
  }

  close(): void {
    try {
      this.sync();
    } finally {
      this.#abandon();
    }
  }

  /** At once as far as readers can see, and on the disk: it is seldom. */
  #replace({ path: name, bytes }: EncodedFile): void {
    const replacement = path.join(this.#directory, REPLACEMENT);
    this.enlist(name);
    writeFileSync(replacement, bytes, { flush: true });
    renameSync(replacement, path.join(this.#directory, name));
  }

  #opened(name: string): AppendFile {
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    this.#makeRoom();
    const file = this.#openFile(name);
    this.#open.set(name, file);
    return file;
  }

  #openFile(name: string): AppendFile {
    const file = path.join(this.#directory, name);
    const fileSystem = this.#fileSystem === undefined ? {} : { fileSystem: this.#fileSystem };
    const length = this.#lengths.get(name);
    if (length === undefined) {
      makeDirectory(path.dirname(file));
      this.enlist(name);
      return openAppendFile(file, { mode: 'either', length: 0, ...fileSystem });
    }
    try {
      return openAppendFile(file, { mode: 'reopen', length, ...fileSystem });
    } catch (error) {
      if (error instanceof ShortFileError || errorCode(error) === 'ENOENT')
        throw new PositionLostError(errorMessage(error), { cause: error });
      throw error;
    }
  }

  /** Before the file has anything in it: a file that is not listed would never be removed. */
  enlist(name: string): void {
    if (this.#list === undefined || this.#listed.has(name)) return;
    appendFileSync(this.#list, `${name}\n`);
    this.#listed = new Set(this.#listed).add(name);
  }

  #makeRoom(): void {
    for (const [name, file] of this.#open) {
      if (this.#open.size < MAX_OPEN_FILES) return;
      file.sync();
      this.#unsynced.delete(name);
      this.#open.delete(name);
      file.close();
    }
  }

  /** Closes all files. Whoever opens one again takes it back to its good length. */
  #abandon(): void {
    for (const file of this.#open.values()) closeQuietly(file);
    this.#open.clear();
  }
}

function closeQuietly(file: AppendFile): void {
  try {
    file.close();
  } catch {
    // Nothing is lost by it: what had to be durable was synchronised before, and the error at hand is the one to report.
  }
}

function readList(list: string): ReadonlySet<string> {
  try {
    const names = readFileSync(list, 'utf8').split('\n');
    return new Set(names.filter((name) => name === AMENDED_SESSION || EVENT_FILE.test(name)));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return new Set();
    throw error;
  }
}
