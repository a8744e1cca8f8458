/** The encoder of event files by itself: records that are there already, to bytes that nobody writes. */

import type { RunRecord } from '@runcast/core';
import { EventEncoder } from '@runcast/tensorboard';
import { BATCH_RECORDS, stepBatches } from './step-records.ts';
import { answer, readWorkload } from './workload.ts';

const WARM_UP_BATCHES = 20;

const { count } = readWorkload();
const batches = stepBatches(0, WARM_UP_BATCHES * BATCH_RECORDS + count).map(({ records }) => records);
const encoder = new EventEncoder();

function encode(batch: readonly RunRecord[]): number {
  const files = encoder.encode(batch);
  encoder.commit();
  return files.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

for (const batch of batches.slice(0, WARM_UP_BATCHES)) encode(batch);
const measured = batches.slice(WARM_UP_BATCHES);
const records = measured.length * BATCH_RECORDS;
let bytes = 0;
const cpuStart = process.cpuUsage();
const start = performance.now();
for (const batch of measured) bytes += encode(batch);
const seconds = (performance.now() - start) / 1000;
const cpu = process.cpuUsage(cpuStart);
answer({
  'records/s': records / seconds,
  'cpu/record': (cpu.user + cpu.system) / records,
  'bytes/record': bytes / records,
});
