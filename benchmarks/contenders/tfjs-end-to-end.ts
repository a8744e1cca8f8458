/** tfjs-node's own side of the engines: a call for each scalar, until everything is flushed. It cannot be closed. */

import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { loadTfjs } from './load-tfjs.ts';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const {
  directory,
  count,
  args: [tfjsDirectory = ''],
} = readWorkload();
const writer = loadTfjs(tfjsDirectory).node.summaryFileWriter(directory);
const cpuStart = process.cpuUsage();
const start = performance.now();
for (let step = 0; step < count; step += 1) {
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  writer.scalar('train/loss', loss, step);
  writer.scalar('train/perplexity', Math.exp(loss), step);
  writer.scalar('train/learning_rate', learning_rate, step);
  writer.scalar('train/grad_norm', grad_norm, step);
}
writer.flush();
const seconds = (performance.now() - start) / 1000;
const cpu = process.cpuUsage(cpuStart);
const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(path.join(directory, name)).size, 0);
answer({ 'records/s': count / seconds, 'cpu/record': (cpu.user + cpu.system) / count, 'bytes/record': bytes / count });
