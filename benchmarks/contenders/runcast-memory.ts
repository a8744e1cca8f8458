/** The memory of a whole process with its worker, at its peak, over a long run; or of the loop alone, to compare. */

import { closeCompletely, openRuncast } from './open-runcast.ts';
import { peakResidentMegabytes } from './peak-memory.ts';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count, args } = readWorkload();
const publisher = args[0] === 'none' ? undefined : await openRuncast(directory, ['JSONL', 'TENSORBOARD']);
const start = performance.now();
let sum = 0;
for (let step = 0; step < count; step += 1) {
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  sum += loss;
  publisher?.logStep({ step, loss, metrics: { learning_rate, grad_norm } });
}
if (publisher !== undefined) await closeCompletely(publisher);
if (Number.isNaN(sum)) throw new Error('a loss is not a number');
answer({ 'peak resident': peakResidentMegabytes(), time: (performance.now() - start) / 1000 });
