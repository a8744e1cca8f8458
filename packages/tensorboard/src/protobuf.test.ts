import * as fc from 'fast-check';
import Pbf from 'pbf';
import { describe, expect, it } from 'vitest';
import { booleanField, bytesField, doubleField, floatField, integerField, join, putVarint, utf8 } from './protobuf.ts';

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(10);
  return bytes.subarray(0, putVarint(new DataView(bytes.buffer), 0, value));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('putVarint', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [2 ** 31, '8080808008'],
    [2 ** 53 - 1, 'ffffffffffffff0f'],
    [-1, 'ffffffffffffffffff01'],
    [-5, 'fbffffffffffffffff01'],
  ])('writes %d as %s', (value, expected) => {
    expect(hex(varint(value))).toBe(expected);
  });

  it('is read back by another implementation, over all safe integers', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(new Pbf(varint(value)).readVarint(true)).toBe(value);
      }),
    );
  });
});

describe('fields', () => {
  it('carry number and wire form', () => {
    expect(hex(integerField(2, 300))).toBe('10ac02');
    expect(hex(booleanField(4, true))).toBe('2001');
    expect(hex(booleanField(4, false))).toBe('2000');
    expect(hex(doubleField(1, 1))).toBe('09000000000000f03f');
    expect(hex(floatField(2, 0))).toBe('1500000000');
    expect(hex(bytesField(3, 'ab'))).toBe('1a026162');
    expect(hex(bytesField(16, Uint8Array.of(9)))).toBe('82010109');
    expect(hex(join(integerField(1, 1), integerField(1, 2)))).toBe('08010802');
  });

  it('hold well-formed text only', () => {
    expect(hex(utf8('a\ud800b'))).toBe('61efbfbd62');
  });
});
