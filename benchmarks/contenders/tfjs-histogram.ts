/** tfjs-node's side of the histogram: the same million values, in a tensor already. */

import { loadTfjs } from './load-tfjs.ts';
import { BUCKETS, makeWeights, meanMs } from './weights.ts';
import { answer, readWorkload } from './workload.ts';

const {
  directory,
  count,
  args: [tfjsDirectory = ''],
} = readWorkload();
const tf = loadTfjs(tfjsDirectory);
const writer = tf.node.summaryFileWriter(directory);
const weights = tf.tensor1d(makeWeights());
answer({ time: meanMs(count, (step) => writer.histogram('weights', weights, step, BUCKETS)) });
