import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRecord } from '@runcast/core';
import { stepRecord, textRecord } from '@runcast/testing';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOG_START, LogReader, type CorruptLine, type LogPosition } from './log-reader.ts';

let place = '';
let path = '';
let reader: LogReader | undefined;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'runcast-reader-'));
  path = join(place, 'w.jsonl');
});

afterEach(() => {
  reader?.close();
  reader = undefined;
  rmSync(place, { recursive: true });
});

function step(seq: number): string {
  return `${JSON.stringify(stepRecord({ seq, n: seq + 1, step: seq }))}\n`;
}

function text(seq: number, words: string): string {
  return `${JSON.stringify(textRecord({ seq, text: words }))}\n`;
}

function steps(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => step(from + index)).join('');
}

function open(content: string | Buffer): LogReader {
  writeFileSync(path, content);
  reader?.close();
  reader = new LogReader(path);
  return reader;
}

interface Everything {
  readonly records: readonly RunRecord[];
  readonly corrupt: readonly CorruptLine[];
  readonly next: LogPosition;
}

function readAll(log: LogReader, maxBytes: number, maxRecords?: number): Everything {
  const records: RunRecord[] = [];
  const corrupt: CorruptLine[] = [];
  let next = LOG_START;
  for (;;) {
    const chunk = log.read(next, { maxBytes, ...(maxRecords === undefined ? {} : { maxRecords }) });
    records.push(...chunk.records);
    corrupt.push(...chunk.corrupt);
    if (chunk.next.offset === next.offset) return { records, corrupt, next };
    ({ next } = chunk);
  }
}

function seqs(records: readonly RunRecord[]): readonly number[] {
  return records.map(({ seq }) => seq);
}

describe('reading', () => {
  it('gives whole lines and where to go on from', () => {
    const log = open(steps(0, 3));
    const { records, corrupt, next } = log.read(LOG_START, { maxBytes: 1_000_000 });
    expect(records).toEqual([0, 1, 2].map((seq) => stepRecord({ seq, n: seq + 1, step: seq })));
    expect(corrupt).toEqual([]);
    expect(next).toEqual({ seq: 2, offset: log.size() });
    expect(log.read(next, { maxBytes: 1000 })).toEqual({ records: [], lines: [], corrupt: [], next });
  });

  it('passes over what is not wanted, as far as it need not look closely', () => {
    const log = open(steps(0, 20) + text(20, 'here') + steps(21, 30));
    const kinds = new Set(['text', 'open'] as const);
    const { records, next } = log.read(LOG_START, { maxBytes: 1000, kinds });
    const place = log.read(LOG_START, { maxBytes: 1000 }).next;
    expect(records).toEqual([]);
    expect(next).toEqual(place);
    // Lines are answered whole where one of them is wanted, and where it is said how far they go.
    expect(seqs(log.read(next, { maxBytes: 1_000_000, kinds }).records)).toContain(20);
    expect(seqs(log.read(LOG_START, { maxBytes: 900, kinds, maxRecords: 3 }).records)).toEqual([0, 1, 2]);
    expect(seqs(log.read(LOG_START, { maxBytes: 900, kinds, throughSeq: 2 }).records)).toEqual([0, 1, 2]);
  });

  it('looks closely at lines whose last is no record, or one from before', () => {
    const kinds = new Set(['text'] as const);
    const torn = open(`${steps(0, 3)}no record\n`);
    expect(torn.read(LOG_START, { maxBytes: 10_000, kinds })).toMatchObject({ next: { seq: 2, offset: torn.size() } });
    const repeated = open(steps(0, 3) + step(1));
    const { seq, offset } = repeated.read(LOG_START, { maxBytes: 10_000, throughSeq: 1 }).next;
    expect(repeated.read({ seq, offset }, { maxBytes: 10_000, kinds }).next).toEqual({
      seq: 2,
      offset: repeated.size(),
    });
  });

  it('parses once what sinks read one after the other, also where the later one may have more', () => {
    const log = open(steps(0, 30));
    const chunk = log.read(LOG_START, { maxBytes: 1000 });
    expect(log.read(LOG_START, { maxBytes: 1000 })).toBe(chunk);
    expect(log.read(LOG_START, { maxBytes: 1_000_000 })).toBe(chunk);
    expect(log.read(LOG_START, { maxBytes: 500 }).records.length).toBeLessThan(chunk.records.length);
    expect(log.read(LOG_START, { maxBytes: 1000, maxRecords: 1 }).records).toHaveLength(1);
  });

  it('finds nothing in an empty log', () => {
    expect(open('').read(LOG_START, { maxBytes: 10 })).toEqual({
      records: [],
      lines: [],
      corrupt: [],
      next: LOG_START,
    });
  });

  it('stops after so many records, and before a seq', () => {
    const log = open(steps(0, 10));
    const first = log.read(LOG_START, { maxBytes: 100_000, maxRecords: 4 });
    expect(seqs(first.records)).toEqual([0, 1, 2, 3]);
    const second = log.read(first.next, { maxBytes: 100_000, throughSeq: 6 });
    expect(seqs(second.records)).toEqual([4, 5, 6]);
    expect(seqs(log.read(second.next, { maxBytes: 100_000 }).records)).toEqual([7, 8, 9]);
  });

  it('leaves a line alone that has no newline yet, and takes it when it is whole', () => {
    const torn = step(1);
    const log = open(step(0) + torn.slice(0, 40));
    const { records, next } = readAll(log, 1000);
    expect(seqs(records)).toEqual([0]);
    expect(next).toEqual({ seq: 0, offset: step(0).length });
    appendFileSync(path, torn.slice(40));
    expect(seqs(log.read(next, { maxBytes: 1000 }).records)).toEqual([1]);
  });

  it('leaves the NUL bytes alone that a power cut puts at the end', () => {
    const log = open(step(0) + '\0'.repeat(5000));
    expect(readAll(log, 64)).toMatchObject({ corrupt: [], next: { seq: 0, offset: step(0).length } });
    expect(log.lastSeq()).toBe(0);
  });

  it('reads a line whole that is longer than the chunk', () => {
    const long = text(1, '\u0416'.repeat(200_000));
    const log = open(step(0) + long + step(2));
    expect(readAll(log, 100)).toMatchObject({ records: [{ seq: 0 }, { seq: 1 }, { seq: 2 }], corrupt: [] });
  });

  it('sets lines aside that are no records, with their offsets', () => {
    const nul = '\0\0\n';
    const log = open(`${step(0)}garbage\n${step(1)}\n${nul}${step(2)}`);
    const { records, corrupt } = readAll(log, 100_000);
    const { length } = step(0);
    expect(seqs(records)).toEqual([0, 1, 2]);
    expect(corrupt).toEqual([
      { offset: length, problem: 'is not JSON' },
      { offset: 2 * length + 8, problem: 'is not JSON' },
      { offset: 2 * length + 9, problem: 'holds NUL bytes' },
    ]);
  });

  it('goes on behind bytes that are no UTF-8', () => {
    const bad = Buffer.from([0xff, 0xfe, 0xe2, 0x82, 0x0a, 0xc3, 0x0a]);
    const log = open(Buffer.concat([Buffer.from(step(0)), bad, Buffer.from(steps(1, 4))]));
    const { length } = step(0);
    const chunk = log.read(LOG_START, { maxBytes: length + bad.length + 1 });
    expect(chunk.next).toEqual({ seq: 0, offset: length + bad.length });
    expect(chunk.corrupt.map(({ offset }) => offset)).toEqual([length, length + 5]);
    expect(seqs(log.read(chunk.next, { maxBytes: 100_000 }).records)).toEqual([1, 2, 3]);
  });

  it('takes no seq a second time, and goes on after a gap', () => {
    const log = open(step(0) + step(1) + step(1) + step(0) + step(5) + step(4));
    const { records, corrupt } = readAll(log, 100_000);
    expect(seqs(records)).toEqual([0, 1, 5]);
    expect(corrupt.map(({ problem }) => problem)).toEqual([
      'repeats seq 1 after 1',
      'repeats seq 0 after 1',
      'repeats seq 4 after 5',
    ]);
  });

  it('reads the same in chunks of any size', () => {
    const pieces = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 200 }).map((words) => ({ words })),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => ({ bytes: Buffer.concat([bytes, Buffer.from('\n')]) })),
    );
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 12 }),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 5 }),
        fc.uint8Array({ maxLength: 30 }).filter((bytes) => !bytes.includes(0x0a)),
        (content, maxBytes, maxRecords, tail) => {
          const bytes = content.map((piece, seq) =>
            'bytes' in piece ? piece.bytes : Buffer.from(text(seq, piece.words)),
          );
          const log = open(Buffer.concat([...bytes, tail]));
          const whole = readAll(log, 10_000_000);
          expect(readAll(log, maxBytes, maxRecords)).toEqual(whole);
          expect(whole.next.offset).toBe(log.size() - tail.length);
          expect(seqs(whole.records)).toEqual(content.flatMap((piece, seq) => ('words' in piece ? [seq] : [])));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('throws where there is no log', () => {
    expect(() => new LogReader(join(place, 'none.jsonl'))).toThrow('ENOENT');
  });
});

describe('locating a position', () => {
  const { length } = step(0);

  it.each([
    ['the right hint', { seq: 4, offset: 5 * length }],
    ['a hint that is too early', { seq: 4, offset: 2 * length }],
    ['a hint that is too late', { seq: 4, offset: 7 * length }],
    ['a hint in the middle of the next line', { seq: 4, offset: 5 * length + 9 }],
    ['a hint behind the end', { seq: 4, offset: 1_000_000 }],
    ['a hint at the start', { seq: 4, offset: 0 }],
  ])('works with %s', (_, position) => {
    expect(open(steps(0, 10)).locate(position)).toEqual({ seq: 4, offset: 5 * length });
  });

  it('knows the start and the end', () => {
    const log = open(steps(0, 10));
    expect(log.locate(LOG_START)).toEqual(LOG_START);
    const end = { seq: 9, offset: log.size() };
    expect(log.locate(end)).toEqual(end);
  });

  it('stops before the first greater seq where the one named is missing', () => {
    const log = open(step(0) + step(1) + step(5) + step(6));
    expect(log.locate({ seq: 3, offset: 0 })).toEqual({ seq: 3, offset: 2 * length });
  });

  it('takes the end of a log that is shorter than the position', () => {
    const log = open(steps(0, 3));
    truncateSync(path, 2 * length + 5);
    expect(log.locate({ seq: 2, offset: 3 * length })).toEqual({ seq: 2, offset: 2 * length });
  });

  it('finds a position far into a log', () => {
    const log = open(steps(0, 3000));
    expect(log.locate({ seq: 2500, offset: 3 })).toEqual({ seq: 2500, offset: steps(0, 2501).length });
  });

  it('finds an earlier record from a later offset, however far back it is', () => {
    const log = open(steps(0, 20_000));
    for (const seq of [19_990, 19_500, 15_000, 300, 0, -1])
      expect(log.locate({ seq, offset: log.size() })).toEqual({ seq, offset: steps(0, seq + 1).length });
  });

  it('finds an earlier record behind a line longer than it looks at once', () => {
    const before = steps(0, 3000);
    const log = open(before + text(3000, 'x'.repeat(300_000)) + steps(3001, 3010));
    expect(log.locate({ seq: 2990, offset: log.size() })).toEqual({ seq: 2990, offset: steps(0, 2991).length });
    expect(log.locate({ seq: 3004, offset: log.size() })).toEqual({
      seq: 3004,
      offset: log.size() - 5 * step(3005).length,
    });
  });
});

describe('the last seq', () => {
  it.each([
    ['an empty log', '', -1],
    ['a log of a torn line', step(0).slice(0, -1), -1],
    ['a log with a torn last line', steps(0, 3) + step(3).slice(0, 30), 2],
    ['a log that ends in garbage', `${steps(0, 3)}garbage\n\n`, 2],
    ['a log of garbage', 'garbage\n\n', -1],
    ['a log of long lines', step(0) + text(1, 'x'.repeat(1_000_000)), 1],
    ['a log whose long last line is torn', `${step(0)}${'x'.repeat(1_000_000)}`, 0],
    ['a long log', steps(0, 2000), 1999],
  ])('of %s', (_, content, seq) => {
    expect(open(content).lastSeq()).toBe(seq);
  });

  it('is that before a byte where one is given', () => {
    const log = open(steps(0, 5));
    expect(log.lastSeq(2 * step(0).length)).toBe(1);
    expect(log.lastSeq(2 * step(0).length + 5)).toBe(1);
    expect(log.lastSeq(0)).toBe(-1);
    expect(log.lastSeq(1_000_000)).toBe(4);
  });
});

it('gives the last whole record', () => {
  expect(open(steps(0, 3)).lastRecord()).toEqual(stepRecord({ seq: 2, n: 3, step: 2 }));
  expect(open('').lastRecord()).toBeUndefined();
});
