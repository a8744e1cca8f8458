/**
 * The trainer of beside-failing-sinks: 1,000 steps a second to JSONL, alone or beside two sinks that fail. Prints when each
 * call was made, and how long it took.
 */

import path from 'node:path';
import { createPublisher, jsonlSink, type SinkSpec } from 'runcast';
import { RUN_ID } from './open-runcast.ts';
import { trainingStep } from './training-steps.ts';
import { readWorkload } from './workload.ts';

const STEP_MS = 1;
const CLOSE_TIMEOUT_MS = 1_000;

const { directory, count, args } = readWorkload();
const module = new URL('./failing-sink.js', import.meta.url).href;
const failing = (['down', 'slow'] as const).map((how): SinkSpec => ({ name: how, module, config: { how } }));
const publisher = await createPublisher({
  run: { id: RUN_ID },
  dir: path.join(directory, 'runs'),
  sinks: [jsonlSink({ dir: path.join(directory, 'jsonl') }), ...(args[0] === 'alone' ? [] : failing)],
  closeTimeoutMs: CLOSE_TIMEOUT_MS,
});
publisher.on('sinkError', () => undefined);
publisher.on('undelivered', () => undefined);
const calls: (readonly [atMs: number, tookMs: number])[] = [];
const start = performance.now();
for (let step = 0; step < count; step += 1) {
  while (performance.now() < start + step * STEP_MS);
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  const called = performance.now();
  publisher.logStep({ step, loss, metrics: { learning_rate, grad_norm } });
  calls.push([performance.timeOrigin + called, performance.now() - called]);
}
const { undelivered } = await publisher.close();
if (undelivered.some(({ sink }) => sink === 'jsonl')) throw new Error('the rows were not delivered');
if (args[0] !== 'alone' && undelivered.length !== failing.length) throw new Error('the failing sinks did not fail');
console.log(JSON.stringify(calls));
