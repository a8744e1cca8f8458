/** The sink of a run store by itself: batches that are there already, as delivery hands them over. */

import { createStoreSink, openStore } from '@runcast/store';
import { openSink } from './open-sink.ts';
import { RUN_ID, WRITER } from './plain-entry.ts';
import { stepBatches } from './step-records.ts';
import { openStorePlace } from './store-place.ts';
import { answer, readWorkload } from './workload.ts';

const WARM_UP_RECORDS = 20_000;
/** As many as 96 KB of a log hold for a sink of this machine, and twice as many for another. */
const BATCH_RECORDS = { local: 430, remote: 860 } as const;

const { directory, count, args } = readWorkload();
const [installation] = args;
const place = await openStorePlace(directory, installation);
const sink = await openSink(createStoreSink({ url: place.url }), RUN_ID);
const size = BATCH_RECORDS[sink.traits.locality];
const batches = stepBatches(0, WARM_UP_RECORDS + count, size);
const warmUp = Math.ceil(WARM_UP_RECORDS / size);

async function write(some: typeof batches): Promise<void> {
  for (const batch of some) {
    const from = batch.records[0]?.seq ?? 0;
    await sink.write({ writer: WRITER, from, to: batch.records.at(-1)?.seq ?? from, ...batch });
  }
}

await write(batches.slice(0, warmUp));
const measured = batches.slice(warmUp);
const cpuStart = process.cpuUsage();
const start = performance.now();
await write(measured);
await sink.flush();
const seconds = (performance.now() - start) / 1000;
const cpu = process.cpuUsage(cpuStart);
await sink.close({ status: 'finished', final: true });
const store = await openStore(place.url);
const steps = (await store.run(RUN_ID))?.totalSteps;
await store.close();
const bytes = await place.bytes();
await place.end();
if (steps !== batches.length * size) throw new Error(`the store has ${steps} steps`);
const records = measured.length * size;
answer({
  'records/s': records / seconds,
  'cpu/record': (cpu.user + cpu.system) / records,
  'bytes/record': bytes / steps,
});
