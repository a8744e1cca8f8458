/** How much memory a long run takes, its worker included. */

import type { Benchmark } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';

export function memory(): Benchmark {
  const figure = 'peak resident';
  const count = { full: 5_000_000, quick: 500_000 };
  return {
    name: 'memory',
    title: '5 million records (quick: 500,000) to JSONL and TensorBoard, flat out, close included',
    rounds: { full: 1, quick: 1 },
    contenders: [
      nodeContender('runcast', 'runcast', 'runcast-memory.js', count, 'runcast'),
      nodeContender('the same loop without a logger', 'runcast', 'runcast-memory.js', count, 'none'),
    ],
    figures: [
      { name: figure, unit: 'MB', digits: 1 },
      { name: 'time', unit: 's', digits: 1 },
    ],
    reference: 'runcast',
    targets: [
      {
        promise: 'the whole process stays within 160 MB',
        of: { contender: 'runcast', figure },
        bound: 'at most',
        value: 160,
      },
    ],
  };
}
