// The example of many machines as its README starts it, and the consumer in Python that it shows.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { createRedisSink } from '@runcast/redis';
import { batchOf, sinkContext, stepRecord } from '@runcast/testing';
import { expect, it } from 'vitest';
import { onPath } from '../support/on-path.ts';
import { findPython } from '../support/python.ts';
import { findRedisPrograms, RedisServer } from '../support/redis-server.ts';

const EXAMPLE = path.join(import.meta.dirname, '..', '..', 'examples', 'many-machines');
const NODE_OPTIONS = ['--conditions=runcast-source', '--disable-warning=ExperimentalWarning'];

const [program] = findRedisPrograms();
const python = findPython();

it.skipIf(program === undefined)('the example ends with complete curves, whatever it kills', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'many-machines-'));
  const args = [...NODE_OPTIONS, path.join(EXAMPLE, 'src', 'main.ts')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: directory });
  expect(stdout).toContain('relay-2: another relay of near reads trainer_metrics_events; waiting to take over');
  expect(stdout).toContain('relay-2: reading trainer_metrics_events for near after 0-0 (token 2)');
  const [rows = ''] = globSync('machines/*/relay-2/rows/trainer-b.jsonl', { cwd: directory });
  const steps = readFileSync(path.join(directory, rows), 'utf8').matchAll(/"kind":"step".*"step":(\d+)/gu);
  // Killed and resumed: none is missing in between.
  expect(new Set([...steps].map(([, step]) => Number(step))).size).toBe(300);
  rmSync(directory, { recursive: true });
});

/** A server with a stream that holds two steps of a run. */
async function twoSteps(): Promise<RedisServer> {
  if (program === undefined) throw new TypeError('there is no server');
  const server = await RedisServer.start(program);
  const sink = createRedisSink({ url: server.url });
  await sink.open?.(sinkContext({ runId: 'run-1', runDirectory: '/' }));
  const metrics = [{ 'train/loss': 0.25 }, { 'train/loss': 'NaN' }] as const;
  await sink.write(
    batchOf(
      'w1',
      metrics.map((values, seq) => stepRecord({ seq, step: seq, metrics: values })),
    ),
  );
  await sink.close({ status: 'finished', final: true });
  return server;
}

/** The first `count` lines of a program that is then killed. */
async function firstLines(command: string, args: readonly string[], count: number): Promise<readonly string[]> {
  const consumer = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const lines: string[] = [];
  createInterface(consumer.stdout).on('line', (line) => {
    lines.push(line);
    // What it has started as well.
    if (lines.length === count && consumer.pid !== undefined) process.kill(-consumer.pid);
  });
  await once(consumer, 'close');
  return lines;
}

it.skipIf(program === undefined || !python.available)(
  'a consumer in Python reads entries by a client alone',
  async () => {
    if (!python.available) return;
    const server = await twoSteps();
    // The client of the environment goes by another name, and has the same calls.
    const code = `import runpy, sys, valkey; sys.modules["redis"] = valkey; runpy.run_path(sys.argv[2])`;
    const args = ['-u', '-c', code, server.url, path.join(EXAMPLE, 'consume.py')];
    expect(await firstLines(python.python, args, 2)).toEqual(['run-1 0 0.25', 'run-1 1 nan']);
    await server.end();
  },
);

it.skipIf(program === undefined || onPath('redis-cli') === undefined)('so does one with redis-cli', async () => {
  const server = await twoSteps();
  // Somebody else's, between ours; and one that comes while it waits.
  await server.call('XADD', 'trainer_metrics_events', '*', 'kind', '1-1');
  const reading = firstLines('sh', [path.join(EXAMPLE, 'consume.sh'), server.url], 3);
  setTimeout(() => {
    const entry = ['kind', 'step', 'run', 'run-2', 'step', '7', 'metrics', '{}'];
    void server.call('XADD', 'trainer_metrics_events', '9999999999999-0', ...entry);
  }, 500);
  const ids = /^\d+-\d+ /u;
  expect((await reading).map((line) => line.replace(ids, ''))).toEqual([
    'run-1 0 {"train/loss":0.25}',
    'run-1 1 {"train/loss":"NaN"}',
    'run-2 7 {}',
  ]);
  await server.end();
});
