import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitwiseCrc32c } from '../test/decode-events.ts';
import { crc32c, maskedCrc32c } from './crc32c.ts';

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}

describe('crc32c', () => {
  it('has the published check value', () => {
    expect(hex(crc32c(view(Buffer.from('123456789')), 0, 9))).toBe('e3069283');
  });

  it('has the vectors of RFC 3720, appendix B.4', () => {
    expect(hex(crc32c(new DataView(new ArrayBuffer(32)), 0, 32))).toBe('8a9136aa');
    expect(hex(crc32c(view(new Uint8Array(32).fill(0xff)), 0, 32))).toBe('62a8ab43');
    expect(hex(crc32c(view(Uint8Array.from({ length: 32 }, (_, index) => index)), 0, 32))).toBe('46dd794e');
  });

  it('agrees with the bit-by-bit definition on any part of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, skipped) => {
        const start = Math.min(skipped, bytes.length);
        expect(crc32c(view(bytes), start, bytes.length)).toBe(bitwiseCrc32c(bytes.subarray(start)));
      }),
    );
  });

  it('is masked as TFRecord wants it', () => {
    expect(hex(maskedCrc32c(new DataView(new ArrayBuffer(0)), 0, 0))).toBe('a282ead8');
  });
});
