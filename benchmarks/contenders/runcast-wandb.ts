/**
 * Runcast's side of wandb-online and wandb-offline, rows of three scalars, from the first call until the run has ended; and of
 * wandb-calls.
 */

import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { measureRested } from './call-latency.ts';
import { closeCompletely, openRuncast } from './open-runcast.ts';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count, args } = readWorkload();
const [mode = '', url = '', key = ''] = args;
const publisher = await openRuncast(directory, ['WANDB'], {
  WANDB_DIR: directory,
  ...(mode === 'offline' ? { WANDB_MODE: mode } : { WANDB_BASE_URL: url, WANDB_API_KEY: key }),
});

function log(step: number): void {
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  publisher.log({ loss, learning_rate, grad_norm }, { step });
}

if (mode === 'calls') {
  const figures = await measureRested(count, log);
  await closeCompletely(publisher);
  answer({ ...figures });
} else {
  const start = performance.now();
  for (let step = 0; step < count; step += 1) log(step);
  await closeCompletely(publisher);
  const wall = (performance.now() - start) / 1000;
  if (mode === 'online') answer({ wall });
  else answer({ 'records/s': count / wall, 'bytes/record': bytesBelow(path.join(directory, 'wandb')) / count });
}

/** Of the transaction logs in the directory of W&B's runs. */
function bytesBelow(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wandb'));
  return names.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}
