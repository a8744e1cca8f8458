// WANDB__ENGINE=sdk on the strict server: W&B's own client for Node, with what it does to its process and what it loses kept from
// everybody else.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openHost } from '@runcast/delivery';
import { acquireLease, runDirectory } from '@runcast/runlog';
import { wandbSink } from '@runcast/wandb';
import { createPublisher, type MetricsPublisher } from 'runcast';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FaultAction } from './server/fault-rule.ts';
import type { ServerRun } from './server/run-state.ts';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';

const PROJECT = 'sdk';
const RUN_ID = 'run-1';

let server: WandbServer;
let dir: string;

beforeEach(async () => {
  server = await startWandbServer();
  dir = mkdtempSync(path.join(tmpdir(), 'runcast-sdk-engine-'));
});

afterEach(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

function open(host: 'worker' | 'inline' = 'worker', resume: 'never' | 'allow' = 'never'): Promise<MetricsPublisher> {
  return createPublisher({
    run: { id: RUN_ID, project: PROJECT, resume, config: { lr: 0.1 } },
    dir,
    sinks: [wandbSink({ engine: 'sdk', apiKey: server.apiKey, baseUrl: server.url })],
    host,
  });
}

function logSteps(publisher: MetricsPublisher, count: number, from = 0): void {
  for (let step = from; step < from + count; step += 1) publisher.logStep({ step, loss: 1 / (step + 1) });
}

function onServer(): ServerRun {
  const run = server.run(PROJECT, RUN_ID);
  if (run === undefined) throw new Error('there is no such run');
  return run;
}

function steps(): readonly unknown[] {
  return onServer().rows.map((row) => row['train/step']);
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, step) => step);
}

describe.each(['worker', 'inline'] as const)('in the host %s', (host) => {
  it('a run is there with its rows, its configuration and its end, and the process is as before', async () => {
    const before = process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const printed = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
    const publisher = await open(host);
    const urls: string[] = [];
    publisher.on('runUrl', ({ url }) => urls.push(url));
    logSteps(publisher, 3_000);
    publisher.logSummary({ best: 1 });
    await publisher.flush();
    expect(process.eventNames().map((name) => [name, process.listenerCount(name)])).toEqual(
      expect.arrayContaining(before),
    );
    expect(process.listenerCount('SIGTERM') + process.listenerCount('beforeExit')).toBe(
      before.reduce((sum, [name, count]) => sum + (name === 'SIGTERM' || name === 'beforeExit' ? Number(count) : 0), 0),
    );
    const report = await publisher.close({ status: 'failed' });
    expect(
      printed.flatMap(({ mock }) => mock.calls.filter(([text]) => /View run|Retrying/u.test(String(text)))),
    ).toEqual([]);
    expect(report).toMatchObject({ complete: true, health: { sinks: { wandb: { skippedKinds: 1 } } } });
    expect(steps()).toEqual(upTo(3_000));
    expect(onServer()).toMatchObject({
      config: { lr: { value: 0.1 }, _wandb: { value: { t: {} } } },
      state: 'failed',
      exitCode: 1,
    });
    expect(urls).toEqual([`${server.url}/${server.entity}/${PROJECT}/runs/${RUN_ID}`]);
    expect(server.violations).toEqual([]);
  });
});

describe('what the client would lose', () => {
  const refused: FaultAction = { kind: 'status', status: 500 };
  const limited: FaultAction = { kind: 'status', status: 429, headers: { 'retry-after': '1' } };

  it.each([
    ['a 500', refused],
    ['a 429 with Retry-After', limited],
    ['a broken connection', { kind: 'reset-before' }],
    ['a connection that breaks after the request was taken', { kind: 'reset-after' }],
  ] as const)('by %s is told and sent again, at its lines', async (_, action) => {
    const fault = server.fault({ action });
    const publisher = await open();
    const errors: string[] = [];
    publisher.on('sinkError', ({ error }) => errors.push(error.message));
    logSteps(publisher, 500);
    expect((await publisher.close()).complete).toBe(true);
    expect(fault.hits).toBe(1);
    expect(errors).toEqual([expect.stringMatching(/^W&B (?:answered the file stream with|could not be reached for)/u)]);
    expect(steps()).toEqual(upTo(500));
    expect(onServer().state).toBe('finished');
    expect(server.violations).toEqual([]);
  });

  it('by a 500 while the run is made is told at once, and the run is made', async () => {
    server.fault({ match: { operation: 'UpsertBucket' }, action: refused });
    const publisher = await open();
    const errors: string[] = [];
    publisher.on('sinkError', ({ error }) => errors.push(error.message));
    logSteps(publisher, 10);
    expect((await publisher.close()).complete).toBe(true);
    expect(errors).toEqual(['W&B answered the making of the run with 500']);
    expect(steps()).toEqual(upTo(10));
  });

  it('of 20,000 rows at once is nothing', async () => {
    const publisher = await open();
    logSteps(publisher, 20_000);
    expect((await publisher.close()).complete).toBe(true);
    expect(steps()).toEqual(upTo(20_000));
  });
});

it.each([401, 403, 404])('an answer %i stops the sink with what to do, and the rest is owed', async (status) => {
  server.fault({ action: { kind: 'status', status }, times: Infinity });
  const publisher = await open();
  const errors: string[] = [];
  publisher.on('sinkError', ({ error, terminal }) => errors.push(`${terminal ? 'stopped: ' : ''}${error.message}`));
  logSteps(publisher, 10);
  const report = await publisher.close();
  expect(errors).toEqual([expect.stringMatching(/^stopped: .*; (?:check|the key|there is)/u)]);
  expect(report.undelivered).toMatchObject([{ sink: 'wandb', records: 12 }]);
});

it('a run that was left is not written over; the native engine sends all of it behind its rows', async () => {
  const first = await open();
  logSteps(first, 50);
  await first.flush();
  await first.close({ status: 'crashed' });
  const lines = onServer().history.length;
  const second = await open('worker', 'allow');
  const errors: string[] = [];
  second.on('sinkError', ({ error }) => errors.push(error.message));
  logSteps(second, 50, 50);
  expect((await second.close()).complete).toBe(false);
  expect(errors).toEqual([
    `the run ${server.entity}/${PROJECT}/${RUN_ID} was begun before, and W&B's client for Node would write over its rows; set WANDB__ENGINE=native and run runcast sync to send the rest`,
  ]);
  expect(onServer().history).toHaveLength(lines);

  const directory = runDirectory(dir, RUN_ID);
  const lease = acquireLease(directory.leaseFile);
  const notices: string[] = [];
  const host = await openHost({
    dir,
    directory,
    sinks: [wandbSink({ apiKey: server.apiKey, baseUrl: server.url })],
    host: 'inline',
    onEvent: (event) => {
      if (event.type === 'sinkError') notices.push(event.error.message);
    },
  });
  const [settled] = await host.close({ status: 'crashed', final: false }, 20_000);
  lease?.release();
  expect(settled).toMatchObject({ owedRecords: 0, reason: undefined });
  expect(notices).toEqual([
    "the run was sent by W&B's client for Node before; all of it is sent, behind the rows that are there",
  ]);
  expect(steps()).toEqual([...upTo(50), ...upTo(100)]);
  expect(server.violations).toEqual([]);
});

it('a server that does not answer holds neither the trainer nor the end up', async () => {
  server.fault({ action: { kind: 'hang' }, times: Infinity });
  const publisher = await open();
  logSteps(publisher, 10);
  const report = await publisher.close({ timeoutMs: 2_500 });
  expect(report.undelivered).toMatchObject([{ sink: 'wandb', records: 12 }]);
});

it('a stop that somebody asks for on the page of the run is told once', async () => {
  server.fault({ action: { kind: 'stop' }, times: 2 });
  const publisher = await open();
  let asked = 0;
  publisher.on('stopRequested', () => {
    asked += 1;
  });
  logSteps(publisher, 10);
  await publisher.flush();
  logSteps(publisher, 10, 10);
  await publisher.close();
  expect(asked).toBe(1);
});
