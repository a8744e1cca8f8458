/** pino's side of log-step: its defaults, writing synchronously, so that what a call returned from is with the system. */

import path from 'node:path';
import { destination, pino } from 'pino';
import { measureFlatOut, measurePaced } from './call-latency.ts';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count, args } = readWorkload();
const intervalMs = Number(args[0]);
const logger = pino(destination({ dest: path.join(directory, 'pino.jsonl'), sync: true }));

function log(step: number): void {
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  logger.info({ step, loss, perplexity: Math.exp(loss), learning_rate, grad_norm });
}

const figures = intervalMs === 0 ? measureFlatOut(count, log) : measurePaced(count, intervalMs, log, () => false);
answer({ ...figures });
