import Pbf from 'pbf';
import { expect, it } from 'vitest';
import { HistoryLine } from './history-lines.ts';
import type { FieldValue } from './json-text.ts';
import { RowTransactions } from './row-transactions.ts';

/** The message as a protobuf library writes it, field by field. */
function written(num: number, step: number, items: readonly (readonly [string, string])[]): string {
  const pbf = new Pbf();
  pbf.writeVarintField(1, num);
  const history = (_: undefined, inner: Pbf): void => {
    for (const [key, value] of items)
      inner.writeMessage(
        1,
        (__: undefined, item: Pbf) => {
          item.writeStringField(1, key);
          item.writeStringField(16, value);
        },
        undefined,
      );
    inner.writeMessage(2, (__: undefined, place: Pbf) => place.writeVarintField(1, step), undefined);
  };
  pbf.writeMessage(2, history, undefined);
  return textOf(pbf.finish());
}

function lineOf(step: number, time: number, fields: readonly (readonly [string, FieldValue])[]): HistoryLine {
  return new HistoryLine({ step, time }, Object.fromEntries(fields), undefined);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

it.each([
  [1, 0, [['loss', '0.5']]],
  [127, 128, [['größe/µs', '-1.5e-7']]],
  [128, 16_384, [['text', JSON.stringify('☃ and 😀')]]],
  [2 ** 31, Number.MAX_SAFE_INTEGER, [['long', JSON.stringify('x'.repeat(40_000))]]],
  [3, 5, Array.from({ length: 300 }, (_, index) => [`key ${index}`, 'NaN'])],
] as const)('rows are the bytes of the message, of record %i too', (num, step, fields) => {
  const rows = new RowTransactions();
  const items = fields.map(([key = '', value = '']) => [key, value] as const);
  const own = [
    ['_step', String(step)],
    ['_timestamp', '101.25'],
    ['_runtime', '1.25'],
  ] as const;
  const row = (): string => textOf(rows.record(lineOf(step, 101.25, items), 100, num));
  expect(row()).toBe(written(num, step, [...own, ...items]));
  // With the keys known.
  expect(row()).toBe(written(num, step, [...own, ...items]));
});

it('numbers are the bytes of their texts, however long the key is', () => {
  const rows = new RowTransactions();
  const numbers = [0, -0, 7, 0.1, -1.5e-7, 5e-324, 1e21, Number.MAX_VALUE, -1.234_567_890_123_456_7e-100];
  const keys = ['loss', '__proto__', '7', 'größe', 'k'.repeat(100), 'k'.repeat(130)];
  for (const key of keys)
    for (const number of numbers) {
      const text = Object.is(number, -0) ? '-0' : JSON.stringify(number);
      const own = [
        ['_step', '3'],
        ['_timestamp', '100.5'],
        ['_runtime', '0.5'],
      ] as const;
      expect(textOf(rows.record(lineOf(3, 100.5, [[key, number]]), 100, 1))).toBe(written(1, 3, [...own, [key, text]]));
    }
});

it('rows may have any number of keys', () => {
  const rows = new RowTransactions();
  const fields = Array.from({ length: 10_001 }, (_, index) => [`${index}`, '1'] as const);
  const [first] = fields;
  const row = (): string => textOf(rows.record(lineOf(1, 100, first === undefined ? [] : [first]), 100, 1));
  const before = row();
  rows.record(lineOf(1, 100, fields), 100, 1);
  expect(row()).toBe(before);
});

it('rows of any length follow one another', () => {
  const rows = new RowTransactions();
  const long = [['long', JSON.stringify('x'.repeat(3_000_000))]] as const;
  const short = [['loss', '0.5']] as const;
  const own = (time: string) =>
    [
      ['_step', '7'],
      ['_timestamp', time],
      ['_runtime', String(Number(time) - 100)],
    ] as const;
  for (const [time, fields] of [
    [100, short],
    [100.5, long],
    [100.5, short],
    [101, long],
  ] as const)
    expect(textOf(rows.record(lineOf(7, time, fields), 100, 1))).toBe(written(1, 7, [...own(String(time)), ...fields]));
});
