// Judges a run from outside: reads the log, the rows and the event files as files, and says everything that is lost, doubled,
// out of order, torn or different. The log is the measure; what the trainer says has returned is the log's own.
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseRecord, type RunRecord } from '@runcast/core';
import { runDirectory } from '@runcast/runlog';
import { readEventFile, type ScalarPoint } from './event-file-reader.ts';
import { eventsFolder, rowsFolder, runsFolder } from './trainer-settings.ts';

/** What one process has logged. */
export interface WriterLog {
  readonly writer: string;
  readonly path: string;
  /** Process id in its first record. */
  readonly pid: number;
  readonly records: readonly RunRecord[];
  /** Whole lines that are no records. */
  readonly corruptLines: number;
  /** Bytes behind the last newline. */
  readonly tailBytes: number;
}

/** At most so many problems of one kind are told. */
const MAX_TOLD = 5;

export function readWriterLogs(folder: string, runId: string): readonly WriterLog[] {
  const { logDirectory } = runDirectory(runsFolder(folder), runId);
  if (!existsSync(logDirectory)) return [];
  return readdirSync(logDirectory).map((name) => readWriterLog(path.join(logDirectory, name)));
}

function readWriterLog(file: string): WriterLog {
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(0x0a) + 1;
  const lines = bytes.toString('utf8', 0, end).split('\n').slice(0, -1);
  const parsed = lines.map((line) => parseRecord(line));
  const records = parsed.flatMap((result) => (result.ok ? [result.record] : []));
  const [first] = records;
  return {
    writer: path.basename(file, '.jsonl'),
    path: file,
    pid: first?.kind === 'open' ? first.pid : 0,
    records,
    corruptLines: parsed.length - records.length,
    tailBytes: bytes.length - end,
  };
}

/** Numbers from 0 without gaps; a corrupt line is a gap that is known. */
export function logProblems(logs: readonly WriterLog[]): readonly string[] {
  return logs.flatMap(({ writer, records, corruptLines }) => {
    const gaps = (records.at(-1)?.seq ?? -1) + 1 - records.length;
    const disorder = records.some(({ seq }, index) => seq <= (records[index - 1]?.seq ?? -1));
    return [
      ...(disorder ? [`log: ${writer} is not in order`] : []),
      ...(gaps > corruptLines ? [`log: ${writer} lacks ${gaps} records and has ${corruptLines} corrupt lines`] : []),
    ];
  });
}

/** Every step whose call had returned is there, but for the last `tolerated`. */
export function returnedStepProblems(
  logs: readonly WriterLog[],
  name: string,
  returned: number,
  tolerated: number,
): readonly string[] {
  const key = `train/${name}`;
  const steps = new Set(
    logs.flatMap(({ records }) =>
      records.flatMap((record) => (record.kind === 'step' && key in record.metrics ? [record.step] : [])),
    ),
  );
  const missing = Array.from({ length: returned }, (_, index) => index + 1).filter((step) => !steps.has(step));
  const early = missing.filter((step) => step <= returned - tolerated);
  return early.length === 0
    ? []
    : [`log: ${early.length} of ${returned} steps of ${name} had returned and are not there, the first ${early[0]}`];
}

/** The rows hold each record of the log once, in order within its writer, with its values. */
export function rowProblems(folder: string, runId: string, logs: readonly WriterLog[]): readonly string[] {
  const file = path.join(rowsFolder(folder), `${runId}.jsonl`);
  const problems = new Problems('jsonl');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (text !== '' && !text.endsWith('\n')) problems.add('the last row is torn');
  const expected = new Map(logs.map(({ writer, records }) => [writer, { records, next: 0 }]));
  for (const line of text.split('\n').slice(0, -1)) {
    const row = parseRow(line);
    const writer = expected.get(String(row?.['writer']));
    if (row === undefined || writer === undefined) {
      problems.add(`a row is none of the log's: ${line.slice(0, 80)}`);
      continue;
    }
    const record = writer.records[writer.next];
    if (record === undefined || row['seq'] !== record.seq) {
      problems.add(`${String(row['writer'])} has seq ${String(row['seq'])} where ${record?.seq ?? 'its end'} belongs`);
      continue;
    }
    if (!isRowOf(row, record)) problems.add(`${String(row['writer'])} seq ${record.seq} differs from the log`);
    writer.next += 1;
  }
  for (const [writer, { records, next }] of expected)
    if (next < records.length) problems.add(`${writer} has ${next} rows of ${records.length} records`);
  return problems.told;
}

function parseRow(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const row: unknown = JSON.parse(line);
    return typeof row === 'object' && row !== null ? Object.fromEntries(Object.entries(row)) : undefined;
  } catch {
    return undefined;
  }
}

function isRowOf(row: Readonly<Record<string, unknown>>, record: RunRecord): boolean {
  const metrics = Object.entries('metrics' in record ? record.metrics : {});
  return (
    row['kind'] === record.kind &&
    row['time'] === record.time &&
    (!('step' in record) || record.kind === 'define_metric' || row['step'] === record.step) &&
    metrics.every(([key, value]) => row[key] === value)
  );
}

/** The event files can be read to their ends and hold each scalar of the log once, a writer's own in order. */
export function eventProblems(folder: string, runId: string, logs: readonly WriterLog[]): readonly string[] {
  const problems = new Problems('tensorboard');
  const read = eventFiles(folder, runId).map((file) => readEventFile(file));
  for (const { problem } of read) if (problem !== undefined) problems.add(problem);
  const points = Map.groupBy(
    read.flatMap((file) => file.points),
    ({ tag }) => tag,
  );
  const expected = expectedPoints(logs);
  for (const tag of new Set([...expected.keys(), ...points.keys()])) {
    const wanted = expected.get(tag) ?? [];
    const found = points.get(tag) ?? [];
    if (found.length !== wanted.length) problems.add(`${tag} has ${found.length} points where ${wanted.length} belong`);
    const texts = found.map(pointText);
    // Only one process logs a metric of its own, so that the file has it in the order of the log.
    const inOrder = /^train\/p\d+$/u.test(tag) ? texts : texts.toSorted();
    const wantedTexts = wanted.map(pointText);
    const differing = (inOrder === texts ? wantedTexts : wantedTexts.toSorted()).findIndex(
      (text, index) => text !== inOrder[index],
    );
    if (differing >= 0) problems.add(`${tag} differs from the log at its point ${differing}: ${inOrder[differing]}`);
  }
  return problems.told;
}

export function eventFiles(folder: string, runId: string): readonly string[] {
  const directory = path.join(eventsFolder(folder), runId);
  return globSync('**/events.out.tfevents.*', { cwd: directory })
    .toSorted()
    .map((name) => path.join(directory, name));
}

function expectedPoints(logs: readonly WriterLog[]): ReadonlyMap<string, readonly ScalarPoint[]> {
  const points = logs.flatMap(({ records }) => records.flatMap((record) => pointsOf(record)));
  return Map.groupBy(points, ({ tag }) => tag);
}

function pointsOf(record: RunRecord): readonly ScalarPoint[] {
  if (record.kind !== 'step' && record.kind !== 'validation') return [];
  const step = record.kind === 'step' ? record.step : record.epoch;
  return Object.entries(record.metrics).map(([tag, value]) => ({
    tag,
    step,
    value: Math.fround(Number(value)),
    time: record.time,
  }));
}

function pointText({ step, value, time }: ScalarPoint): string {
  return `${step} ${value} ${time}`;
}

/** Problems of one sink, the first few of them. */
class Problems {
  readonly #sink: string;
  readonly #found: string[] = [];

  constructor(sink: string) {
    this.#sink = sink;
  }

  add(problem: string): void {
    this.#found.push(problem);
  }

  get told(): readonly string[] {
    const told = this.#found.slice(0, MAX_TOLD).map((problem) => `${this.#sink}: ${problem}`);
    const rest = this.#found.length - told.length;
    return rest === 0 ? told : [...told, `${this.#sink}: and ${rest} more`];
  }
}
