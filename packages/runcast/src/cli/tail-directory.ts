/** Records of the logs of a directory, as they come. */

import { listRuns, LOG_START, RunLogs, runDirectory, type LogPosition, type RunDirectory } from '@runcast/runlog';
import type { TailedRecord, TailSource } from './tail-source.ts';

const READ_BYTES = 256 * 1024;

/**
 * Begins with the last `lines` records of each log.
 *
 * @param only The run to follow; every run of `dir` where left out, those that are begun later too.
 */
export function tailDirectory(dir: string, only: RunDirectory | undefined, lines: number): TailSource {
  const runs = new Map<string, { readonly logs: RunLogs; readonly positions: Map<string, LogPosition> }>();
  // What begins after the first look is shown from its start.
  let isFirst = true;
  const lookForRuns = (): void => {
    const found = only === undefined ? listRuns(dir).map((id) => runDirectory(dir, id)) : [only];
    for (const { runId, logDirectory } of found)
      if (!runs.has(runId)) runs.set(runId, { logs: new RunLogs(logDirectory), positions: new Map() });
  };
  return {
    read: async () => {
      lookForRuns();
      const records: TailedRecord[] = [];
      for (const [run, { logs, positions }] of runs) {
        logs.refresh();
        for (const writer of logs.writers) {
          const reader = logs.reader(writer);
          const start = isFirst ? lastLines(reader.lastSeq(), reader.size(), lines) : LOG_START;
          const position = positions.get(writer) ?? reader.locate(start);
          const chunk = reader.read(position, { maxBytes: READ_BYTES });
          positions.set(writer, chunk.next);
          records.push(...chunk.records.map((record) => ({ run, writer, record })));
        }
      }
      isFirst = false;
      return records.toSorted((one, other) => one.record.time - other.record.time);
    },
    close: () => {
      for (const { logs } of runs.values()) logs.close();
    },
  };
}

function lastLines(lastSeq: number, size: number, lines: number): LogPosition {
  return lastSeq < lines ? LOG_START : { seq: lastSeq - lines, offset: size };
}
