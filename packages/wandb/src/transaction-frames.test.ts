import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FILE_HEADER, FrameBuffer, readFrames } from './transaction-frames.ts';

function fileOf(payloads: readonly Uint8Array[]): Uint8Array {
  const frames = new FrameBuffer();
  frames.begin(0);
  for (const payload of payloads) frames.add(payload);
  return Uint8Array.from(frames.bytes);
}

function read(bytes: Uint8Array): { readonly payloads: readonly Uint8Array[]; readonly problem: string | undefined } {
  const payloads: Uint8Array[] = [];
  const damage = readFrames(bytes, (payload) => payloads.push(payload));
  return { payloads, problem: damage?.problem };
}

describe('frames', () => {
  it('are read back as they were, whatever their length', () => {
    const lengths = fc.array(fc.oneof(fc.nat(100), fc.integer({ min: 32_700, max: 32_780 }), fc.nat(100_000)), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(lengths, (sizes) => {
        const payloads = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
        const found = read(fileOf(payloads));
        expect(found.problem).toBeUndefined();
        expect(found.payloads.map((payload) => [payload.length, payload[0]])).toEqual(
          payloads.map((payload) => [payload.length, payload[0]]),
        );
        expect(Buffer.concat(found.payloads).equals(Buffer.concat(payloads))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('are read back where one begins in the last seven bytes of a block, with none of its content there', () => {
    for (const length of [0, 1, 32_768 - 7, 40_000]) {
      // Header of the file, header of the chunk, and as much as leaves seven bytes.
      const found = read(fileOf([new Uint8Array(32_768 - 7 - 7 - 7), new Uint8Array(length)]));
      expect(found.problem).toBeUndefined();
      expect(found.payloads.map((payload) => payload.length)).toEqual([32_768 - 21, length]);
    }
  });

  it('are those of W&B: kind, little-endian length, CRC-32 of kind and content', () => {
    expect(Buffer.from(fileOf([Uint8Array.of(1, 2, 3)])).toString('hex')).toBe(
      '3a572642e1be00 76e10533 0300 01 010203'.replaceAll(' ', ''),
    );
  });

  it('are the same in one piece and piece by piece, whatever the buffer had before', () => {
    const payloads = [5_000_000, 10, 32_760, 0, 70_000, 1].map((size, index) => new Uint8Array(size).fill(index + 1));
    const frames = new FrameBuffer();
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const payload of payloads) {
      frames.begin(length);
      frames.add(payload);
      parts.push(Uint8Array.from(frames.bytes));
      length += frames.bytes.length;
    }
    expect(Buffer.concat(parts).equals(fileOf(payloads))).toBe(true);
  });

  it('begin with an empty piece where a block has room for the header alone', () => {
    const first = new Uint8Array(32_768 - FILE_HEADER.length - 7 - 7);
    const file = fileOf([first, Uint8Array.of(9), Uint8Array.of(8)]);
    // Kind 2, the first of several pieces, with no content; then kind 4, the last of them.
    expect([...file.subarray(32_765, 32_768), file[32_774]]).toEqual([0, 0, 2, 4]);
    const { payloads, problem } = read(file);
    expect(problem).toBeUndefined();
    expect(payloads.map((payload) => [payload.length, payload[0]])).toEqual([
      [first.length, 0],
      [1, 9],
      [1, 8],
    ]);
  });

  it('begin a new block where no header fits', () => {
    const first = new Uint8Array(32_768 - FILE_HEADER.length - 7 - 3);
    const file = fileOf([first, Uint8Array.of(9)]);
    expect([...file.subarray(32_765, 32_768)]).toEqual([0, 0, 0]);
    expect(read(file).payloads.map(({ length }) => length)).toEqual([first.length, 1]);
  });

  const whole = fileOf([Uint8Array.of(1, 2, 3), new Uint8Array(40_000)]);
  it.each([
    ['that are none', Buffer.from('{"v":1}\n'), 0, 'this is no .wandb file'],
    ['cut in a header', whole.subarray(0, 20), 1, 'the last record is cut off'],
    ['cut in a record', whole.subarray(0, 30_000), 1, 'the last record is cut off'],
    ['cut between the pieces of a record', whole.subarray(0, 32_768), 1, 'the last record is cut off'],
    ['changed', Buffer.concat([whole.subarray(0, 14), Uint8Array.of(7), whole.subarray(15)]), 0, 'a checksum is wrong'],
    [
      'whose beginning is missing',
      Buffer.concat([FILE_HEADER, fileOf([new Uint8Array(40_000)]).subarray(32_768)]),
      0,
      'a record has no beginning or no end',
    ],
  ])('%s are read as far as they are whole', (_, bytes, count, problem) => {
    const found = read(bytes);
    expect([found.payloads.length, found.problem]).toEqual([count, problem]);
  });
});
