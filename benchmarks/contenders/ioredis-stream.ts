/**
 * The client that Runcast uses, used plainly: one XADD a record with the same fields. With `auto` behind the server's program
 * it gathers the commands of a turn of the loop by itself; with a number, so many go into a pipeline.
 */

import type { StepRecord } from '@runcast/core';
import { Redis } from 'ioredis';
import { measureStream } from './measure-stream.ts';
import { plainEntry } from './plain-entry.ts';
import { readWorkload } from './workload.ts';

const how = readWorkload().args[1] ?? '';

async function writeSingly(redis: Redis, records: readonly StepRecord[]): Promise<void> {
  await Promise.all(records.map((record) => redis.xadd(...plainEntry(record))));
}

async function writePipelines(redis: Redis, records: readonly StepRecord[], length: number): Promise<void> {
  const pipelines: Promise<unknown>[] = [];
  for (let start = 0; start < records.length; start += length) {
    const pipeline = redis.pipeline();
    for (const record of records.slice(start, start + length)) pipeline.xadd(...plainEntry(record));
    pipelines.push(pipeline.exec());
  }
  await Promise.all(pipelines);
}

await measureStream(async (url) => {
  const redis = new Redis(url, { enableAutoPipelining: how === 'auto' });
  await redis.ping();
  return {
    write: ({ records }) =>
      how === 'auto' ? writeSingly(redis, records) : writePipelines(redis, records, Number(how)),
    close: () => redis.disconnect(),
  };
});
