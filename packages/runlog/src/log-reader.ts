/**
 * Reads one writer's log from any position, whole lines only: what has no newline yet is still being written, or was torn
 * by a crash, and is left alone either way. Lines that are no records are set aside and reported, and the rest goes on.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parseRecord, RowReader, type ParseResult, type RecordKind, type RunRecord } from '@runcast/core';

/** Where a reader stands: everything up to `seq` has been read, and the next line starts at byte `offset`. */
export interface LogPosition {
  /** `seq` of the last record read; -1 before the first. */
  readonly seq: number;
  readonly offset: number;
}

export const LOG_START: LogPosition = { seq: -1, offset: 0 };

/** A whole line that is no record of this log. */
export interface CorruptLine {
  readonly offset: number;
  readonly problem: string;
}

export interface LogChunk {
  readonly records: readonly RunRecord[];
  /** Those records as they are in the log. */
  readonly lines: readonly string[];
  readonly corrupt: readonly CorruptLine[];
  /** Where to go on from. */
  readonly next: LogPosition;
}

export interface ReadLimits {
  /** About how many bytes to read, from 1; a line longer than this is still read whole. */
  readonly maxBytes: number;
  readonly maxRecords?: number;
  /** Stop before a record with a greater `seq`. */
  readonly throughSeq?: number;
  /** What is wanted: records of other kinds, and lines that are no records, may be passed over. */
  readonly kinds?: ReadonlySet<RecordKind>;
}

const NEWLINE = 0x0a;
const TAIL_BYTES = 65_536;

export class LogReader {
  readonly path: string;
  readonly #fd: number;
  #buffer: Buffer = Buffer.alloc(0);
  readonly #rows = new RowReader();
  #lastRead: { readonly position: LogPosition; readonly limits: ReadLimits; readonly chunk: LogChunk } | undefined;

  /** Throws the system's error where the log cannot be opened. */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'r');
  }

  /** Bytes in the log now, a torn or growing last line included. */
  size(): number {
    return fstatSync(this.#fd).size;
  }

  /**
   * The next records after `position`, none where there is no further whole line. Several sinks read the same stretches
   * shortly after one another: the last one is remembered, and parsed once. Throws the system's error.
   */
  read(position: LogPosition, limits: ReadLimits): LogChunk {
    const last = this.#lastRead;
    if (last !== undefined && samePosition(last.position, position) && isWithin(last.limits, limits)) return last.chunk;
    const lines = this.#wholeLines(position.offset, limits.maxBytes);
    if (lines.length === 0) return nothing(position);
    const passed = passedOver(lines, position, limits);
    if (passed !== undefined) return nothing(passed);
    const chunk = this.#parse(lines, position, limits);
    this.#lastRead = { position, limits, chunk };
    return chunk;
  }

  /**
   * The position as this log has it. Byte offsets are hints: where no line starts at the offset, or the record before it is
   * not the one the position names, it is looked for in what lies before the offset, and then from the log's start.
   */
  locate(position: LogPosition): LogPosition {
    if (this.#startsLine(position.offset) && this.lastSeq(position.offset) === position.seq) return position;
    let found = this.#lineBefore(position);
    for (;;) {
      const { next } = this.read(found, { maxBytes: TAIL_BYTES, throughSeq: position.seq });
      if (next.offset === found.offset) return { seq: position.seq, offset: found.offset };
      found = next;
    }
  }

  /** `seq` of the last whole record before byte `end`; -1 where there is none. */
  lastSeq(end: number = this.size()): number {
    return this.lastRecord(end)?.seq ?? -1;
  }

  /** The last whole record before byte `end`; undefined where there is none. Reads only as far back as it must. */
  lastRecord(end: number = this.size()): RunRecord | undefined {
    for (let length = TAIL_BYTES; ; length *= 4) {
      const start = Math.max(0, end - length);
      const lines = this.#fill(start, end - start)
        .toString('utf8')
        .split('\n');
      // The last piece has no newline; the first may be the end of a line that starts before.
      const whole = lines.slice(start === 0 ? 0 : 1, -1);
      for (const line of whole.toReversed()) {
        const parsed = parseRecord(line);
        if (parsed.ok) return parsed.record;
      }
      if (start === 0) return undefined;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #parse(bytes: Buffer, position: LogPosition, limits: ReadLimits): LogChunk {
    const text = bytes.toString('utf8');
    const hasByteForUnit = text.length === bytes.length;
    this.#rows.bytes = bytes;
    const maxRecords = limits.maxRecords ?? Infinity;
    const throughSeq = limits.throughSeq ?? Infinity;
    const records: RunRecord[] = [];
    const recordLines: string[] = [];
    const corrupt: CorruptLine[] = [];
    let { seq, offset } = position;
    let start = 0;
    while (start < text.length && records.length < maxRecords) {
      const end = text.indexOf('\n', start);
      const line = text.slice(start, end);
      const row = hasByteForUnit ? this.#rows.read(start) : undefined;
      const parsed: ParseResult = row === undefined ? parseRecord(line) : { ok: true, record: row };
      if (!parsed.ok) {
        corrupt.push({ offset, problem: parsed.problem });
      } else if (parsed.record.seq <= seq) {
        // A later seq may follow a line that was corrupt; an earlier one is a repeated line, and delivering it would double it.
        corrupt.push({ offset, problem: `repeats seq ${parsed.record.seq} after ${seq}` });
      } else {
        if (parsed.record.seq > throughSeq) break;
        records.push(parsed.record);
        recordLines.push(line);
        ({ seq } = parsed.record);
      }
      start = end + 1;
      offset = hasByteForUnit ? position.offset + start : lineAfter(bytes, position.offset, offset);
    }
    return { records, lines: recordLines, corrupt, next: { seq, offset } };
  }

  /** The start of a line before the offset with nothing later than `seq` before it; the nearest that is found in a few looks. */
  #lineBefore({ seq, offset }: LogPosition): LogPosition {
    const end = Math.min(offset, this.size());
    for (let length = TAIL_BYTES; length < end; length *= 4) {
      const newline = this.#fill(end - length, TAIL_BYTES).indexOf(NEWLINE);
      const start = end - length + newline + 1;
      const last = newline < 0 ? Infinity : this.lastSeq(start);
      if (last <= seq) return { seq: last, offset: start };
    }
    return LOG_START;
  }

  #startsLine(offset: number): boolean {
    return offset === 0 || (offset <= this.size() && this.#fill(offset - 1, 1)[0] === NEWLINE);
  }

  /** Bytes from `offset` up to the last newline within about `maxBytes`, or to the first newline where that is further. */
  #wholeLines(offset: number, maxBytes: number): Buffer {
    const available = this.size() - offset;
    for (let length = maxBytes; ; length *= 4) {
      const bytes = this.#fill(offset, Math.min(length, available));
      const end = bytes.lastIndexOf(NEWLINE);
      if (end >= 0) return bytes.subarray(0, end + 1);
      if (length >= available) return bytes.subarray(0, 0);
    }
  }

  #fill(offset: number, length: number): Buffer {
    if (length <= 0) return this.#buffer.subarray(0, 0);
    if (this.#buffer.length < length) this.#buffer = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(this.#fd, this.#buffer, filled, length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return this.#buffer.subarray(0, filled);
  }
}

function samePosition(one: LogPosition, other: LogPosition): boolean {
  return one.seq === other.seq && one.offset === other.offset;
}

/** True where what was read within `one` is an answer within `other` too: it may have fewer bytes. */
function isWithin(one: ReadLimits, other: ReadLimits): boolean {
  return one.maxBytes <= other.maxBytes && one.maxRecords === other.maxRecords && one.throughSeq === other.throughSeq;
}

function nothing(next: LogPosition): LogChunk {
  return { records: [], lines: [], corrupt: [], next };
}

/** The end of lines none of which is wanted, by a look that takes a fifth of the time of parsing them; undefined where one may be. */
function passedOver(bytes: Buffer, position: LogPosition, limits: ReadLimits): LogPosition | undefined {
  const { kinds, maxRecords, throughSeq } = limits;
  if (kinds === undefined || maxRecords !== undefined || throughSeq !== undefined) return undefined;
  const text = bytes.toString('latin1');
  if (new RegExp(String.raw`"kind"\s*:\s*"(?:${[...kinds].join('|')})"`, 'u').test(text)) return undefined;
  const last = parseRecord(bytes.toString('utf8', text.lastIndexOf('\n', text.length - 2) + 1, text.length - 1));
  if (!last.ok || last.record.seq <= position.seq) return undefined;
  return { seq: last.record.seq, offset: position.offset + bytes.length };
}

/** Counted in the bytes themselves: text made of invalid UTF-8 has another length. */
function lineAfter(bytes: Buffer, from: number, offset: number): number {
  return from + bytes.indexOf(NEWLINE, offset - from) + 1;
}
