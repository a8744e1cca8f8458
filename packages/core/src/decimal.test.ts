import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { inversePowerError, inversePowerOfTen, powerOfTen, productError } from './decimal.ts';

it('gives powers of ten that are doubles, and NaN for others', () => {
  expect([0, 1, 22].map(powerOfTen)).toEqual([1, 10, 1e22]);
  expect([0, 1, 22].map(inversePowerOfTen)).toEqual([1, 0.1, 1e-22]);
  expect([0, 3, 4, 5, 6, 7].map((exponent) => Math.sign(inversePowerError(exponent)))).toEqual([0, -1, -1, -1, 1, 1]);
  for (const power of [powerOfTen, inversePowerOfTen, inversePowerError])
    expect([-1, 23, 0.5].map(power)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

it('knows the rounding error of a product exactly', () => {
  const factor = fc.maxSafeInteger();
  fc.assert(
    fc.property(factor, factor, (one, other) => {
      const product = one * other;
      expect(BigInt(product) + BigInt(productError(one, other, product))).toBe(BigInt(one) * BigInt(other));
    }),
  );
});
