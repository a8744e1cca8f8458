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

it.skipIf(program === undefined || !python.available)(
  'a consumer in Python reads entries by a client alone',
  async () => {
    if (program === undefined || !python.available) return;
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
    // The client of the environment goes by another name, and has the same calls.
    const code = `import runpy, sys, valkey; sys.modules["redis"] = valkey; runpy.run_path(sys.argv[2])`;
    const args = ['-u', '-c', code, server.url, path.join(EXAMPLE, 'consume.py')];
    const consumer = spawn(python.python, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    const output = createInterface(consumer.stdout);
    output.on('line', (line) => {
      lines.push(line);
      if (lines.length === metrics.length) consumer.kill();
    });
    await once(consumer, 'close');
    expect(lines).toEqual(['run-1 0 0.25', 'run-1 1 nan']);
    await server.end();
  },
);
