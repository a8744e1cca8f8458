/** Runcast's side of the histogram: a million values in an array, bucketed and in the event file. */

import { openSummaryWriter } from '@runcast/tensorboard';
import { BUCKETS, makeWeights, meanMs } from './weights.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count } = readWorkload();
const weights = makeWeights();
using writer = openSummaryWriter(directory);
answer({ time: meanMs(count, (step) => writer.addHistogram('weights', weights, step, BUCKETS)) });
