import { expect, it } from 'vitest';
import { summaryEvent } from '../test/event-bytes.ts';
import { bytesField, floatField, join } from './protobuf.ts';
import { EventDecoder } from './read-event-decoder.ts';
import { EventFile, type EventFileHandle } from './read-event-file.ts';

const EVENT = summaryEvent(join(bytesField(1, 'a'), floatField(2, 1)));

/** A file that says it has more bytes than can be read, as one that is cut at this moment. */
function cutFile(content: Uint8Array, size: number): EventFileHandle {
  return {
    stat: () => Promise.resolve({ size }),
    read: (buffer, offset, length, position) => {
      const bytes = content.subarray(position, position + length);
      buffer.set(bytes, offset);
      return Promise.resolve({ bytesRead: bytes.length });
    },
    close: () => Promise.resolve(),
  };
}

async function read(content: Uint8Array, size: number): Promise<readonly string[]> {
  const file = new EventFile({ run: '.', file: 'f' }, new EventDecoder('.'), () =>
    Promise.resolve(cutFile(content, size)),
  );
  const seen: string[] = [];
  for await (const events of file.read(true)) seen.push(...events.map(({ kind }) => kind));
  return seen;
}

it('takes a file that is cut while it is read for as long as it was found', async () => {
  expect(await read(EVENT, EVENT.length * 2)).toEqual(['scalar']);
  expect(await read(join(EVENT, EVENT.subarray(0, 20)), 2 ** 40)).toEqual(['scalar', 'corrupt']);
  expect(await read(new Uint8Array(), 2 ** 40)).toEqual([]);
});

it('reports an error of the system in its place', async () => {
  const failing: EventFileHandle = { ...cutFile(EVENT, 50), read: () => Promise.reject(new Error('EIO')) };
  const file = new EventFile({ run: 'r', file: 'f' }, new EventDecoder('r'), () => Promise.resolve(failing));
  for await (const events of file.read(true))
    expect(events).toEqual([{ kind: 'corrupt', run: 'r', file: 'f', offset: 0, problem: 'unreadable', detail: 'EIO' }]);
});
