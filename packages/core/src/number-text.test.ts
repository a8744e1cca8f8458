import { array, assert, maxSafeNat, nat, oneof, property } from 'fast-check';
import { expect, it } from 'vitest';
import { numberText, SequenceText } from './number-text.ts';

it('writes a number as JSON does, and keeps a negative zero', () => {
  expect([0, -0, 1.5, -2e-7, 1e21, 2 ** 53].map(numberText)).toEqual([
    '0',
    '-0',
    '1.5',
    '-2e-7',
    '1e+21',
    '9007199254740992',
  ]);
});

it('writes any integers in any order as String does', () => {
  const step = oneof(nat(3000), maxSafeNat());
  assert(
    property(array(step), (values) => {
      const text = new SequenceText();
      expect(values.map((value) => text.of(value))).toEqual(values.map(String));
    }),
  );
});
