import { describe, expect, it } from 'vitest';
import { historyKey, HistoryLines, MAX_LINE_BYTES, NO_HISTORY, type HistoryRow } from './history-lines.ts';

function row(
  step: number | undefined,
  fields: Readonly<Record<string, number>>,
  more: Partial<HistoryRow> = {},
): HistoryRow {
  return { step, time: 100, fields, axis: undefined, ...more };
}

/** The lines of some rows, parsed, without the times. */
function linesOf(...rows: readonly HistoryRow[]): readonly unknown[] {
  const history = new HistoryLines(NO_HISTORY, 100);
  for (const each of rows) history.add(each);
  return history.take().content.map((line) => {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null) throw new Error(line);
    const { _timestamp: time, _runtime: runtime, ...cells } = { _timestamp: 0, _runtime: 0, ...parsed };
    expect([time, runtime]).toEqual([100, 0]);
    return cells;
  });
}

describe('the newest line', () => {
  it('takes what belongs to its step', () => {
    expect(linesOf(row(1, { a: 1 }), row(1, { b: 2 }), row(2, { a: 3 }))).toEqual([
      { _step: 1, a: 1, b: 2 },
      { _step: 2, a: 3 },
    ]);
  });

  it('is followed by another at its step where a key is there already', () => {
    expect(linesOf(row(1, { a: 1 }), row(1, { a: 2, b: 3 }))).toEqual([
      { _step: 1, a: 1 },
      { _step: 1, a: 2, b: 3 },
    ]);
  });

  it('is followed by one at its step for a row whose step went back, which says where it is', () => {
    const truth = 'log/step';
    expect(linesOf(row(7, { a: 1 }), row(3, { b: 2 }, { truth }), row(8, { a: 1 }, { truth }))).toEqual([
      { _step: 7, a: 1 },
      { _step: 7, b: 2, 'log/step': 3 },
      { _step: 8, a: 1 },
    ]);
  });

  it('takes rows without a step where nothing meets, and is followed by the next step where something does', () => {
    expect(
      linesOf(row(undefined, { a: 1 }), row(undefined, { b: 1 }), row(undefined, { a: 2 }), row(5, { a: 3 })),
    ).toEqual([
      { _step: 0, a: 1, b: 1 },
      { _step: 1, a: 2 },
      { _step: 5, a: 3 },
    ]);
  });

  it('takes rows of one place on an axis, and none of another', () => {
    const at = (step: number): Partial<HistoryRow> => ({ axis: ['epoch', step] });
    expect(
      linesOf(row(undefined, { a: 1 }, at(1)), row(undefined, { b: 1 }, at(1)), row(undefined, { c: 1 }, at(2))),
    ).toEqual([
      { _step: 0, a: 1, b: 1, epoch: 1 },
      { _step: 1, c: 1, epoch: 2 },
    ]);
  });

  it('goes on no further than numbers do', () => {
    expect(linesOf(row(Number.MAX_SAFE_INTEGER, { a: 1 }), row(undefined, { a: 2 }))).toMatchObject([
      { _step: Number.MAX_SAFE_INTEGER },
      { _step: Number.MAX_SAFE_INTEGER },
    ]);
  });

  it('grows no longer than W&B takes', () => {
    const history = new HistoryLines(NO_HISTORY, 0);
    const long = (key: string, bytes: number): HistoryRow => ({
      step: 1,
      time: 0,
      fields: { [key]: JSON.stringify('x'.repeat(bytes)) },
      axis: undefined,
    });
    expect(history.add(long('a', MAX_LINE_BYTES))).toBeUndefined();
    expect(history.add(long('a', MAX_LINE_BYTES / 2))).toBe(1);
    expect(history.add(long('b', MAX_LINE_BYTES / 2))).toBe(1);
    const { offset, content } = history.take();
    expect([offset, content.length]).toEqual([0, 2]);
    for (const line of content) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_LINE_BYTES);
  });
});

describe('what has to be written', () => {
  it('begins with the open line where that has changed, and is nothing where nothing has', () => {
    const history = new HistoryLines(NO_HISTORY, 100);
    history.add(row(1, { a: 1 }));
    expect(history.take()).toMatchObject({ offset: 0, content: [expect.any(String)] });
    expect(history.take()).toEqual({ offset: 1, content: [] });
    history.add(row(1, { b: 2 }));
    history.add(row(2, { a: 3 }));
    expect(history.take().offset).toBe(0);
    history.add(row(3, { a: 4 }));
    expect(history.take()).toMatchObject({ offset: 2, content: [expect.any(String)] });
    expect(history.closed.map(({ step, map }) => [step, map.size])).toEqual([
      [1, 2],
      [2, 1],
    ]);
  });

  it('is the same when a position is gone on from', () => {
    const axis = ['epoch', 1] as const;
    const rows = [
      row(1, { a: 1 }),
      row(1, { b: 2 }),
      row(2, { a: 3 }),
      row(2, { b: -0 }, { time: 101.5 }),
      row(undefined, { a: 0.1 }, { axis }),
      row(undefined, { b: 1e21 }, { axis }),
    ];
    const whole = new HistoryLines(NO_HISTORY, 100);
    for (const each of rows) whole.add(each);
    const expected = whole.take().content;
    for (let at = 0; at <= rows.length; at += 1) {
      const before = new HistoryLines(NO_HISTORY, 100);
      for (const each of rows.slice(0, at)) before.add(each);
      const lines = [...before.take().content];
      const after = new HistoryLines(structuredClone(before.state()), 100);
      for (const each of rows.slice(at)) after.add(each);
      const { offset, content } = after.take();
      lines.splice(offset, lines.length, ...content);
      expect(lines).toEqual(expected);
      expect(after.state()).toEqual(whole.state());
    }
  });
});

it("keeps W&B's own keys for W&B", () => {
  expect(['_step', 'metrics/_step', '_steps', 'a'].map(historyKey)).toEqual([
    'metrics/_step',
    'metrics/metrics/_step',
    '_steps',
    'a',
  ]);
});
