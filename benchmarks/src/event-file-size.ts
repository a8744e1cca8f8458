/**
 * How many bytes of event file a record of four scalars takes. It depends on the names, which are in every event: they are
 * taken as a trainer writes them, and with `train/` before each.
 */

import type { Benchmark } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';
import { pythonContender } from './python-peers.ts';

const RUNCAST = 'runcast';
const TORCH = 'torch SummaryWriter';
const COUNT = { full: 10_000, quick: 5_000 } as const;
const BYTES = 'bytes/record';

export function eventFileSize(): Benchmark {
  return {
    name: 'event-file-size',
    title: 'bytes of event file a record of four scalars',
    // The same in every round.
    rounds: { full: 1, quick: 1 },
    contenders: [
      nodeContender(RUNCAST, 'runcast', 'runcast-end-to-end.js', COUNT, 'bare'),
      nodeContender(prefixed(RUNCAST), 'runcast', 'runcast-end-to-end.js', COUNT),
      pythonContender(TORCH, 'torch', 'torch_summary_writer.py', COUNT, 'bare'),
      pythonContender(prefixed(TORCH), 'torch', 'torch_summary_writer.py', COUNT),
    ],
    figures: [{ name: BYTES, unit: '', digits: 1 }],
    reference: RUNCAST,
    targets: [
      {
        promise: "55 % of the bytes of torch's SummaryWriter",
        of: { contender: RUNCAST, figure: BYTES },
        over: { contender: TORCH, figure: BYTES },
        bound: 'at most',
        value: 0.55,
      },
    ],
  };
}

function prefixed(name: string): string {
  return `${name}, train/ before each name`;
}
