/** pino's side of log-step: its defaults, writing synchronously, so that what a call returned from is with the system. */

import path from 'node:path';
import { destination, pino } from 'pino';
import { measureCalls } from './call-latency.ts';
import { trainingStep } from './training-steps.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count, args } = readWorkload();
const logger = pino(destination({ dest: path.join(directory, 'pino.jsonl'), sync: true }));
const latencies = measureCalls(
  count,
  Number(args[0]),
  (step) => {
    const { loss, learning_rate, grad_norm } = trainingStep(step);
    logger.info({ step, loss, perplexity: Math.exp(loss), learning_rate, grad_norm });
  },
  () => false,
);
answer({ ...latencies });
