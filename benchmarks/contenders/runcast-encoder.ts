/** The encoder of event files by itself: records that are there already, to bytes that nobody writes. */

import type { RunRecord, StepRecord } from '@runcast/core';
import { EventEncoder } from '@runcast/tensorboard';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

/** About as many as delivery hands over at once. */
const BATCH_RECORDS = 2_048;
const WARM_UP_BATCHES = 20;

const { count } = readWorkload();

function stepRecord(step: number): StepRecord {
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  return {
    v: 1,
    seq: step + 1,
    time: 1_790_000_000 + step / 1000,
    kind: 'step',
    n: step + 1,
    step,
    metrics: {
      'train/loss': loss,
      'train/perplexity': Math.exp(loss),
      'train/learning_rate': learning_rate,
      'train/grad_norm': grad_norm,
    },
  };
}

const batches: readonly (readonly RunRecord[])[] = Array.from(
  { length: WARM_UP_BATCHES + Math.ceil(count / BATCH_RECORDS) },
  (_, batch) => Array.from({ length: BATCH_RECORDS }, (_, index) => stepRecord(batch * BATCH_RECORDS + index)),
);
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
