import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_NUMBER_BYTES, putNumber } from './number-bytes.ts';

/** What is written for a number, between bytes that stay as they are. */
function written(value: number): string {
  const bytes = Buffer.alloc(MAX_NUMBER_BYTES + 2, '#');
  const end = putNumber(bytes, 1, value);
  expect([bytes[0], bytes[MAX_NUMBER_BYTES + 1]]).toEqual([0x23, 0x23]);
  return bytes.toString('latin1', 1, end);
}

function json(value: number): string {
  return Object.is(value, -0) ? '-0' : JSON.stringify(value);
}

/** The doubles around one. */
function around(value: number): readonly number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  return [-3n, -2n, -1n, 0n, 1n, 2n, 3n].map((offset) => {
    view.setBigUint64(0, bits + offset);
    return view.getFloat64(0);
  });
}

describe('a number is written as JSON has it', () => {
  it.each([
    ['an integer', [0, -0, 7, -10, 99, 100, 999_999_999, 1e9, 1_234_567_890, 2 ** 53 - 1, -(2 ** 53) + 1]],
    ['a short decimal', [0.1, 0.2, 0.3, 0.7, 1.1, 1.005, 3e-4, 1e-6, 0.000_012, 123.456, 1_795_238_781.123]],
    ['a power of two', [0.5, 0.25, 2 ** -19, 2 ** -20, 2 ** 30, 2 ** 53, 2 ** 56]],
    ['the smallest, the largest and far ones', [5e-324, 2.225e-308, 1e-7, 1e17, 1e21, 1.5e300, Number.MAX_VALUE]],
    [
      'just below a power of ten',
      [0.999_999_999_999_999_9, 9.999_999_999_999_998, 0.999_999_999_99, 99_999.999_999_999_99],
    ],
    ['halfway between two that are as short', [600_000_000_000_000.25, 600_000_000_000_000.125, 5e-324]],
    ['as far from a shorter one as reads as the same', [40_000_000_000_000_096, 40_000_000_000_000_016]],
    ['with digits that round up', [0.299_999_999_999_999_99, 29_999_999.999_999_996, 4.35, 0.57]],
    ['with many zeros before and behind', [0.000_001_234_567_890_123_456_7, 12_300_000_000_000_000, 100_000_000_000.5]],
  ])('%s', (_, values) => {
    for (const value of values) expect(written(value)).toBe(json(value));
    for (const value of values) expect(written(-value)).toBe(json(-value));
  });

  it('beside any power of ten', () => {
    for (let exponent = -9; exponent <= 20; exponent += 1)
      for (const value of [1, 2, 5, 9].flatMap((digit) => around(Number(`${digit}e${exponent}`))))
        expect(written(value)).toBe(json(value));
  });

  it('of any size', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(written(value)).toBe(json(value));
      }),
      { numRuns: 2000 },
    );
  });

  it('of a size that metrics have', () => {
    const plain = fc.double({ min: 1e-7, max: 1e18, noNaN: true });
    const decimal = fc.tuple(fc.nat(), fc.nat(15)).map(([digits, places]) => Number(`${digits}e-${places}`));
    const single = fc.float({ min: Math.fround(1e-7), max: Math.fround(1e18), noNaN: true });
    const fraction = fc.tuple(fc.maxSafeNat(), fc.nat(60)).map(([value, bits]) => value / 2 ** bits);
    fc.assert(
      fc.property(fc.oneof(plain, decimal, single, fraction), (value) => {
        expect(written(value)).toBe(json(value));
      }),
      { numRuns: 5000 },
    );
  });
});
