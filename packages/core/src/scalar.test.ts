import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromScalar, isScalar, perplexity, scalarText, toScalar } from './scalar.ts';

it('every double survives its JSON form', () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      const restored: unknown = JSON.parse(JSON.stringify(toScalar(value)));
      expect(isScalar(restored)).toBe(true);
      // JSON has one zero only.
      expect(isScalar(restored) ? fromScalar(restored) : undefined).toBe(value === 0 ? 0 : value);
    }),
  );
});

it.each([
  [1.5, 1.5],
  [Number.NaN, 'NaN'],
  [Infinity, 'Infinity'],
  [-Infinity, '-Infinity'],
] as const)('%s is written %j and read back', (value, written) => {
  expect(toScalar(value)).toBe(written);
  expect(fromScalar(written)).toBe(value);
});

it('as text, every double is the same again, a negative zero too', () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      const restored: unknown = JSON.parse(scalarText(value));
      expect(isScalar(restored) ? fromScalar(restored) : undefined).toBe(value);
      expect(scalarText(toScalar(value))).toBe(scalarText(value));
    }),
  );
});

it.each([null, undefined, 'nan', '1', '', true, {}])('%j is no scalar', (value) => {
  expect(isScalar(value)).toBe(false);
});

it.each([
  [0, 1],
  [0.5, Math.exp(0.5)],
  [-3, Math.exp(-3)],
  [19.999, Math.exp(19.999)],
  [20, Infinity],
  [Infinity, Infinity],
  [-Infinity, 0],
  [Number.NaN, Number.NaN],
])('the perplexity of loss %d is %d', (loss, expected) => {
  expect(perplexity(loss)).toBe(expected);
});
