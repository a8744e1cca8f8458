import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NumberScanner } from './number-scanner.ts';

const scanner = new NumberScanner();

/** What is read of a text behind and before others, and how much of it. */
function scan(text: string, next = ','): readonly [number, string] {
  const bytes = Buffer.from(`":${text}${next}`);
  const value = scanner.read(bytes, 2);
  return [value, bytes.toString('latin1', 2, scanner.end)];
}

describe('a number is read as Number reads it', () => {
  it.each([
    ['an integer', ['0', '-0', '7', '-10', '999999999', '1795238781', '9007199254740991', '1234567890123456789']],
    ['a decimal', ['0.5', '-0.1', '0.30000000000000004', '1795238781.123', '0.00012345678901234567', '100.25']],
    [
      'more digits than a double has',
      ['0.12345678901234567890', '12345678901234567890.5', '0.10000000000000000000000001'],
    ],
    [
      'halfway between two doubles',
      ['9007199254740993', '9007199254740993.0', '4503599627370497.5', '1.00000000000000011102230246251565'],
    ],
    ['with an exponent', ['1e5', '1E5', '-1.5e+300', '5e-324', '1e-400', '1e400', '2.2250738585072014e-308']],
  ])('%s', (_, texts) => {
    for (const text of texts) expect(scan(text)).toEqual([Number(text), text]);
  });

  it('at the end of the bytes too', () => {
    expect(scan('12.5', '')).toEqual([12.5, '12.5']);
    expect(scan('12.5e1', '')).toEqual([125, '12.5e1']);
  });

  it('with any digits', () => {
    const digits = (max: number): fc.Arbitrary<string> =>
      fc.stringMatching(new RegExp(String.raw`^\d{1,${max}}$`, 'u'));
    const number = fc
      .tuple(fc.boolean(), digits(19), fc.option(digits(24)))
      .map(
        ([minus, whole, fraction]) => `${minus ? '-' : ''}${BigInt(whole)}${fraction === null ? '' : `.${fraction}`}`,
      );
    fc.assert(
      fc.property(number, (text) => {
        expect(scan(text)).toEqual([Number(text), text]);
      }),
      { numRuns: 5000 },
    );
  });

  it('whatever a double is written as', () => {
    const metric = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ min: 1e-7, max: 1e18, noNaN: true }),
      fc.tuple(fc.maxSafeNat(), fc.nat(60)).map(([value, bits]) => value / 2 ** bits),
    );
    fc.assert(
      fc.property(metric, (value) => {
        const text = Object.is(value, -0) ? '-0' : JSON.stringify(value);
        expect(scan(text)).toEqual([value, text]);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('there is no number', () => {
  it.each([
    '',
    '-',
    '.5',
    '-.5',
    '5.',
    '-5.',
    '01',
    '-01',
    '00.5',
    'e5',
    '1e',
    '1e+',
    '1.e5',
    '01e5',
    '1e5.5',
    'NaN',
    '"5"',
  ])('in %j', (text) => {
    expect(scan(text)[0]).toBeNaN();
    expect(scan(text, '')[0]).toBeNaN();
  });
});
