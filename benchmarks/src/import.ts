/** What `import 'runcast'` costs a process that starts, beside the two libraries it cannot do without. */

import type { Benchmark } from './benchmark.ts';
import { inlineContender } from './node-contender.ts';

export function importTime(): Benchmark {
  const figure = 'time';
  return {
    name: 'import',
    title: 'importing the package in a fresh process',
    rounds: { full: 25, quick: 15 },
    contenders: [
      inlineContender('runcast', 'runcast', timed("await import('runcast');")),
      inlineContender('zod and eventemitter3', 'zod', timed("await import('zod'); await import('eventemitter3');")),
    ],
    figures: [{ name: figure, unit: 'ms', digits: 1 }],
    reference: 'runcast',
    targets: [
      {
        promise: '1.5 times what zod and eventemitter3 take',
        of: { contender: 'runcast', figure },
        over: { contender: 'zod and eventemitter3', figure },
        bound: 'at most',
        value: 1.5,
      },
    ],
  };
}

function timed(code: string): string {
  return `const start = performance.now(); ${code} console.log(JSON.stringify({ time: performance.now() - start }));`;
}
