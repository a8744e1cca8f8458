import { describe, expect, it } from 'vitest';
import { type BackendRow, checkHeldRows, type ExpectedRows } from './held-rows.ts';

function rows(...texts: readonly string[]): readonly BackendRow[] {
  return texts.map((row) => ({ row }));
}

function summary(row: string): BackendRow {
  return { row, lane: 'summary' };
}

const EXPECTED: readonly ExpectedRows[] = [{ writer: 'w1', rows: rows('a', 'b', 'c') }];

describe('exactly once', () => {
  it('is content with the rows in order, whatever lies between those of two writers', () => {
    const expected = [...EXPECTED, { writer: 'w2', rows: rows('x', 'y') }];
    expect(() => checkHeldRows(expected, rows('x', 'a', 'b', 'y', 'c'), 'exactly-once')).not.toThrow();
  });

  it.each([
    ['missing rows', rows('a'), '2 of missing: b, c'],
    ['doubled rows', rows('a', 'b', 'b', 'c'), '1 of doubled: b'],
    ['foreign rows', rows('a', 'b', 'c', '1', '2', '3', '4'), '4 of unexpected: 1, 2, 3, …'],
    ['all of them', rows('b', 'c', 'c', 'x'), '1 of missing: a; 1 of doubled: c; 1 of unexpected: x'],
    ['rows out of order', rows('b', 'a', 'c'), 'writer w1: out of order at row 0: b where a belongs'],
  ])('tells %s', (_case, held, message) => {
    expect(() => checkHeldRows(EXPECTED, held, 'exactly-once')).toThrow(message);
  });

  it('keeps order within a lane only', () => {
    const expected = [
      { writer: 'w1', rows: [...rows('a'), { row: 'b', lane: 'summary' }, { row: 'c', lane: 'summary' }] },
    ];
    expect(() => checkHeldRows(expected, [summary('b'), summary('c'), ...rows('a')], 'exactly-once')).not.toThrow();
    expect(() => checkHeldRows(expected, [summary('c'), summary('b'), ...rows('a')], 'exactly-once')).toThrow(
      'writer w1, summary: out of order at row 0: c where b belongs',
    );
    expect(() => checkHeldRows(expected, rows('a', 'b', 'c'), 'exactly-once')).toThrow('missing');
  });

  it('tells at which row a writer ends too early where another has the same', () => {
    const same = [...EXPECTED, { writer: 'w2', rows: rows('a') }];
    expect(() => checkHeldRows(same, rows('a', 'a', 'c', 'b'), 'exactly-once')).toThrow(
      'writer w1: out of order at row 1: a where b belongs',
    );
  });

  it('shows the beginning of a long row', () => {
    expect(() => checkHeldRows([], rows('x'.repeat(300)), 'exactly-once')).toThrow(
      `${'x'.repeat(200)}… (300 characters)`,
    );
  });
});

describe('at least once', () => {
  it('is content with repeated rows, and takes the first of each for the order', () => {
    expect(() => checkHeldRows(EXPECTED, rows('a', 'b', 'a', 'b', 'c'), 'at-least-once')).not.toThrow();
  });

  it('tells rows whose first ones are out of order, and missing ones', () => {
    expect(() => checkHeldRows(EXPECTED, rows('b', 'a', 'b', 'c'), 'at-least-once')).toThrow('out of order');
    expect(() => checkHeldRows(EXPECTED, rows('a', 'b', 'b'), 'at-least-once')).toThrow('1 of missing: c');
  });
});
