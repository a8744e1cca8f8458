/**
 * The event files of a run, written by TensorFlow. It names its files itself, by the clock, appends to none that exists, and
 * passes over some of the writes that fail. So a file is begun each time the run is opened, what a batch has added to it is
 * looked at, and a file that lacks something is cut to what was good and left for a new one.
 */

import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '@runcast/append-file';
import { errorCode, PositionLostError } from '@runcast/core';
import type { EncodedFile } from './event-encoder.ts';
import { EventFiles, MAX_OPEN_FILES } from './event-files.ts';
import { readFrameHeader } from './read-frame.ts';
import type { RunFiles } from './run-files.ts';
import type { TfjsBinding } from './tfjs-binding.ts';
import { TfjsSummaryWriter } from './tfjs-summary-writer.ts';
import { FOOTER_BYTES, HEADER_BYTES } from './tfrecord.ts';

/** `events.out.tfevents.<ten digits of seconds>.…`. */
const FILE_SECONDS = /^events\.out\.tfevents\.(\d{10})\./u;

/** Blocks this thread. */
export type Wait = (milliseconds: number) => void;

interface OpenFile {
  /** Path below the run's directory. */
  readonly name: string;
  readonly writer: TfjsSummaryWriter;
  /** Length of the event that TensorFlow itself begins the file with. */
  readonly firstLength: number;
}

export class TfjsEventFiles implements RunFiles {
  readonly #binding: TfjsBinding;
  readonly #directory: string;
  readonly #wait: Wait;
  /** Takes files back to their lengths when the run is taken up again, and lists those that are begun. */
  readonly #known: EventFiles;
  readonly #lengths: Map<string, number>;
  /** By what the encoder calls the file, the longest open first. */
  readonly #open = new Map<string, OpenFile>();
  readonly #unsynced = new Set<string>();
  /** Files that may be longer than they are good. */
  readonly #uncut = new Set<string>();

  constructor(
    binding: TfjsBinding,
    directory: string,
    lengths: readonly (readonly [string, number])[],
    wait: Wait = waitInThread,
  ) {
    this.#binding = binding;
    this.#directory = directory;
    this.#wait = wait;
    this.#known = new EventFiles(directory, lengths, undefined);
    this.#lengths = new Map(lengths);
  }

  get dirty(): boolean {
    return this.#unsynced.size > 0;
  }

  lengths(): readonly (readonly [string, number])[] {
    return [...this.#lengths];
  }

  recover(runDirectory: string, replaced: readonly string[]): void {
    this.#known.recover(runDirectory, replaced);
    this.#known.close();
  }

  append(parts: readonly EncodedFile[]): void {
    this.#cut();
    const written = new Map<string, number>();
    try {
      for (const part of parts.filter(({ replaces }) => !replaces)) {
        const { name, writer, firstLength } = this.#opened(part.path);
        const events = eventsIn(part.bytes);
        for (const event of events) writer.add(event);
        writer.flush();
        written.set(name, this.#checkedLength(name, this.#lengths.get(name) ?? firstLength, events.length));
      }
      // TensorFlow replaces no file.
      this.#known.append(parts.filter(({ replaces }) => replaces));
    } catch (error) {
      this.#abandon(written.keys());
      throw error;
    }
    for (const [name, length] of written) {
      this.#lengths.set(name, length);
      this.#unsynced.add(name);
    }
  }

  sync(): void {
    for (const name of this.#unsynced) this.#syncFile(name);
  }

  close(): void {
    try {
      this.sync();
    } finally {
      this.#abandon([]);
    }
  }

  #opened(encodedPath: string): OpenFile {
    const open = this.#open.get(encodedPath);
    if (open !== undefined) return open;
    for (const [oldest, { writer }] of this.#open) {
      if (this.#open.size < MAX_OPEN_FILES) break;
      this.#open.delete(oldest);
      writer.close();
    }
    const file = this.#begin(path.dirname(encodedPath));
    this.#open.set(encodedPath, file);
    return file;
  }

  /** Begins a file below the run's directory, and finds it: TensorFlow does not tell how it is called. */
  #begin(folder: string): OpenFile {
    const directory = path.join(this.#directory, folder);
    makeDirectory(directory);
    const before = new Set(readdirSync(directory));
    this.#waitForLaterName(before);
    const writer = new TfjsSummaryWriter(this.#binding, directory);
    try {
      const begun = readdirSync(directory).find((entry) => !before.has(entry) && FILE_SECONDS.test(entry));
      if (begun === undefined) throw new Error(`TensorFlow began no event file in ${directory}`);
      const name = path.join(folder, begun);
      this.#known.enlist(name);
      return { name, writer, firstLength: statSync(path.join(directory, begun)).size };
    } catch (error) {
      closeQuietly(writer);
      throw error;
    }
  }

  /** Readers go through the files of a directory by name, and two of one second differ only by the process. */
  #waitForLaterName(names: ReadonlySet<string>): void {
    const seconds = [...names].map((name) => Number(FILE_SECONDS.exec(name)?.[1] ?? 0));
    const now = Date.now();
    const newest = Math.max(0, ...seconds);
    // A clock that was set back further is not waited for.
    if (Math.floor(now / 1000) === newest) this.#wait((newest + 1) * 1000 - now);
  }

  /** The file's length, if behind `from` are so many whole events and nothing else. */
  #checkedLength(name: string, from: number, events: number): number {
    const added = this.#readFrom(name, from);
    if (countFrames(added) === events) return from + added.length;
    throw new Error(`TensorFlow could not write all of ${events} events to ${name}`);
  }

  #readFrom(name: string, from: number): Uint8Array {
    const fd = this.#openFile(name, 'r');
    try {
      const bytes = new Uint8Array(Math.max(0, fstatSync(fd).size - from));
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
    } finally {
      closeSync(fd);
    }
  }

  #openFile(name: string, flags: 'r' | 'r+'): number {
    try {
      return openSync(path.join(this.#directory, name), flags);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      throw new PositionLostError(`${name} was removed while it was written to`, { cause: error });
    }
  }

  #syncFile(name: string): void {
    const fd = this.#openFile(name, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    this.#unsynced.delete(name);
  }

  /** Closes all files, so that the next batch begins new ones, and takes back what it can of those that were `written`. */
  #abandon(written: Iterable<string>): void {
    for (const name of written) this.#uncut.add(name);
    for (const { name, writer } of this.#open.values()) {
      this.#uncut.add(name);
      closeQuietly(writer);
    }
    this.#open.clear();
    try {
      this.#cut();
    } catch {
      // The error at hand is the one to report; the next batch begins with cutting, and so does the next opening.
    }
  }

  /** Removes what lies behind the good length of files that were abandoned, and all of one that has none. */
  #cut(): void {
    for (const name of this.#uncut) {
      const length = this.#lengths.get(name);
      if (length === undefined) rmSync(path.join(this.#directory, name), { force: true });
      else this.#cutTo(name, length);
      this.#uncut.delete(name);
    }
  }

  #cutTo(name: string, length: number): void {
    const fd = this.#openFile(name, 'r+');
    try {
      if (fstatSync(fd).size > length) ftruncateSync(fd, length);
    } finally {
      closeSync(fd);
    }
  }
}

/** The events of frames that the encoder has made. TensorFlow frames them anew. */
function eventsIn(frames: Uint8Array): readonly Uint8Array[] {
  const view = viewOf(frames);
  const events: Uint8Array[] = [];
  for (let at = 0; at < frames.length;) {
    const end = at + HEADER_BYTES + view.getUint32(at, true);
    events.push(frames.subarray(at + HEADER_BYTES, end));
    at = end + FOOTER_BYTES;
  }
  return events;
}

/** How many whole frames follow each other to the end; undefined where anything else is among them. */
function countFrames(bytes: Uint8Array): number | undefined {
  const view = viewOf(bytes);
  let frames = 0;
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const { frameBytes } = readFrameHeader(view, at);
    if (frameBytes === undefined) return undefined;
    at += frameBytes;
    frames += 1;
  }
  return at === bytes.length ? frames : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function closeQuietly(writer: TfjsSummaryWriter): void {
  try {
    writer.close();
  } catch {
    // What the file must hold has been seen there; what it must not is cut off.
  }
}

function waitInThread(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, milliseconds);
}
