/** What a sink that is down for ever and one that takes five seconds a batch do to the trainer and to the sink beside them. */

import type { Benchmark, Target } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';

const BESIDE = 'beside one that is down and one that takes 5 s';
const ALONE = 'JSONL alone';

function besideOverAlone(promise: string, figure: string, value: number): Target {
  return {
    promise,
    of: { contender: BESIDE, figure },
    over: { contender: ALONE, figure },
    bound: 'at most',
    value,
  };
}

export function besideFailingSinks(): Benchmark {
  const count = { full: 10_000, quick: 3_000 };
  return {
    name: 'beside-failing-sinks',
    title:
      '1,000 steps a second to JSONL, alone, and beside a sink that is down for ever and one that takes 5 s a batch',
    rounds: { full: 7, quick: 2 },
    contenders: [
      nodeContender(ALONE, 'runcast', 'runcast-beside.js', count, 'alone'),
      nodeContender(BESIDE, 'runcast', 'runcast-beside.js', count, 'beside'),
    ],
    figures: [
      { name: 'p50', unit: 'µs', digits: 2 },
      { name: 'p99', unit: 'µs', digits: 2 },
      { name: 'lag p50', unit: 'ms', digits: 1 },
      { name: 'lag p99', unit: 'ms', digits: 1 },
      { name: 'lag max', unit: 'ms', digits: 1 },
    ],
    reference: ALONE,
    targets: [
      besideOverAlone('a call takes the trainer no longer: p50', 'p50', 1.2),
      besideOverAlone('nor do its slowest: p99', 'p99', 1.5),
      besideOverAlone('rows are there as soon: lag p99', 'lag p99', 1.5),
    ],
  };
}
