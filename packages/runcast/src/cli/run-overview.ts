/**
 * A run at a glance: how it stands, how far it got, what each sink has of it. Read from the ends of the logs and from the
 * cursors, so that a directory of long runs is listed without reading them.
 */

import { existsSync, readdirSync } from 'node:fs';
import type { CloseRecord, OpenRecord, RunRecord, RunStatus } from '@runcast/core';
import { storedPositions } from '@runcast/delivery';
import { isLeased, LOG_START, readManifest, withRunLogs, type LogReader, type RunDirectory } from '@runcast/runlog';

/** Enough for the first record of a log. */
const HEAD_BYTES = 4096;
const TAIL_BYTES = 65_536;
/** How far back the last step is looked for, among records of other kinds. */
const MAX_TAIL_BYTES = 4 * 1024 * 1024;
const CURSOR_SUFFIX = '.json';

/** What one sink has of a run. */
export interface SinkOverview {
  readonly sink: string;
  /** Records handed over or knowingly passed over. */
  readonly delivered: number;
  readonly owed: number;
}

export interface RunOverview {
  readonly id: string;
  /** Absolute path of the run directory. */
  readonly path: string;
  readonly project: string | undefined;
  readonly name: string | undefined;
  /** `running` while a process owns the run; `crashed` where its last owner left no end. */
  readonly status: RunStatus | 'running';
  /** How its last owner ended it, `crashed` where it left no end. Says nothing while somebody owns the run. */
  readonly end: RunStatus;
  /** Unix seconds. */
  readonly started: number;
  /** Seconds from the start to the last record, or to now for a running one. */
  readonly duration: number;
  /** False where the log was deleted, or there never was one. */
  readonly hasLog: boolean;
  readonly records: number;
  readonly lastStep: number | undefined;
  /** Those that were on for the run, and those asked for. */
  readonly sinks: readonly SinkOverview[];
  /** The process that last owned the run. */
  readonly owner: { readonly pid: number; readonly host: string } | undefined;
}

interface WriterOverview {
  readonly writer: string;
  readonly open: OpenRecord | undefined;
  readonly close: CloseRecord | undefined;
  readonly lastSeq: number;
  readonly lastTime: number;
  readonly lastStep: number | undefined;
}

/**
 * @param sinks Names of sinks to report on even where they have got nothing of the run yet.
 * @throws the system's error where the run cannot be read.
 */
export function readRunOverview(directory: RunDirectory, sinks: readonly string[], nowMs: number): RunOverview {
  const lease = leaseState(directory);
  const writers = readWriters(directory);
  const owner = latest(writers.flatMap(({ open }) => (open?.role === 'owner' ? [open] : [])));
  const close = writers.find(({ open }) => owner !== undefined && open === owner)?.close;
  // A log that was deleted after delivery says nothing of its end.
  const end = close?.status ?? (owner === undefined ? 'unknown' : 'crashed');
  const manifest = readManifest(directory);
  const known = new Set([...(manifest?.sinks ?? []), ...cursorNames(directory), ...sinks]);
  const started = manifest?.created ?? Math.min(...writers.map(({ open }) => open?.time ?? Infinity), nowMs / 1000);
  const ended =
    lease === 'held' ? nowMs / 1000 : writers.reduce((last, { lastTime }) => Math.max(last, lastTime), started);
  const steps = writers.flatMap(({ lastStep }) => (lastStep === undefined ? [] : [lastStep]));
  return {
    id: manifest?.run ?? directory.runId,
    path: directory.path,
    project: manifest?.project ?? owner?.project,
    name: manifest?.name ?? owner?.name,
    status: runStatus(lease, end),
    end,
    started,
    duration: Math.max(0, ended - started),
    hasLog: writers.length > 0,
    records: writers.reduce((count, { lastSeq }) => count + lastSeq + 1, 0),
    lastStep: steps.length === 0 ? undefined : Math.max(...steps),
    sinks: [...known].map((sink) => sinkOverview(directory, sink, writers)),
    owner: owner === undefined ? undefined : { pid: owner.pid, host: owner.host },
  };
}

function runStatus(lease: 'held' | 'free' | 'unknown', end: RunStatus): RunOverview['status'] {
  if (lease === 'held') return 'running';
  // Where the lease cannot be tried, a run without an end may as well be running.
  return lease === 'unknown' && end === 'crashed' ? 'unknown' : end;
}

/** Trying the lease would make its file, which a mere look must not. */
function leaseState({ leaseFile }: RunDirectory): 'held' | 'free' | 'unknown' {
  if (!existsSync(leaseFile)) return 'free';
  try {
    return isLeased(leaseFile) ? 'held' : 'free';
  } catch {
    return 'unknown';
  }
}

function readWriters(directory: RunDirectory): readonly WriterOverview[] {
  if (!existsSync(directory.logDirectory)) return [];
  return withRunLogs(directory.logDirectory, (logs) =>
    logs.writers.map((writer) => readWriter(writer, logs.reader(writer))),
  );
}

function readWriter(writer: string, reader: LogReader): WriterOverview {
  const [first] = reader.read(LOG_START, { maxBytes: HEAD_BYTES, maxRecords: 1 }).records;
  const tail = readTail(reader);
  return {
    writer,
    open: first?.kind === 'open' ? first : undefined,
    close: tail.findLast((record) => record.kind === 'close'),
    lastSeq: tail.at(-1)?.seq ?? -1,
    lastTime: tail.at(-1)?.time ?? 0,
    lastStep: tail.reduce<number | undefined>((last, record) => stepOf(record) ?? last, undefined),
  };
}

/** The last records of a log: at least one if there is any, and as many as it takes to find a step nearby. */
function readTail(reader: LogReader): readonly RunRecord[] {
  const size = reader.size();
  for (let length = TAIL_BYTES; ; length *= 4) {
    const offset = Math.max(0, size - length);
    // Begun in the middle of a line, which counts as corrupt and is not looked at.
    const { records } = reader.read({ seq: -1, offset }, { maxBytes: length });
    const hasStep = records.some((record) => stepOf(record) !== undefined);
    const found = hasStep || (records.length > 0 && length >= MAX_TAIL_BYTES);
    if (found || offset === 0) return records;
  }
}

/** The step on the run's own axis; a series has another. */
function stepOf(record: RunRecord): number | undefined {
  if (record.kind === 'step') return record.step;
  return record.kind === 'log' && record.series === undefined ? record.step : undefined;
}

function latest(records: readonly OpenRecord[]): OpenRecord | undefined {
  return records.toSorted((left, right) => left.time - right.time).at(-1);
}

function cursorNames({ cursorDirectory }: RunDirectory): readonly string[] {
  if (!existsSync(cursorDirectory)) return [];
  return (
    readdirSync(cursorDirectory)
      .filter((name) => name.endsWith(CURSOR_SUFFIX))
      .map((name) => name.slice(0, -CURSOR_SUFFIX.length))
      // A sink's lanes have cursors of their own, named with a dot.
      .filter((name) => !name.includes('.'))
      .toSorted()
  );
}

function sinkOverview(directory: RunDirectory, sink: string, writers: readonly WriterOverview[]): SinkOverview {
  const stored = storedPositions(directory, sink);
  const delivered = stored.writers.reduce((count, writer) => count + stored.of(writer).seq + 1, 0);
  const owed = writers.reduce((count, { writer, lastSeq }) => count + Math.max(0, lastSeq - stored.of(writer).seq), 0);
  return { sink, delivered, owed };
}
