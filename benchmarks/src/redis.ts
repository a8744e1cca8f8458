/** A Redis stream: how fast records get into it, how fast a relay carries them on, and in how much memory. */

import { onPath } from '../../tests/support/on-path.ts';
import { findRedisPrograms } from '../../tests/support/redis-server.ts';
import type { Benchmark, Contender, Scale, Target } from './benchmark.ts';
import { nodeContender } from './node-contender.ts';

const SINK = 'runcast, sink alone';
const AUTO = 'ioredis, auto-pipelining';
const PIPELINES = 'ioredis, pipelines of 500';
const GENERATOR = 'redis-benchmark -P 500';
const RELAY = 'runcast relay';

const RATE = 'records/s';
const CPU = 'cpu/record';
const PEAK = 'peak resident';

/** A contender that is given the server's program, and further arguments. */
function streamContender(
  name: string,
  script: string,
  count: Readonly<Record<Scale, number>>,
  ...args: readonly string[]
): Contender {
  const [server] = findRedisPrograms();
  const contender = nodeContender(name, 'ioredis', script, count, server?.command ?? '', ...args);
  return server === undefined ? { ...contender, missing: 'there is no Redis server' } : contender;
}

function atLeast(promise: string, value: number, contender: string, over: string): Target {
  return {
    promise,
    of: { contender, figure: RATE },
    over: { contender: over, figure: RATE },
    bound: 'at least',
    value,
  };
}

export function redisStream(): Benchmark {
  const count = { full: 300_000, quick: 100_000 };
  // Comes with Debian's package redis-tools.
  const generator = onPath('redis-benchmark');
  return {
    name: 'redis',
    title: 'step records into a stream, batches that are there already',
    rounds: { full: 5, quick: 3 },
    contenders: [
      streamContender(SINK, 'runcast-stream.js', count),
      streamContender(AUTO, 'ioredis-stream.js', count, 'auto'),
      streamContender(PIPELINES, 'ioredis-stream.js', count, '500'),
      {
        ...streamContender(GENERATOR, 'redis-benchmark.js', count, generator ?? ''),
        ...(generator === undefined ? { missing: 'redis-benchmark is not installed' } : {}),
      },
    ],
    figures: [
      { name: RATE, unit: '', digits: 0 },
      { name: CPU, unit: 'µs', digits: 2 },
    ],
    reference: SINK,
    targets: [
      atLeast("1.5 times the client's auto-pipelining", 1.5, SINK, AUTO),
      atLeast("1.3 times the client's own pipelines", 1.3, SINK, PIPELINES),
      ...[AUTO, PIPELINES].map((peer): Target => ({
        promise: `a quarter of the processor time of ${peer}`,
        of: { contender: SINK, figure: CPU },
        over: { contender: peer, figure: CPU },
        bound: 'at most',
        value: 0.25,
      })),
      atLeast("0.4 of the server's own load generator", 0.4, SINK, GENERATOR),
    ],
  };
}

export function relayRate(): Benchmark {
  const count = { full: 500_000, quick: 100_000 };
  return {
    name: 'relay',
    title: 'from a full stream to logs, JSONL and closed event files',
    rounds: { full: 3, quick: 2 },
    contenders: [
      streamContender(RELAY, 'runcast-relay.js', count),
      streamContender(SINK, 'runcast-stream.js', { full: 300_000, quick: 100_000 }),
    ],
    figures: [
      { name: RATE, unit: '', digits: 0 },
      { name: CPU, unit: 'µs', digits: 2 },
    ],
    reference: RELAY,
    targets: [atLeast("half the sink's own rate", 0.5, RELAY, SINK)],
  };
}

export function relayMemory(): Benchmark {
  const [small, large] = ['a fifth of that', 'all of it'];
  return {
    name: 'relay-memory',
    title: 'a relay that finds 5 million entries (quick: 1.5 million)',
    rounds: { full: 1, quick: 1 },
    contenders: [
      streamContender(small, 'runcast-relay.js', { full: 1_000_000, quick: 300_000 }),
      streamContender(large, 'runcast-relay.js', { full: 5_000_000, quick: 1_500_000 }),
    ],
    figures: [
      { name: PEAK, unit: 'MB', digits: 1 },
      { name: RATE, unit: '', digits: 0 },
    ],
    reference: small,
    targets: [
      {
        promise: 'a quarter more memory for five times the backlog',
        of: { contender: large, figure: PEAK },
        over: { contender: small, figure: PEAK },
        bound: 'at most',
        value: 1.25,
      },
    ],
  };
}
