import { describe, expect, it } from 'vitest';
import { decodeEvents } from '../test/decode-events.ts';
import { EventBuffer } from './event-buffer.ts';
import { bytesField } from './protobuf.ts';

function version(text: string): Uint8Array {
  return bytesField(3, text);
}

describe('EventBuffer', () => {
  it('frames one event after the other', () => {
    const buffer = new EventBuffer();
    for (const step of [0, 1, -5, 2 ** 53 - 1]) {
      buffer.begin(1.5, step, version('v'));
      buffer.seal();
    }
    expect(decodeEvents(buffer.bytes)).toMatchObject([
      { wallTime: 1.5, step: 0, fileVersion: 'v' },
      { wallTime: 1.5, step: 1 },
      { wallTime: 1.5, step: -5 },
      { wallTime: 1.5, step: 2 ** 53 - 1 },
    ]);
  });

  it('shows no event that is not sealed', () => {
    const buffer = new EventBuffer();
    buffer.begin(1, 1, version('v'));
    expect(buffer.bytes).toHaveLength(0);
  });

  it('grows, and keeps what it holds', () => {
    const buffer = new EventBuffer();
    const texts = ['a'.repeat(60_000), 'b'.repeat(60_000), 'c'.repeat(1_000_000), 'd'];
    for (const text of texts) {
      buffer.begin(1, 0, version(text));
      buffer.seal();
    }
    expect(decodeEvents(buffer.bytes).map((event) => event.fileVersion)).toEqual(texts);
  });

  it('is empty after a reset, also where it had grown beyond what is kept', () => {
    const buffer = new EventBuffer();
    for (const size of [5_000_000, 10]) {
      buffer.begin(1, 0, version('x'.repeat(size)));
      buffer.seal();
      buffer.reset();
      expect(buffer.bytes).toHaveLength(0);
    }
    buffer.begin(2, 0, version('after'));
    buffer.seal();
    expect(decodeEvents(buffer.bytes)).toMatchObject([{ wallTime: 2, fileVersion: 'after' }]);
  });
});
