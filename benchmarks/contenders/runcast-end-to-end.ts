/**
 * Runcast's side of end-to-end: from the first call until everything is in closed event files. With `bare`, the names are
 * written as they are given; with `tfjs`, the files by the tfjs-node that is found in the directory named behind it.
 */

import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { closeCompletely, eventDirectory, openRuncast } from './open-runcast.ts';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count, args } = readWorkload();
const [mode, tfjsDirectory = ''] = args;
// The sink looks for tfjs-node there.
if (mode === 'tfjs') process.chdir(tfjsDirectory);
const publisher = await openRuncast(directory, ['TENSORBOARD'], mode === 'tfjs' ? { TENSORBOARD__ENGINE: 'tfjs' } : {});
const isBare = mode === 'bare';
const cpuStart = process.cpuUsage();
const start = performance.now();
for (let step = 0; step < count; step += 1) {
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  if (isBare) publisher.log({ loss, perplexity: Math.exp(loss), learning_rate, grad_norm }, { step });
  else publisher.logStep({ step, loss, metrics: { learning_rate, grad_norm } });
}
await closeCompletely(publisher);
const seconds = (performance.now() - start) / 1000;
const cpu = process.cpuUsage(cpuStart);
const events = eventDirectory(directory);
const bytes = readdirSync(events).reduce((sum, name) => sum + statSync(path.join(events, name)).size, 0);
answer({ 'records/s': count / seconds, 'cpu/record': (cpu.user + cpu.system) / count, 'bytes/record': bytes / count });
