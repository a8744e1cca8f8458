// The commands that read a stream, as users start them: processes of their own on a real server.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StepRecord } from '@runcast/core';
import { batchOf, closeRecord, openRecord, sinkContext, stepRecord } from '@runcast/testing';
import { createRedisSink } from '@runcast/redis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { describeOnServers } from '../support/describe-on-servers.ts';
import { RedisServer } from '../support/redis-server.ts';

const BIN = path.join(import.meta.dirname, '..', '..', 'packages', 'runcast', 'src', 'bin.ts');
const STEPS = 500;
const WAIT = { timeout: 30_000, interval: 20 };

function stepOf(metrics: StepRecord['metrics'], step: number): StepRecord {
  return stepRecord({ seq: step + 1, n: step + 1, step, metrics });
}

interface Started {
  readonly child: ChildProcess;
  output: string;
  errors: string;
  readonly ended: Promise<number | null>;
}

describeOnServers((program) => {
  let dir = '';
  let server: RedisServer;
  const started: Started[] = [];

  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'runcast-redis-command-'));
    server = await RedisServer.start(program);
  });

  afterEach(async () => {
    for (const { child, ended } of started.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
    await server.end();
    rmSync(dir, { recursive: true });
  });

  function runcast(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
    const options = { cwd: dir, env: { ...process.env, REDIS__URL: server.url, ...env } };
    const child = spawn(process.execPath, ['--conditions=runcast-source', BIN, ...argv], options);
    const ended = once(child, 'close').then(([code]) => z.number().nullable().parse(code));
    const command: Started = { child, output: '', errors: '', ended };
    child.stdout.on('data', (bytes: Buffer) => (command.output += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (command.errors += bytes.toString()));
    started.push(command);
    return command;
  }

  async function publish(run: string, stream?: string): Promise<void> {
    const sink = createRedisSink({ url: server.url, stream });
    await sink.open?.(sinkContext({ runId: run, runDirectory: '/' }));
    const steps = Array.from({ length: STEPS }, (_, index) =>
      stepRecord({ seq: index + 1, n: index + 1, step: index }),
    );
    await sink.write(batchOf('w1', [openRecord({ run, seq: 0 }), ...steps, closeRecord({ seq: STEPS + 1 })]));
    await sink.close({ status: 'finished', final: true });
  }

  function rows(run: string): readonly string[] {
    return readFileSync(path.join(dir, 'rows', `${run}.jsonl`), 'utf8')
      .split('\n')
      .slice(0, -1);
  }

  it('relay delivers to the sinks that are on, says how it is doing, and leaves when it is told to', async () => {
    const on = { JSONL__ENABLED: 'true', JSONL__DIR: 'rows', REDIS__ENABLED: 'true' };
    const relay = runcast(['relay', '--from', 'redis', '--group', 'lab', '--json'], on);
    await vi.waitFor(() => expect(relay.errors).toContain('reading trainer_metrics_events for lab'), WAIT);
    await publish('run-1');
    await server.call('XADD', 'trainer_metrics_events', '*', 'a', 'b');
    await vi.waitFor(() => expect(relay.output).toContain(`"records":${STEPS + 2}`), WAIT);
    const status = runcast(['relay', '--from', 'redis', '--group', 'lab', '--status']);
    expect(await status.ended).toBe(0);
    expect(status.output).toContain(`has ${STEPS + 3} entries, 0 to be read after`);
    expect(status.output).toMatch(/group lab: read by .*503 entries \(\d+\/s\), 0 to be read; 1 set aside/u);
    const waiting = runcast(['relay', '--from', 'redis', '--group', 'lab', '--dir', 'other']);
    await vi.waitFor(() => expect(waiting.errors).toContain('waiting to take over'), WAIT);
    expect(waiting.errors).toContain('no sink is on');
    relay.child.kill('SIGTERM');
    expect(await relay.ended).toBe(0);
    expect(relay.errors).toContain('set aside in dead-letters.jsonl');
    expect(rows('run-1')).toHaveLength(STEPS + 2);
    await vi.waitFor(() => expect(waiting.errors).toContain('(token 2)'), WAIT);
    waiting.child.kill('SIGINT');
    expect(await waiting.ended).toBe(0);
    const after = runcast(['relay', '--from', 'redis', '--group', 'lab', '--status', '--json']);
    expect(await after.ended).toBe(0);
    expect(JSON.parse(after.output)).toMatchObject({ group: 'lab', lag: 0, reader: null, entries: STEPS + 3 });
    const never = runcast(['relay', '--from', 'redis', '--group', 'new', '--status']);
    expect(await never.ended).toBe(0);
    expect(never.output).toContain('has never been read by this group\ngroup new: no relay reads it now');
  });

  it('relay takes over within five seconds from one that was killed', async () => {
    const on = { JSONL__ENABLED: 'true', JSONL__DIR: 'rows' };
    const [first, second] = ['one', 'two'].map((dir) =>
      runcast(['relay', '--from', 'redis', '--group', 'lab', '--dir', dir], on),
    );
    if (first === undefined || second === undefined) throw new TypeError('no relays');
    await vi.waitFor(
      () => expect(first.errors + second.errors).toMatch(/reading[^]*waiting|waiting[^]*reading/u),
      WAIT,
    );
    const [reader, other] = first.errors.includes('reading') ? [first, second] : [second, first];
    reader.child.kill('SIGKILL');
    const killed = performance.now();
    await vi.waitFor(() => expect(other.errors).toContain('(token 2)'), WAIT);
    expect(performance.now() - killed).toBeLessThan(5_000);
  });

  it('relay says what it cannot deliver, and that it is owed', async () => {
    const on = { JSONL__ENABLED: 'true', JSONL__DIR: '/dev/null/rows' };
    const relay = runcast(['relay', '--from', 'redis', '--group', 'lab'], on);
    await publish('run-1');
    await vi.waitFor(() => expect(relay.errors).toContain('run-1: relay: 1 sink cannot be opened'), WAIT);
    relay.child.kill('SIGTERM');
    expect(await relay.ended).toBe(1);
    expect(relay.errors).toContain('1 runs are not delivered yet');
  });

  it('relay goes on when the server does', async () => {
    const relay = runcast(['relay', '--from', 'redis', '--group', 'lab'], {
      JSONL__ENABLED: 'true',
      JSONL__DIR: 'rows',
    });
    await vi.waitFor(() => expect(relay.errors).toContain('reading'), WAIT);
    await server.kill();
    await vi.waitFor(() => expect(relay.errors).toContain('trying again'), WAIT);
    await server.startAgain();
    await publish('run-1');
    await vi.waitFor(() => expect(rows('run-1')).toHaveLength(STEPS + 2), WAIT);
  });

  it('tail shows the last entries and those that come, of one run where it is named', async () => {
    await publish('run-1');
    const once1 = runcast(['tail', '--from', 'redis', '--once', '--lines', '3']);
    expect(await once1.ended).toBe(0);
    expect(once1.output.split('\n')).toHaveLength(4);
    expect(once1.output).toMatch(/run-1 close {2}\{"status":"finished","final":true\}\n$/u);
    const tail = runcast(['tail', 'run-2', '--from', 'redis', '--kind', 'step', '--json']);
    await server.call('XADD', 'trainer_metrics_events', '*', 'a', 'b');
    await vi.waitFor(async () => {
      await publish('run-2');
      expect(tail.output).toContain(`"seq":${STEPS}`);
    }, WAIT);
    expect(tail.output).not.toContain('run-1');
    await server.kill();
    await vi.waitFor(() => expect(tail.errors).toContain('trying again'), WAIT);
    await server.startAgain();
    tail.child.kill('SIGTERM');
    expect(await tail.ended).toBe(0);
  });

  it('tail shows what has a metric of that name', async () => {
    const sink = createRedisSink({ url: server.url });
    await sink.open?.(sinkContext({ runId: 'run-1', runDirectory: '/' }));
    const metrics = [{ 'train/loss': 1 }, { 'eval/loss': 2 }, { 'train/accuracy': 3 }, { 'train/loss': 4 }];
    await sink.write(batchOf('w1', [openRecord({ run: 'run-1', seq: 0 }), ...metrics.map(stepOf)]));
    await sink.close({ status: 'finished', final: true });
    const shown = async (...keys: readonly string[]): Promise<readonly unknown[]> => {
      const tail = runcast(['tail', '--from', 'redis', '--once', '--json', ...keys.flatMap((key) => ['--key', key])]);
      expect([await tail.ended, tail.errors]).toEqual([0, '']);
      return tail.output
        .split('\n')
        .slice(0, -1)
        .map((line) => z.object({ step: z.int() }).parse(JSON.parse(line)).step);
    };
    expect(await shown('train/loss')).toEqual([0, 3]);
    expect(await shown('train/*')).toEqual([0, 2, 3]);
    expect(await shown('eval/loss', 'train/acc*')).toEqual([1, 2]);
  });

  it('several streams have a relay each, for the same sinks', async () => {
    const groups = ['here', 'there'].map((group) => ({
      run: `run-${group}`,
      stream: `trainers_${group}`,
      relay: runcast(['relay', '--from', 'redis', '--group', 'lab', '--dir', group], {
        JSONL__ENABLED: 'true',
        JSONL__DIR: 'rows',
        REDIS__STREAM: `trainers_${group}`,
      }),
    }));
    await Promise.all(groups.map(async ({ run, stream }) => publish(run, stream)));
    for (const { run, stream, relay } of groups) {
      await vi.waitFor(() => expect(rows(run)).toHaveLength(STEPS + 2), WAIT);
      expect(relay.errors).toContain(`reading ${stream} for lab after 0-0 (token 1)`);
      relay.child.kill('SIGTERM');
      expect(await relay.ended).toBe(0);
    }
    expect(readdirSync(path.join(dir, 'rows'))).toEqual(['run-here.jsonl', 'run-there.jsonl']);
    expect(readdirSync(path.join(dir, 'here'))).toContain('run-here');
    expect(readdirSync(path.join(dir, 'here'))).not.toContain('run-there');
  });

  it('doctor asks the server', async () => {
    const on = { REDIS__ENABLED: 'true', RUNCAST__DIR: 'runs' };
    const well = runcast(['doctor'], on);
    expect(await well.ended).toBe(0);
    expect(well.output).toMatch(
      /redis\s+on, since REDIS__ENABLED is true; .* answers; trainer_metrics_events has 0 entries/u,
    );
    await server.kill();
    const ill = runcast(['doctor'], on);
    expect(await ill.ended).toBe(1);
    expect(ill.output).toMatch(/redis:.* does not serve: .*ECONNREFUSED/u);
  });
});
