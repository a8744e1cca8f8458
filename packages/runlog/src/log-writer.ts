/**
 * The write-through log of one writer. At any rate a trainer reaches, a record is with the operating system when the call
 * returns, so that kill -9 loses nothing; only a flood is batched, and then by at most 31 records.
 *
 * A token bucket decides: 1,024 tokens, refilled at 50 a millisecond; every line takes one. With a token the line is written
 * at once; without, lines wait for the 32nd, for 4 KB or for the end of the current microtask. So a burst of 1,024 leaves nothing
 * unwritten however long the loop is blocked after it, and a flood, which keeps the bucket in debt, is written in batches
 * only.
 */

import { join } from 'node:path';
import { openAppendFile, type AppendFile, type AppendFileSystem } from '@runcast/append-file';
import { errorInfo, withRoom, type ErrorInfo, type LineBytes, type RecordLog } from '@runcast/core';

const BUCKET_TOKENS = 1024;
const TOKENS_PER_MS = 50;
/**
 * What a flood owes at most, ten milliseconds' worth: a machine that stops it for a few of them has not made it a burst, and each
 * token that it got for that would be a write.
 */
const MAX_DEBT_TOKENS = 500;
const MAX_BATCHED_LINES = 32;
/** A page of the system's cache: most of what a write takes is the pages that it begins, and this is one for each write. */
const MAX_BATCHED_BYTES = 4096;
/** What memory holds while the disk takes nothing. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;
/** Room for a batch of ordinary lines; it grows for longer ones, and while the disk takes nothing. */
const BUFFER_BYTES = 64 * 1024;
const RETRY_AFTER_MS = 200;

export interface LogWriterOptions {
  readonly logDirectory: string;
  readonly writer: string;
  readonly onFailure: (error: ErrorInfo) => void;
  /** The log takes records again, after this many failed attempts. */
  readonly onRecovery: (attempts: number) => void;
  readonly fileSystem?: AppendFileSystem;
  /** Injected by tests. */
  readonly maxPendingBytes?: number;
}

/** The writer's own log file, made anew: a log is never appended to by a second process. */
export class LogWriter implements RecordLog {
  readonly path: string;
  readonly #file: AppendFile;
  readonly #options: LogWriterOptions;
  readonly #maxPendingBytes: number;
  /** Lines not yet with the operating system, encoded as they come: a batch's write has then nothing left to do but write. */
  #pending: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #pendingBytes = 0;
  #pendingLines = 0;
  #tokens = BUCKET_TOKENS;
  #refilledAtMs = -Infinity;
  #drainQueued = false;
  #failedAttempts = 0;
  /** When a record came for the first time since the last failed attempt; undefined until then. */
  #waitingSinceMs: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #lastError: ErrorInfo | undefined;
  #closed = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#maxPendingBytes = options.maxPendingBytes ?? MAX_PENDING_BYTES;
    this.path = join(options.logDirectory, `${options.writer}.jsonl`);
    this.#file = openAppendFile(this.path, {
      mode: 'create',
      ...(options.fileSystem === undefined ? {} : { fileSystem: options.fileSystem }),
    });
  }

  /** Bytes of the log that are with the operating system. */
  get length(): number {
    return this.#file.length;
  }

  get pendingLines(): number {
    return this.#pendingLines;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get lastError(): ErrorInfo | undefined {
    return this.#lastError;
  }

  append(line: LineBytes, nowMs: number, writeNow: boolean): boolean {
    if (this.#closed) return false;
    if (this.#failedAttempts > 0) return this.#appendWhileFailing(line, nowMs);
    this.#keep(line);
    if (writeNow || this.#takeToken(nowMs) || this.#isBatch()) {
      this.drain();
    } else if (!this.#drainQueued) {
      this.#drainQueued = true;
      queueMicrotask(() => {
        this.#drainQueued = false;
        if (this.#failedAttempts === 0) this.drain();
      });
    }
    return true;
  }

  /** Writes what is pending. Returns false where the disk does not take it; it is then kept and tried again. */
  drain(): boolean {
    if (this.#pendingBytes === 0) return true;
    try {
      this.#file.append(this.#pending, this.#pendingBytes);
    } catch (error) {
      this.#fail(error);
      return false;
    }
    if (this.#pending.length > BUFFER_BYTES) this.#pending = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.#pendingBytes = 0;
    this.#pendingLines = 0;
    if (this.#failedAttempts > 0) this.#recover();
    return true;
  }

  /** Forces everything written to the disk. Throws the system's error. */
  sync(): void {
    this.#file.sync();
  }

  /**
   * Writes what is pending, if the disk takes it, and releases the file. Idempotent, and never throws. Returns how many lines
   * are lost with it.
   */
  close(): number {
    if (this.#closed) return 0;
    this.drain();
    this.#closed = true;
    clearTimeout(this.#retry);
    try {
      this.#file.close();
    } catch (error) {
      this.#fail(error);
    }
    return this.#pendingLines;
  }

  #isBatch(): boolean {
    return this.#pendingLines >= MAX_BATCHED_LINES || this.#pendingBytes >= MAX_BATCHED_BYTES;
  }

  #takeToken(nowMs: number): boolean {
    // A clock that was set back must not starve the bucket.
    const elapsedMs = Math.abs(nowMs - this.#refilledAtMs);
    this.#refilledAtMs = nowMs;
    if (elapsedMs > 0) this.#tokens = Math.min(BUCKET_TOKENS, this.#tokens + elapsedMs * TOKENS_PER_MS);
    this.#tokens = Math.max(-MAX_DEBT_TOKENS, this.#tokens - 1);
    return this.#tokens >= 0;
  }

  /** Tries again from within a call, too, for a trainer that never lets the timer run. Returns whether the line is kept. */
  #appendWhileFailing(line: LineBytes, nowMs: number): boolean {
    this.#waitingSinceMs ??= nowMs;
    const isDue = Math.abs(nowMs - this.#waitingSinceMs) >= RETRY_AFTER_MS;
    const isFull = this.#pendingBytes + line.length > this.#maxPendingBytes;
    if (isFull && !isDue) return false;
    // Kept first: whoever is told that the log takes records again may log in turn.
    const [bytesBefore, linesBefore] = [this.#pendingBytes, this.#pendingLines];
    this.#keep(line);
    if ((isDue && this.drain()) || !isFull) return true;
    this.#pendingBytes = bytesBefore;
    this.#pendingLines = linesBefore;
    return false;
  }

  #keep(line: LineBytes): void {
    this.#pending = withRoom(this.#pending, this.#pendingBytes, line.length);
    line.copyTo(this.#pending, this.#pendingBytes);
    this.#pendingBytes += line.length;
    this.#pendingLines += 1;
  }

  #fail(error: unknown): void {
    this.#failedAttempts += 1;
    this.#waitingSinceMs = undefined;
    this.#lastError = errorInfo(error);
    if (this.#failedAttempts === 1) this.#options.onFailure(this.#lastError);
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.drain(), RETRY_AFTER_MS);
    this.#retry.unref();
  }

  #recover(): void {
    const attempts = this.#failedAttempts;
    this.#failedAttempts = 0;
    clearTimeout(this.#retry);
    this.#options.onRecovery(attempts);
  }
}
