/** Runcast's side of log-step: four scalars, of which perplexity is derived, to JSONL and TensorBoard. */

import { measureFlatOut, measurePaced } from './call-latency.ts';
import { closeCompletely, openRuncast } from './open-runcast.ts';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count, args } = readWorkload();
const intervalMs = Number(args[0]);
const publisher = await openRuncast(directory, ['JSONL', 'TENSORBOARD']);

function log(step: number): void {
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  publisher.logStep({ step, loss, metrics: { learning_rate, grad_norm } });
}

const figures =
  intervalMs === 0
    ? measureFlatOut(count, log)
    : measurePaced(count, intervalMs, log, () => publisher.health().log.pendingBytes > 0);
await closeCompletely(publisher);
answer({ ...figures });
