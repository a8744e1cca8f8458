/**
 * Which writer's records come next. A run that was resumed has a log for each of its owners, and a sink that gets them
 * afterwards must see the first before the second: steps would seem to go back otherwise. Writers that log at the same time
 * take turns.
 */

import type { LogPosition, RunLogs } from '@runcast/runlog';

/** Enough for the next record of a log. */
const PEEK_BYTES = 4096;

/** Writers with something to read behind `position`, the one whose next record is the oldest first. */
export function writersInTurn(logs: RunLogs, position: (writer: string) => LogPosition): readonly string[] {
  const waiting = logs.writers.filter((writer) => logs.reader(writer).size() > position(writer).offset);
  if (waiting.length < 2) return waiting;
  return waiting
    .map((writer) => ({ writer, time: nextTime(logs, writer, position(writer)) }))
    .toSorted((one, other) => one.time - other.time)
    .map(({ writer }) => writer);
}

/** What is no record has no time, and is got out of the way at once. */
function nextTime(logs: RunLogs, writer: string, position: LogPosition): number {
  const [next] = logs.reader(writer).read(position, { maxBytes: PEEK_BYTES, maxRecords: 1 }).records;
  return next?.time ?? Number.NEGATIVE_INFINITY;
}
