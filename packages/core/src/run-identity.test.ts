import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkRunId, createRunId, randomName, runIdProblems } from './run-identity.ts';

describe('a run id', () => {
  it.each(['run-1', '20261121-094512-k3v9xq', 'Größe 損失 😀', 'a', 'a.b', 'console', 'x'.repeat(128), 'é'.repeat(64)])(
    '%j is usable',
    (id) => {
      expect(checkRunId(id)).toBeUndefined();
      expect(runIdProblems(id, 'RUNCAST__RUN_ID')).toEqual([]);
    },
  );

  it.each([
    ['', 'is empty'],
    ['x'.repeat(129), 'is 129 bytes long; at most 128 are allowed'],
    ['é'.repeat(65), 'is 130 bytes long'],
    ['\uD800', 'lone surrogate'],
    ['a\u0000b', 'control character'],
    ['a\nb', 'control character'],
    ['a\u0085b', 'control character'],
    ['a/b', 'holds a slash'],
    ['a\\b', 'holds a slash'],
    ['a..b', 'holds ".."'],
    ['..', 'holds ".."'],
    ['.', 'starts with a dot'],
    ['.hidden', 'starts with a dot'],
    ['-rf', 'starts with a dot or dash'],
    ['a.', 'ends with a dot'],
    [' a', 'blanks around it'],
    ['a\u00A0', 'blanks around it'],
    ['con', 'reserved name'],
    ['NUL.txt', 'reserved name'],
    ['lpt1', 'reserved name'],
    ['JSONL', 'reserved name'],
    ['runcast.db', 'reserved name'],
  ])('%j is not', (id, message) => {
    expect(checkRunId(id)).toContain(message);
  });

  it('is a problem of the variable that holds it', () => {
    expect(runIdProblems('', 'RUNCAST__RUN_ID')).toEqual([{ variable: 'RUNCAST__RUN_ID', message: 'is empty' }]);
    expect(runIdProblems(undefined, 'RUNCAST__RUN_ID')).toEqual([]);
  });
});

describe('on a file system', () => {
  let place = '';

  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'runcast-ids-'));
  });

  afterAll(() => {
    rmSync(place, { recursive: true });
  });

  it('whatever is usable names one directory, in its place and under its own name', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom('.', '..', '/', '-', ' ', 'con', '\u0000'),
    );
    const ids = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        ids.filter((id) => checkRunId(id) === undefined),
        (id) => {
          const directory = mkdtempSync(join(place, 'case-'));
          mkdirSync(join(directory, id));
          expect(readdirSync(directory)).toEqual([id]);
          rmSync(directory, { recursive: true });
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('an id of our own', () => {
  it('says when it was made, in UTC', () => {
    expect(createRunId(Date.UTC(2026, 10, 21, 9, 45, 12, 999), () => 0)).toBe('20261121-094512-aaaaaa');
  });

  it('is usable and sorts by time, whatever is drawn', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const time = fc.integer({ min: 0, max: Date.UTC(9999, 0) });
    fc.assert(
      fc.property(time, time, random, random, (first, second, left, right) => {
        const [early, late] = [
          createRunId(Math.min(first, second), () => left),
          createRunId(Math.max(first, second), () => right),
        ];
        expect(checkRunId(early)).toBeUndefined();
        expect(early.slice(0, 15) <= late.slice(0, 15)).toBe(true);
      }),
    );
  });

  it('begins its random part with a letter', () => {
    expect(randomName(8, () => 0.999)).toMatch(/^z9{7}$/u);
    expect(randomName(0, () => 0)).toBe('');
  });
});
