/** Which logs nobody needs any more, for users who keep a run's log only until its sinks have it. */

import { readdirSync, rmSync } from 'node:fs';
import { withRunLogs, type RunDirectory } from '@runcast/runlog';
import { storedPositions } from './stored-positions.ts';

/**
 * Removes the logs that their writers have ended and that each of `sinks` has to the last record. Another writer of the run
 * may still be logging, or have ended since it was last looked at: its log stays. With the last log the blobs
 * go. Throws the system's error.
 */
export function removeDeliveredLogs(directory: RunDirectory, sinks: readonly string[]): void {
  const positions = sinks.map((sink) => storedPositions(directory, sink));
  withRunLogs(directory.logDirectory, (logs) => {
    for (const writer of logs.writers) {
      const reader = logs.reader(writer);
      const last = reader.lastRecord();
      if (last?.kind !== 'close') continue;
      if (positions.every((position) => position.of(writer).seq >= last.seq)) rmSync(reader.path);
    }
  });
  // What no log speaks of any more is of no use without it.
  if (readdirSync(directory.logDirectory).length === 0)
    rmSync(directory.blobDirectory, { recursive: true, force: true });
}
