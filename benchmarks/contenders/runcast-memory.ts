/** The memory of a whole process with its worker, at its peak, over a long run; or of the loop alone, to compare. */

import type { MetricsPublisher } from 'runcast';
import { closeCompletely, openRuncast } from './open-runcast.ts';
import { peakResidentMegabytes } from './peak-memory.ts';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count, args } = readWorkload();
const [mode, url = '', key = ''] = args;
const publisher = await open();
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

async function open(): Promise<MetricsPublisher | undefined> {
  if (mode === 'none') return undefined;
  if (mode === 'wandb') return openRuncast(directory, ['WANDB'], { WANDB_BASE_URL: url, WANDB_API_KEY: key });
  return openRuncast(directory, ['JSONL', 'TENSORBOARD']);
}
