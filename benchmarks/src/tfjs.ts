/** Beside TensorFlow for Node: what writes the event files, and how long a histogram of many values takes. */

import { missingTfjs, tfjsFolder } from '../../tests/support/tfjs.ts';
import type { Benchmark, Contender } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';

const TFJS_NODE = 'tfjs-node SummaryFileWriter';

export function engines(): Benchmark {
  const native = 'runcast, engine native';
  const rate = 'records/s';
  return {
    name: 'engines',
    title: 'records of four scalars into event files, by the engines of one sink and by tfjs-node itself',
    rounds: { full: 5, quick: 3 },
    contenders: [
      nodeContender(native, 'runcast', 'runcast-end-to-end.js', { full: 500_000, quick: 100_000 }),
      withTfjs('runcast, engine tfjs', 'runcast-end-to-end.js', { full: 200_000, quick: 50_000 }, 'tfjs'),
      withTfjs(TFJS_NODE, 'tfjs-end-to-end.js', { full: 20_000, quick: 5_000 }),
    ],
    figures: [
      { name: rate, unit: '', digits: 0 },
      { name: 'cpu/record', unit: 'µs', digits: 2 },
      { name: 'bytes/record', unit: '', digits: 1 },
    ],
    reference: native,
    // Nothing was promised of these before they were measured.
    targets: [],
  };
}

export function histogram(): Benchmark {
  const runcast = 'runcast addHistogram';
  const figure = 'time';
  return {
    name: 'histogram',
    title: 'a million 32-bit floats into 30 buckets and the event file',
    rounds: { full: 9, quick: 3 },
    contenders: [
      nodeContender(runcast, '@runcast/tensorboard', 'runcast-histogram.js', { full: 50, quick: 20 }),
      withTfjs(TFJS_NODE, 'tfjs-histogram.js', { full: 20, quick: 10 }),
    ],
    figures: [{ name: figure, unit: 'ms', digits: 2 }],
    reference: runcast,
    targets: [
      {
        promise: "a tenth of tfjs-node's time",
        of: { contender: runcast, figure },
        over: { contender: TFJS_NODE, figure },
        bound: 'at most',
        value: 0.1,
      },
    ],
  };
}

/** A contender that is told where tfjs-node is, behind `args`. */
function withTfjs(
  name: string,
  script: string,
  count: Parameters<typeof nodeContender>[3],
  ...args: readonly string[]
): Contender {
  const missing = missingTfjs();
  return {
    ...nodeContender(name, 'runcast', script, count, ...args, tfjsFolder),
    ...(missing === undefined ? {} : { missing }),
  };
}
