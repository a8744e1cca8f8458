/**
 * A file whose good length is known. Run logs, JSONL rows and event files all need the same promise: what was appended is
 * there whole, what failed half-way leaves nothing behind, and a file can be taken back to a length that a cursor remembers.
 */

import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';

/** The file system calls used, so that tests can make each of them fail. */
export interface AppendFileSystem {
  openSync(path: string, flags: number, mode: number): number;
  /** Writes at a position and returns how many bytes were written, which may be fewer than asked. */
  writeSync(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  ftruncateSync(fd: number, length: number): void;
  fsyncSync(fd: number): void;
  fstatSync(fd: number): { readonly size: number; isFile(): boolean };
  closeSync(fd: number): void;
}

/**
 * An open file that only grows.
 *
 * - Ordering: bytes lie in the order of the calls.
 * - Durability: when an append returns, its bytes are with the operating system; after `sync`, on the disk (under Node's
 *   permission model, which refuses every fsync, still with the operating system).
 * - Errors: an append that throws has added nothing; it may be repeated.
 */
export interface AppendFile {
  readonly path: string;
  /** Bytes known to be good: everything whose append returned. */
  readonly length: number;
  /** Appends the first `size` bytes, all of them where it is left out. */
  append(bytes: Uint8Array, size?: number): void;
  appendText(text: string): void;
  sync(): void;
  /** Idempotent. */
  close(): void;
}

export interface AppendFileOptions {
  /** `create`: the file must not exist; `reopen`: it must; `either` takes both. */
  readonly mode: 'create' | 'reopen' | 'either';
  /**
   * Go on from this length in bytes, cutting off what lies behind it; the end of the file where left out. A file shorter than
   * this is a {@link ShortFileError}.
   */
  readonly length?: number;
  readonly fileSystem?: AppendFileSystem;
}

/** The file ends before the length it was to go on from: it has been cut or replaced by somebody else. */
export class ShortFileError extends Error {
  readonly code = 'RUNCAST_SHORT_FILE';

  constructor(path: string, size: number, expected: number) {
    super(`${path} has ${size} bytes where ${expected} were expected: it was cut or replaced`);
    this.name = 'ShortFileError';
  }
}

const REAL_FILE_SYSTEM: AppendFileSystem = { openSync, writeSync, ftruncateSync, fsyncSync, fstatSync, closeSync };

const MODE_FLAGS = {
  create: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
  reopen: constants.O_WRONLY,
  either: constants.O_WRONLY | constants.O_CREAT,
} as const;

/** At most three bytes of UTF-8 for each UTF-16 unit, so a text of this many units always fits the scratch buffer. */
const SCRATCH_UNITS = 65_536;

/**
 * Opens a file for appending. Throws the system's error where it cannot be opened, a plain Error where it is not a regular
 * file, and {@link ShortFileError}.
 */
export function openAppendFile(path: string, options: AppendFileOptions): AppendFile {
  const fileSystem = options.fileSystem ?? REAL_FILE_SYSTEM;
  const fd = fileSystem.openSync(path, MODE_FLAGS[options.mode], 0o644);
  try {
    const status = fileSystem.fstatSync(fd);
    if (!status.isFile()) throw new Error(`${path} is not a regular file`);
    const length = options.length ?? status.size;
    if (status.size < length) throw new ShortFileError(path, status.size, length);
    if (status.size > length) fileSystem.ftruncateSync(fd, length);
    return new PositionalFile(path, fd, length, fileSystem);
  } catch (error) {
    fileSystem.closeSync(fd);
    throw error;
  }
}

/** Writes by position, not by O_APPEND: a repeated append then lands where the failed one began. */
class PositionalFile implements AppendFile {
  readonly path: string;
  readonly #fd: number;
  readonly #fileSystem: AppendFileSystem;
  #length: number;
  /** Something may lie behind the good length, and could not be cut off yet. */
  #torn = false;
  #open = true;
  #scratch: Buffer | undefined;

  constructor(path: string, fd: number, length: number, fileSystem: AppendFileSystem) {
    this.path = path;
    this.#fd = fd;
    this.#length = length;
    this.#fileSystem = fileSystem;
  }

  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array, size: number = bytes.length): void {
    this.#write(bytes, size);
  }

  appendText(text: string): void {
    if (text.length > SCRATCH_UNITS) {
      this.append(Buffer.from(text));
      return;
    }
    this.#scratch ??= Buffer.allocUnsafeSlow(SCRATCH_UNITS * 3);
    this.#write(this.#scratch, this.#scratch.write(text));
  }

  sync(): void {
    this.#checkOpen();
    try {
      this.#fileSystem.fsyncSync(this.#fd);
    } catch (error) {
      // Node's permission model has no fsync for anybody: the bytes are where such a process can bring them.
      if (!(error instanceof Error && 'code' in error && error.code === 'ERR_ACCESS_DENIED')) throw error;
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#fileSystem.closeSync(this.#fd);
  }

  #write(bytes: Uint8Array, size: number): void {
    this.#checkOpen();
    if (this.#torn) this.#cut();
    let written = 0;
    try {
      while (written < size) {
        const count = this.#fileSystem.writeSync(this.#fd, bytes, written, size - written, this.#length + written);
        if (count === 0) throw new Error(`${this.path} takes no more bytes`);
        written += count;
      }
    } catch (error) {
      // A full disk may have taken half of it. Left there, it would be read as a torn record.
      this.#torn = true;
      this.#tryToCut();
      throw error;
    }
    this.#length += size;
  }

  /** The descriptor's number may be another file's by now. */
  #checkOpen(): void {
    if (!this.#open) throw new Error(`${this.path} is closed`);
  }

  #cut(): void {
    this.#fileSystem.ftruncateSync(this.#fd, this.#length);
    this.#torn = false;
  }

  #tryToCut(): void {
    try {
      this.#cut();
    } catch {
      // The write's own error is the one to report; the next append cuts first.
    }
  }
}
