import { describe, expect, it } from 'vitest';
import { FOOTER_BYTES, HEADER_BYTES, sealRecord } from './tfrecord.ts';

describe('sealRecord', () => {
  it('puts length and both checksums around the data', () => {
    const bytes = Buffer.alloc(HEADER_BYTES + 3 + FOOTER_BYTES);
    bytes.write('abc', HEADER_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    expect(sealRecord(view, 0, HEADER_BYTES + 3)).toBe(bytes.length);
    expect(bytes.toString('hex')).toBe('0300000000000000b099490e6162636e57f121');
  });

  it('frames the record that follows where it ends', () => {
    const bytes = Buffer.alloc(40);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const second = sealRecord(view, 0, HEADER_BYTES);
    bytes.write('abc', second + HEADER_BYTES);
    expect(sealRecord(view, second, second + HEADER_BYTES + 3)).toBe(35);
    expect(bytes.toString('hex', second, 35)).toBe('0300000000000000b099490e6162636e57f121');
  });
});
