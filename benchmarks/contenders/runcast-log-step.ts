/** Runcast's side of log-step: four scalars, of which perplexity is derived, to JSONL and TensorBoard. */

import { measureCalls } from './call-latency.ts';
import { closeCompletely, openRuncast } from './open-runcast.ts';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count, args } = readWorkload();
const publisher = await openRuncast(directory, ['JSONL', 'TENSORBOARD']);
const latencies = measureCalls(
  count,
  Number(args[0]),
  (step) => {
    const { loss, learning_rate, grad_norm } = trainingStep(step);
    publisher.logStep({ step, loss, metrics: { learning_rate, grad_norm } });
  },
  () => publisher.health().log.pendingBytes > 0,
);
await closeCompletely(publisher);
answer({ ...latencies });
