/** Event files read back: every value of one file, which all contenders read. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Benchmark, Contender, Scale } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';
import { pythonContender } from './python-peers.ts';

const RUNCAST = 'runcast readEvents';
const BATCHES = 'runcast readEventBatches';
const EVENT_ACCUMULATOR = 'tensorboard EventAccumulator';

const COUNT = { full: 400_000, quick: 50_000 } as const;
const FILES = path.join(import.meta.dirname, '..', '..', '.cache', 'bench-files');
const WRITER = path.join(import.meta.dirname, '..', 'dist', 'write-event-file.js');

export function readEventFiles(): Benchmark {
  const rate = 'records/s';
  const script = 'runcast-read-events.js';
  return {
    name: 'read-events',
    title: 'an event file of records with four scalars, read whole',
    rounds: { full: 5, quick: 3 },
    contenders: [
      readingFile(nodeContender(RUNCAST, '@runcast/tensorboard', script, COUNT)),
      readingFile(nodeContender(BATCHES, '@runcast/tensorboard', script, COUNT), 'batches'),
      readingFile(pythonContender(EVENT_ACCUMULATOR, 'tensorboard', 'event_accumulator.py', COUNT)),
    ],
    figures: [
      { name: rate, unit: '', digits: 0 },
      { name: 'cpu/record', unit: 'µs', digits: 2 },
    ],
    reference: RUNCAST,
    targets: [
      {
        promise: "20 times the rate of TensorBoard's own reader",
        of: { contender: RUNCAST, figure: rate },
        over: { contender: EVENT_ACCUMULATOR, figure: rate },
        bound: 'at least',
        value: 20,
      },
    ],
  };
}

/** The contender, told which file to read, and `args` after it. */
function readingFile(contender: Contender, ...args: readonly string[]): Contender {
  return {
    ...contender,
    command: (workload) => {
      const { file, args: given } = contender.command(workload);
      return { file, args: [...given, eventFile(workload.scale), ...args] };
    },
  };
}

/** Written by the first that asks for it. A file that is there was completed. */
function eventFile(scale: Scale): string {
  const directory = path.join(FILES, `read-events-${COUNT[scale]}`);
  const found = namesIn(directory);
  if (found !== undefined) return path.join(directory, found);
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  execFileSync(process.execPath, [WRITER, unfinished, String(COUNT[scale])]);
  renameSync(unfinished, directory);
  return path.join(directory, String(namesIn(directory)));
}

function namesIn(directory: string): string | undefined {
  try {
    return readdirSync(directory)[0];
  } catch {
    return undefined;
  }
}
