/**
 * Records from the stream as the logs of their runs, in a directory of this relay's: the same lines that the trainers have
 * written, so that everything that reads a run reads these. A record that is there is not written again, whatever the
 * stream repeats.
 */

import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { openAppendFile, ShortFileError } from '@runcast/append-file';
import { RunOpenError } from '@runcast/core';
import type { StreamLine } from '@runcast/redis';
import { LogReader, prepareRunDirectory, type RunDirectory } from '@runcast/runlog';

/** What became of some lines. */
export interface AppendOutcome<L extends StreamLine> {
  readonly appended: number;
  /** They were there. */
  readonly repeated: number;
  /** Their runs cannot be kept here, and never will. */
  readonly refused: readonly { readonly line: L; readonly reason: string }[];
}

/** Where a writer's log ends. */
interface LogEnd {
  readonly path: string;
  seq: number;
  length: number;
}

/** As many as Node has threads for. */
const SYNCS_AT_A_TIME = 4;

export class RelayedLogs {
  readonly #dir: string;
  readonly #nowMs: () => number;
  readonly #ends = new Map<string, LogEnd>();
  /** Those that have got something since they were forced to the disk. */
  readonly #unsynced = new Set<LogEnd>();

  /** @param dir Directory of the runs. */
  constructor(dir: string, nowMs: () => number) {
    this.#dir = dir;
    this.#nowMs = nowMs;
  }

  /** Writes lines to the ends of their logs. Throws the system's error; it may be repeated. */
  append<L extends StreamLine>(lines: readonly L[]): AppendOutcome<L> {
    let appended = 0;
    const refused: { readonly line: L; readonly reason: string }[] = [];
    for (const [run, ofRun] of Map.groupBy(lines, (line) => line.run))
      for (const [writer, own] of Map.groupBy(ofRun, (line) => line.writer)) {
        const end = this.#endOf(run, writer, own);
        if (typeof end === 'string') refused.push(...own.map((line) => ({ line, reason: end })));
        else appended += this.#append(end, own);
      }
    return { appended, repeated: lines.length - appended - refused.length, refused };
  }

  /** Forces everything written before the call to the disk. Rejects with the system's error; it may be repeated. */
  async sync(): Promise<void> {
    const ends = [...this.#unsynced];
    const syncInTurn = async (): Promise<void> => {
      for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
        await syncFile(end);
        this.#unsynced.delete(end);
      }
    };
    await Promise.all(Array.from({ length: SYNCS_AT_A_TIME }, syncInTurn));
  }

  #append(end: LogEnd, lines: readonly StreamLine[]): number {
    const { length } = end;
    try {
      return appendNew(end, lines);
    } finally {
      if (end.length > length) this.#unsynced.add(end);
    }
  }

  /** Or why there is none. */
  #endOf(run: string, writer: string, lines: readonly StreamLine[]): LogEnd | string {
    const key = `${run}/${writer}`;
    const known = this.#ends.get(key);
    if (known !== undefined) return known;
    try {
      const end = findEnd(this.#prepare(run, lines), writer);
      this.#ends.set(key, end);
      return end;
    } catch (error) {
      // With a cause it is the disk, which may recover; without, the name.
      if (error instanceof RunOpenError && error.cause === undefined) return error.message;
      throw error;
    }
  }

  #prepare(run: string, lines: readonly StreamLine[]): RunDirectory {
    const [said] = lines.flatMap(({ record }) => (record?.kind === 'open' ? [record] : []));
    const manifest = {
      v: 1,
      run,
      created: said?.time ?? this.#nowMs() / 1000,
      ...(said?.project === undefined ? {} : { project: said.project }),
      ...(said?.name === undefined ? {} : { name: said.name }),
      sinks: [],
      settled: false,
    } as const;
    return prepareRunDirectory(this.#dir, run, 'allow', () => true, manifest).directory;
  }
}

/** Off the loop, where a disk that takes long would hold up deliveries and the lock. */
async function syncFile({ path, length }: LogEnd): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    if (size < length) throw new ShortFileError(path, size, length);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A piece that stays in the processor's cache, in UTF-16 units: all in one takes several times as long to encode. */
const PIECE_UNITS = 32_768;

/** Where it throws, the end has moved with what was written before. */
function appendNew(end: LogEnd, lines: readonly StreamLine[]): number {
  let { seq } = end;
  if (!lines.some((line) => line.seq > seq)) return 0;
  let text = '';
  let count = 0;
  const file = openAppendFile(end.path, { mode: end.length === 0 ? 'either' : 'reopen', length: end.length });
  const write = (): void => {
    file.appendText(text);
    end.length = file.length;
    end.seq = seq;
    text = '';
  };
  try {
    for (const one of lines) {
      if (one.seq <= seq) continue;
      text += `${one.line}\n`;
      ({ seq } = one);
      count += 1;
      if (text.length >= PIECE_UNITS) write();
    }
    write();
  } finally {
    file.close();
  }
  return count;
}

/** The end of the last whole record: what a crash has torn is cut off with the next append. */
function findEnd(directory: RunDirectory, writer: string): LogEnd {
  const path = join(directory.logDirectory, `${writer}.jsonl`);
  if (!existsSync(path)) return { path, seq: -1, length: 0 };
  const reader = new LogReader(path);
  try {
    const seq = reader.lastSeq();
    return { path, seq, length: reader.locate({ seq, offset: reader.size() }).offset };
  } finally {
    reader.close();
  }
}
