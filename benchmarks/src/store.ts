/** The run store: how fast records get into it, and how large and how quick it is with many runs. */

import { findPostgresPrograms } from '../../tests/support/postgres-server.ts';
import type { Benchmark, Contender, Figure, Scale } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';
import { pythonContender } from './python-peers.ts';

const SQLITE = 'runcast, SQLite';
const POSTGRES = 'runcast, PostgreSQL';
const MLFLOW = 'MLflow, SQLite';

const RATE: Figure = { name: 'records/s', unit: '', digits: 0 };

export function storeRate(): Benchmark {
  const count = { full: 200_000, quick: 40_000 };
  return {
    name: 'store',
    title: 'step records of four metrics into a run store',
    rounds: { full: 5, quick: 2 },
    contenders: [
      ...onBoth('runcast-store.js', count),
      pythonContender(MLFLOW, 'mlflow', 'mlflow_store.py', { full: 10_000, quick: 2_000 }),
    ],
    figures: [RATE, { name: 'cpu/record', unit: 'µs', digits: 2 }, { name: 'bytes/record', unit: '', digits: 0 }],
    reference: SQLITE,
    targets: [
      [SQLITE, 10] as const,
      // A server of its own, on the same cores.
      [POSTGRES, 5] as const,
    ].map(([contender, value]) => ({
      promise: `${value} times the rate of ${MLFLOW}`,
      of: { contender, figure: RATE.name },
      over: { contender: MLFLOW, figure: RATE.name },
      bound: 'at least',
      value,
    })),
  };
}

/** @param runs 200 where left out, or 20 for a quick look. */
export function storeScale(runs: number | undefined): Benchmark {
  const count = { full: runs ?? 200, quick: runs ?? 20 };
  const milliseconds = (name: string): Figure => ({ name, unit: 'ms', digits: 1 });
  return {
    name: 'store-scale',
    title: `${count.full} runs (quick: ${count.quick}) of 100 steps of 149 metrics in a run store`,
    rounds: { full: 1, quick: 1 },
    contenders: onBoth('runcast-store-scale.js', count),
    figures: [
      { name: 'runs/s', unit: '', digits: 1 },
      { name: 'size', unit: 'MB', digits: 1 },
      { name: 'bytes/value', unit: '', digits: 1 },
      ...['filter', 'key curves', 'other curves'].map((name) => milliseconds(name)),
    ],
    reference: SQLITE,
    targets: [],
  };
}

function onBoth(script: string, count: Readonly<Record<Scale, number>>): readonly Contender[] {
  const installation = findPostgresPrograms().at(-1)?.installation;
  return [
    nodeContender(SQLITE, '@runcast/store', script, count),
    {
      ...nodeContender(POSTGRES, '@runcast/store', script, count, installation ?? ''),
      ...(installation === undefined ? { missing: 'there is no PostgreSQL server' } : {}),
    },
  ];
}
