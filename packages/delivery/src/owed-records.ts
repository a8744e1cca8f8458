/** What the sinks of a run are owed, found out from outside: from the stored cursors and the ends of the logs. */

import { isLeased, listRuns, readManifest, runDirectory, withRunLogs, type RunDirectory } from '@runcast/runlog';
import { storedPositions } from './stored-positions.ts';

/** Records that each of `sinks` has not been given, by name. Throws the system's error where the logs cannot be read. */
export function owedRecords(directory: RunDirectory, sinks: readonly string[]): ReadonlyMap<string, number> {
  return withRunLogs(directory.logDirectory, (logs) => {
    return new Map(sinks.map((sink) => [sink, logs.recordsAfter(storedPositions(directory, sink).of)]));
  });
}

/**
 * Runs below `dir` that nobody delivers and whose sinks are owed something, among the `limit` that sort last: ids sort by
 * time, and a directory of ten thousand runs must not delay the opening of the next.
 */
export function findUndeliveredRuns(dir: string, limit: number): readonly string[] {
  return listRuns(dir)
    .slice(-limit)
    .filter((runId) => {
      const directory = runDirectory(dir, runId);
      const manifest = readManifest(directory);
      if (manifest === undefined || manifest.settled || isLeased(directory.leaseFile)) return false;
      return [...owedRecords(directory, manifest.sinks).values()].some((owed) => owed > 0);
    });
}
