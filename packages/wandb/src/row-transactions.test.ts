import Pbf from 'pbf';
import { expect, it } from 'vitest';
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
  return Buffer.from(pbf.finish()).toString('latin1');
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
  const row = rows.record({ step, time: 101.25, fields: items }, 100);
  expect(row(num)).toBe(written(num, step, [...own, ...items]));
  // With the keys known.
  expect(rows.record({ step, time: 101.25, fields: items }, 100)(num)).toBe(written(num, step, [...own, ...items]));
});

it('rows may have any number of keys', () => {
  const rows = new RowTransactions();
  const fields = Array.from({ length: 10_001 }, (_, index) => [`${index}`, '1'] as const);
  const [first] = fields;
  const before = rows.record({ step: 1, time: 100, fields: first === undefined ? [] : [first] }, 100)(1);
  rows.record({ step: 1, time: 100, fields }, 100);
  expect(rows.record({ step: 1, time: 100, fields: first === undefined ? [] : [first] }, 100)(1)).toBe(before);
});
