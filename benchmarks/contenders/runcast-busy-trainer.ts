/** The trainer of never-yields: 1,000 steps a second in a loop without an await. Prints when each call was made. */

import { closeCompletely, openRuncast } from './open-runcast.ts';
import { trainingStep } from './training-steps.ts';
import { readWorkload } from './workload.ts';

const STEP_MS = 1;

const { directory, count } = readWorkload();
const publisher = await openRuncast(directory, ['TENSORBOARD']);
const callsAtMs: number[] = [];
const start = performance.now();
for (let step = 0; step < count; step += 1) {
  while (performance.now() < start + step * STEP_MS);
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  callsAtMs.push(performance.timeOrigin + performance.now());
  publisher.logStep({ step, loss, metrics: { learning_rate, grad_norm } });
}
await closeCompletely(publisher);
console.log(JSON.stringify(callsAtMs));
