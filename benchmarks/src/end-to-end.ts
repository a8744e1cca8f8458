/** From the first call to closed event files: how many records a second, and how many bytes each. */

import type { Benchmark } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';
import { pythonContender } from './python-peers.ts';

const RUNCAST = 'runcast';
const ENCODER = 'runcast, encoder alone';
const EVENT_FILE_WRITER = 'tensorboard EventFileWriter';
const TORCH = 'torch SummaryWriter';

export function endToEnd(): Benchmark {
  const rate = 'records/s';
  const bytes = 'bytes/record';
  return {
    name: 'end-to-end',
    title: 'records of four scalars into event files, close included',
    rounds: { full: 5, quick: 3 },
    contenders: [
      nodeContender(RUNCAST, 'runcast', 'runcast-end-to-end.js', { full: 2_000_000, quick: 200_000 }),
      nodeContender(ENCODER, '@runcast/tensorboard', 'runcast-encoder.js', { full: 1_000_000, quick: 500_000 }),
      pythonContender(EVENT_FILE_WRITER, 'tensorboard', 'event_file_writer.py', { full: 100_000, quick: 20_000 }),
      pythonContender(TORCH, 'torch', 'torch_summary_writer.py', { full: 20_000, quick: 5_000 }),
    ],
    figures: [
      { name: rate, unit: '', digits: 0 },
      { name: 'cpu/record', unit: 'µs', digits: 2 },
      { name: bytes, unit: '', digits: 1 },
    ],
    reference: RUNCAST,
    targets: [
      {
        promise: "25 times the rate of TensorBoard's own writer at its best",
        of: { contender: RUNCAST, figure: rate },
        over: { contender: EVENT_FILE_WRITER, figure: rate },
        bound: 'at least',
        value: 25,
      },
      {
        promise: "100 times the rate of torch's SummaryWriter",
        of: { contender: RUNCAST, figure: rate },
        over: { contender: TORCH, figure: rate },
        bound: 'at least',
        value: 100,
      },
      {
        promise: "the encoder alone: 40 times the rate of TensorBoard's own writer",
        of: { contender: ENCODER, figure: rate },
        over: { contender: EVENT_FILE_WRITER, figure: rate },
        bound: 'at least',
        value: 40,
      },
    ],
  };
}
