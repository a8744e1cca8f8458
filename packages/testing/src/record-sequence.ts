/** The records of one writer: numbered without gaps and timed by an injected clock, as a log has them. */

import type { RecordBatch, RunRecord } from '@runcast/core';

export interface RecordSequenceOptions {
  readonly writer: string;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/** What the log adds to a record. */
export interface RecordPlace {
  readonly seq: number;
  /** Unix seconds. */
  readonly time: number;
}

export interface RecordSequence {
  readonly writer: string;
  readonly records: readonly RunRecord[];
  /** Adds the record that `build` makes for the next place: `next((place) => stepRecord({ ...place, step: 3 }))`. */
  next<R extends RunRecord>(build: (place: RecordPlace) => R): R;
}

export function createRecordSequence(options: RecordSequenceOptions): RecordSequence {
  const records: RunRecord[] = [];
  return {
    writer: options.writer,
    records,
    next: (build) => {
      const record = build({ seq: records.length, time: options.now() / 1000 });
      records.push(record);
      return record;
    },
  };
}

/** The batch that stands for `records`, which are in order and at least one. */
export function batchOf(writer: string, records: readonly RunRecord[]): RecordBatch {
  const [first, last] = [records[0], records.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError('a batch stands for at least one record');
  const lines = records.map((record) => JSON.stringify(record));
  return { writer, from: first.seq, to: last.seq, records, logged: { records, lines } };
}
