/** How soon another process sees a record of a trainer that never returns to its event loop. */

import type { Benchmark } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';

export function neverYields(): Benchmark {
  return {
    name: 'never-yields',
    title: '1,000 steps a second from a loop that never yields: from the call to the bytes in the event file',
    rounds: { full: 5, quick: 2 },
    contenders: [nodeContender('runcast', 'runcast', 'runcast-never-yields.js', { full: 3_000, quick: 3_000 })],
    figures: [
      { name: 'p50', unit: 'ms', digits: 1 },
      { name: 'p99', unit: 'ms', digits: 1 },
      { name: 'max', unit: 'ms', digits: 1 },
    ],
    reference: 'runcast',
    targets: [
      {
        promise: 'every record is in the event file within a second',
        of: { contender: 'runcast', figure: 'max' },
        bound: 'below',
        value: 1_000,
      },
    ],
  };
}
