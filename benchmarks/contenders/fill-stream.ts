/** Publishes records of four runs in turn, in a process of its own, so that who reads them begins with nothing. */

import { createRedisSink } from '@runcast/redis';
import { openSink } from './open-sink.ts';
import { STREAM, WRITER } from './plain-entry.ts';
import { BATCH_RECORDS, stepBatch } from './step-records.ts';
import { readWorkload } from './workload.ts';

const { count, args } = readWorkload();
const [url = ''] = args;
const names = ['trainer-a', 'trainer-b', 'trainer-c', 'trainer-d'];
const sinks = await Promise.all(names.map(async (name) => openSink(createRedisSink({ url, stream: STREAM }), name)));
for (let first = 0, written = 0; written < count; first += BATCH_RECORDS) {
  for (const sink of sinks) {
    await sink.write({ writer: WRITER, from: first + 1, to: first + BATCH_RECORDS, ...stepBatch(first) });
    written += BATCH_RECORDS;
  }
}
for (const sink of sinks) await sink.close({ status: 'finished', final: true });
