/** The Redis sink by itself: batches that are there already, as delivery hands them over. */

import { createRedisSink } from '@runcast/redis';
import { measureStream } from './measure-stream.ts';
import { openSink } from './open-sink.ts';
import { RUN_ID, STREAM, WRITER } from './plain-entry.ts';

await measureStream(async (url) => {
  const sink = await openSink(createRedisSink({ url, stream: STREAM }), RUN_ID);
  return {
    write: async (batch) => {
      const from = batch.records[0]?.seq ?? 0;
      await sink.write({ writer: WRITER, from, to: batch.records.at(-1)?.seq ?? from, ...batch });
    },
    close: () => void sink.close({ status: 'finished', final: true }),
  };
});
