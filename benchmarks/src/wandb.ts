/**
 * Beside W&B's own client, on the server that the tests use: a process of its own on the loopback interface, which checks every
 * row, and that all have come.
 */

import path from 'node:path';
import type { Benchmark, Contender, Figure } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';
import { pythonContender, type CountOf } from './python-peers.ts';

const RUNCAST = 'runcast';
const CLIENT = "W&B's own client";
const SERVER = path.join(import.meta.dirname, 'serve-wandb.ts');

export function wandbOnline(): Benchmark {
  const count = { full: 20_000, quick: 5_000 };
  return {
    name: 'wandb-online',
    title: '20,000 rows (quick: 5,000) of three scalars to a W&B server, from the first call to the end of the run',
    rounds: { full: 5, quick: 2 },
    contenders: onServers('online', count, count),
    figures: [{ name: 'wall', unit: 's', digits: 2 }],
    reference: RUNCAST,
    targets: [
      {
        promise: 'logged and finished in less time',
        of: { contender: RUNCAST, figure: 'wall' },
        over: { contender: CLIENT, figure: 'wall' },
        bound: 'below',
        value: 1,
      },
    ],
  };
}

export function wandbCalls(): Benchmark {
  const count = { full: 20_000, quick: 5_000 };
  // Those before the measured ones among them: see call-latency.ts.
  const rows = { full: 40_000, quick: 25_000 };
  return {
    name: 'wandb-calls',
    title: '20,000 calls (quick: 5,000) with three scalars each, to a W&B server',
    rounds: { full: 7, quick: 2 },
    contenders: [
      ...onServers('calls', count, rows),
      nodeContender("the writes of Runcast's log alone", 'runcast', 'plain-writes.js', count),
    ],
    figures: ['p50', 'p99', 'p99.9'].map((name): Figure => ({ name, unit: 'µs', digits: 2 })),
    reference: RUNCAST,
    targets: ['p50', 'p99'].map((figure) => ({
      promise: `${figure} of a call is a fiftieth`,
      of: { contender: RUNCAST, figure },
      over: { contender: CLIENT, figure },
      bound: 'at most',
      value: 1 / 50,
    })),
  };
}

export function wandbOffline(): Benchmark {
  const rate: Figure = { name: 'records/s', unit: '', digits: 0 };
  return {
    name: 'wandb-offline',
    title: 'rows of three scalars into a file for `wandb sync`, close included',
    rounds: { full: 5, quick: 2 },
    contenders: [
      nodeContender(RUNCAST, 'runcast', 'runcast-wandb.js', { full: 500_000, quick: 200_000 }, 'offline'),
      pythonContender(CLIENT, 'wandb', 'wandb_client.py', { full: 20_000, quick: 10_000 }, 'offline'),
    ],
    figures: [rate, { name: 'bytes/record', unit: '', digits: 1 }],
    reference: RUNCAST,
    targets: [
      {
        promise: "25 times the rate of W&B's own client",
        of: { contender: RUNCAST, figure: rate.name },
        over: { contender: CLIENT, figure: rate.name },
        bound: 'at least',
        value: 25,
      },
    ],
  };
}

export function wandbMemory(): Benchmark {
  const figure = 'peak resident';
  const count = { full: 1_000_000, quick: 200_000 };
  return {
    name: 'wandb-memory',
    title: 'a million rows (quick: 200,000) to a W&B server, flat out, close included',
    rounds: { full: 5, quick: 1 },
    contenders: [
      onServer(nodeContender(RUNCAST, 'runcast', 'runcast-memory.js', count, 'wandb'), count),
      nodeContender('the same loop without a logger', 'runcast', 'runcast-memory.js', count, 'none'),
    ],
    figures: [
      { name: figure, unit: 'MB', digits: 1 },
      { name: 'time', unit: 's', digits: 1 },
    ],
    reference: RUNCAST,
    targets: [
      {
        promise: 'the whole process stays within 160 MB',
        of: { contender: RUNCAST, figure },
        bound: 'at most',
        value: 160,
      },
    ],
  };
}

/** Runcast and W&B's own client, each with a server of its own, which is to have `rows` in the end. */
function onServers(mode: string, count: CountOf, rows: CountOf): readonly Contender[] {
  return [
    onServer(nodeContender(RUNCAST, 'runcast', 'runcast-wandb.js', count, mode), rows),
    onServer(pythonContender(CLIENT, 'wandb', 'wandb_client.py', count, mode), rows),
  ];
}

/** The contender, its address and key behind its arguments, and the server around it. */
function onServer(contender: Contender, rows: CountOf): Contender {
  return {
    ...contender,
    command: (workload) => {
      const { file, args } = contender.command(workload);
      return {
        file: process.execPath,
        args: ['--conditions=runcast-source', SERVER, String(rows[workload.scale]), file, ...args],
      };
    },
  };
}
