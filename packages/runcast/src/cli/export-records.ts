/** All records of a run, writer after writer in the order in which they began. */

import type { RunRecord } from '@runcast/core';
import { LOG_START, RunLogs, type RunDirectory } from '@runcast/runlog';

const PIECE_BYTES = 1_048_576;

/** Some records of one writer, in order. */
export interface RecordPiece {
  readonly writer: string;
  readonly records: readonly RunRecord[];
  /** Lines among them that are no records. */
  readonly corrupt: number;
  readonly readBytes: number;
  readonly foundBytes: number;
}

/**
 * A torn or growing last line is not a record yet, and is left alone. Throws the system's error where a log cannot be read.
 */
export function* readRecordPieces({ logDirectory }: RunDirectory): Generator<RecordPiece, void, undefined> {
  const logs = new RunLogs(logDirectory);
  try {
    logs.refresh();
    const foundBytes = logs.bytesAfter(() => LOG_START);
    let before = 0;
    for (const writer of logs.writers) {
      const reader = logs.reader(writer);
      let position = LOG_START;
      for (;;) {
        const { records, corrupt, next } = reader.read(position, { maxBytes: PIECE_BYTES });
        if (next.offset === position.offset) break;
        position = next;
        yield { writer, records, corrupt: corrupt.length, readBytes: before + next.offset, foundBytes };
      }
      before += position.offset;
    }
  } finally {
    logs.close();
  }
}
