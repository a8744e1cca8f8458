/**
 * All logs of one run, its writers coming and going. Each process has a log of its own, so that no two ever write to one
 * file; whoever delivers reads them all.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LogReader, LOG_START, type LogPosition } from './log-reader.ts';

const LOG_SUFFIX = '.jsonl';
/** Enough for a log's first record, which is read whole in any case. */
const FIRST_RECORD_BYTES = 4096;

export class RunLogs {
  readonly #directory: string;
  readonly #readers = new Map<string, LogReader>();

  constructor(logDirectory: string) {
    this.#directory = logDirectory;
  }

  /** Looks for logs that have appeared since. Throws the system's error where the directory cannot be read. */
  refresh(): void {
    const found: { readonly writer: string; readonly reader: LogReader }[] = [];
    try {
      for (const name of readdirSync(this.#directory).toSorted()) {
        const writer = name.slice(0, -LOG_SUFFIX.length);
        if (name.endsWith(LOG_SUFFIX) && !this.#readers.has(writer))
          found.push({ writer, reader: new LogReader(join(this.#directory, name)) });
      }
    } finally {
      const born = found.map(({ writer, reader }) => ({ writer, reader, time: firstTime(reader) }));
      for (const { writer, reader } of born.toSorted((one, other) => one.time - other.time))
        this.#readers.set(writer, reader);
    }
  }

  /** Names of the writers known: in the order they were found, those found together oldest first. */
  get writers(): readonly string[] {
    return [...this.#readers.keys()];
  }

  /** Throws a RangeError for a writer that is not known. */
  reader(writer: string): LogReader {
    const reader = this.#readers.get(writer);
    if (reader === undefined) throw new RangeError(`the run has no writer ${writer}`);
    return reader;
  }

  /** Bytes behind `positions`, over all writers. */
  bytesAfter(positions: (writer: string) => LogPosition): number {
    return this.#sum((reader, writer) => Math.max(0, reader.size() - positions(writer).offset));
  }

  /** Whole records behind `positions`, over all writers. */
  recordsAfter(positions: (writer: string) => LogPosition): number {
    return this.#sum((reader, writer) => Math.max(0, reader.lastSeq() - positions(writer).seq));
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  #sum(amount: (reader: LogReader, writer: string) => number): number {
    return [...this.#readers].reduce((total, [writer, reader]) => total + amount(reader, writer), 0);
  }
}

/** What `read` makes of a run's logs as they are now; they are closed again whatever comes of it. Throws the system's error. */
export function withRunLogs<T>(logDirectory: string, read: (logs: RunLogs) => T): T {
  const logs = new RunLogs(logDirectory);
  try {
    logs.refresh();
    return read(logs);
  } finally {
    logs.close();
  }
}

/** When the log was begun, in Unix seconds; later than any other, where its first record cannot be read yet. */
function firstTime(reader: LogReader): number {
  try {
    const [first] = reader.read(LOG_START, { maxBytes: FIRST_RECORD_BYTES, maxRecords: 1 }).records;
    return first?.time ?? Number.MAX_VALUE;
  } catch {
    // Whoever reads on meets the same error, and reports it.
    return Number.MAX_VALUE;
  }
}
