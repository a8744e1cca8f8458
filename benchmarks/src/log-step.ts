/**
 * What logging costs the training loop, call by call. Flat out shows the work of a call; paced, as a trainer paces it, shows
 * what a call costs when caches are cold and the worker is busy delivering.
 */

import type { Benchmark, Figure, Target } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';

const PERCENTILES: readonly Figure[] = [
  { name: 'p50', unit: 'µs', digits: 2 },
  { name: 'p99', unit: 'µs', digits: 2 },
  { name: 'p99.9', unit: 'µs', digits: 1 },
];

function runcastOverPino(promise: string, figure: string, bound: Target['bound'], value: number): Target {
  return { promise, of: { contender: 'runcast', figure }, over: { contender: 'pino', figure }, bound, value };
}

export function logStep(): Benchmark {
  const count = { full: 300_000, quick: 100_000 };
  return {
    name: 'log-step',
    title: 'four scalars a call, flat out',
    rounds: { full: 11, quick: 3 },
    contenders: [
      nodeContender('runcast', 'runcast', 'runcast-log-step.js', count, '0'),
      nodeContender('pino', 'pino', 'pino-log-step.js', count, '0'),
    ],
    figures: [{ name: 'mean', unit: 'µs', digits: 2 }, { name: 'cpu', unit: 'µs', digits: 2 }, ...PERCENTILES],
    reference: 'runcast',
    targets: [
      {
        promise: 'pino takes 2.5 times as long a record',
        of: { contender: 'pino', figure: 'mean' },
        over: { contender: 'runcast', figure: 'mean' },
        bound: 'at least',
        value: 2.5,
      },
      runcastOverPino("p99 is no longer than pino's", 'p99', 'at most', 1),
      runcastOverPino("p99.9 is no longer than 1.5 of pino's", 'p99.9', 'at most', 1.5),
    ],
  };
}

export function logStepPaced(): Benchmark {
  const count = { full: 5_000, quick: 2_000 };
  return {
    name: 'log-step-paced',
    title: 'four scalars a call, one call a millisecond',
    rounds: { full: 7, quick: 3 },
    contenders: [
      nodeContender('runcast', 'runcast', 'runcast-log-step.js', count, '1'),
      nodeContender('pino', 'pino', 'pino-log-step.js', count, '1'),
    ],
    figures: [...PERCENTILES, { name: 'pending', unit: 'calls', digits: 0 }],
    reference: 'runcast',
    targets: [
      runcastOverPino("p50 is below pino's", 'p50', 'below', 1),
      runcastOverPino("p99 is below pino's", 'p99', 'below', 1),
      runcastOverPino("p99.9 is below pino's", 'p99.9', 'below', 1),
      {
        promise: 'no call returns before its record is with the system',
        of: { contender: 'runcast', figure: 'pending' },
        bound: 'at most',
        value: 0,
      },
    ],
  };
}
