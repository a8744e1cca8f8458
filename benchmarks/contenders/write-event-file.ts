/** Writes the event file that readers of event files are measured on: one event a record, with four values. */

import { openSummaryWriter } from '@runcast/tensorboard';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count } = readWorkload();
const writer = openSummaryWriter(directory, { now: () => 1_790_000_000_000, host: 'host', pid: 1 });
for (let step = 0; step < count; step += 1) {
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  writer.addScalars('train', { loss, perplexity: Math.exp(loss), learning_rate, grad_norm }, step);
}
writer.close();
answer({ records: count });
