import { expect, it } from 'vitest';
import { numberText } from './number-text.ts';

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
