/**
 * Event files read back, by anyone and without TensorFlow: those of this package and those of other writers, whole or while
 * they grow, sound or damaged.
 */

import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '@runcast/core';
import { EventDecoder } from './read-event-decoder.ts';
import { EventFile } from './read-event-file.ts';
import { findEventPaths, type EventPath, type EventPaths } from './read-event-paths.ts';
import type { TensorboardEvent } from './read-tensorboard-event.ts';

const POLL_INTERVAL_MS = 1000;

export interface ReadEventsOptions {
  /** Go on with files that grow and with new ones, until `signal` is aborted; false where left out. */
  readonly follow?: boolean;
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal;
  /** Resolves when files should be looked at again; once a second where left out. Only called while following. */
  readonly wait?: (signal: AbortSignal | undefined) => Promise<unknown>;
  /** Told after each piece how many of how many bytes are read, over all files that were found. */
  readonly onProgress?: (readBytes: number, foundBytes: number) => void;
}

/**
 * The events of a file, or of all files below a directory whose name holds `tfevents`. A run's files come in the order of
 * their names, runs one after the other, `.` first.
 *
 * - Ordering: as they lie in the files. Nothing is purged: a point that a resumed run supersedes is there, and so is the
 *   `session_log` that says so.
 * - Damage: comes as `corrupt` events in its place; reading goes on behind a damaged record where the framing still holds,
 *   and else with the next file.
 * - Memory: one piece of a file at a time, at most as large as the file; a record is never larger than what there is of it.
 * - Following: a file that was cut and written again (as after a crash) goes on where it was left off. A torn end is waited
 *   for and not reported; `place` need not exist yet.
 * - Errors: rejects with the system's error where `place` does not exist, and a TypeError where it is neither a file nor a
 *   directory; for nothing else.
 */
export function readEvents(
  place: string,
  options: ReadEventsOptions = {},
): AsyncIterableIterator<TensorboardEvent, undefined, undefined> {
  return new EventIterator(readEventBatches(place, options));
}

/** As {@link readEvents}, some thousands at a time: for those who read millions. */
export async function* readEventBatches(
  place: string,
  options: ReadEventsOptions = {},
): AsyncGenerator<readonly TensorboardEvent[], undefined, undefined> {
  const { follow = false, signal, wait = waitForPoll, onProgress } = options;
  const files = new EventFiles();
  const reported = new Set<string>();
  for (;;) {
    if (isAborted(signal)) return;
    const paths = follow ? await findLater(place) : await findEventPaths(place);
    const unreadable = paths.unreadable.filter(({ file }) => !reported.has(file));
    for (const { file } of unreadable) reported.add(file);
    if (unreadable.length > 0)
      yield unreadable.map((path) => ({ kind: 'corrupt', ...path, offset: 0, problem: 'unreadable' }) as const);
    const found = onProgress === undefined ? 0 : await totalBytes(paths.files);
    let before = 0;
    for (const path of paths.files) {
      const file = files.get(path);
      for await (const events of file.read(!follow)) {
        yield events;
        onProgress?.(before + file.offset, found);
        if (isAborted(signal)) return;
      }
      before += file.offset;
    }
    if (!follow) return;
    await wait(signal);
  }
}

async function totalBytes(files: readonly EventPath[]): Promise<number> {
  const found = await Promise.allSettled(files.map(async ({ file }) => stat(file)));
  // One that is gone is reported when its turn comes.
  return found.reduce((sum, result) => sum + Number(result.status === 'fulfilled' && result.value.size), 0);
}

/** Asked anew each time: it changes while files are read. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** The files met, and one decoder for all of a run. */
class EventFiles {
  readonly #files = new Map<string, EventFile>();
  readonly #decoders = new Map<string, EventDecoder>();

  get(path: EventPath): EventFile {
    const decoder = this.#decoders.get(path.run) ?? new EventDecoder(path.run);
    const file = this.#files.get(path.file) ?? new EventFile(path, decoder);
    this.#decoders.set(path.run, decoder);
    this.#files.set(path.file, file);
    return file;
  }
}

/** As findEventPaths, with nothing there yet. */
async function findLater(place: string): Promise<EventPaths> {
  try {
    return await findEventPaths(place);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { files: [], unreadable: [] };
    throw error;
  }
}

async function waitForPoll(signal: AbortSignal | undefined): Promise<void> {
  // Rejects when it is aborted, which is one reason to look again.
  await delay(POLL_INTERVAL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

/**
 * One event at a time out of lists. By hand, since an async generator takes several turns of the microtask queue for each
 * event, and reading it takes less time than those.
 */
class EventIterator implements AsyncIterableIterator<TensorboardEvent, undefined, undefined> {
  readonly #batches: AsyncGenerator<readonly TensorboardEvent[], undefined, undefined>;
  #batch: readonly TensorboardEvent[] = [];
  #at = 0;
  #ended = false;
  #refilling: Promise<void> | undefined;

  constructor(batches: AsyncGenerator<readonly TensorboardEvent[], undefined, undefined>) {
    this.#batches = batches;
  }

  next(): Promise<IteratorResult<TensorboardEvent, undefined>> {
    const event = this.#batch[this.#at];
    if (event !== undefined) {
      this.#at += 1;
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    // Calls that come before the next list is there take from it in their order.
    this.#refilling ??= this.#refill();
    return this.#refilling.then(() => this.next());
  }

  async return(): Promise<IteratorResult<TensorboardEvent, undefined>> {
    this.#end();
    await this.#batches.return(undefined);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #refill(): Promise<void> {
    try {
      const next = await this.#batches.next();
      if (next.done === true || this.#ended) this.#end();
      else {
        this.#batch = next.value;
        this.#at = 0;
      }
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      this.#refilling = undefined;
    }
  }

  #end(): void {
    this.#ended = true;
    this.#batch = [];
  }
}
