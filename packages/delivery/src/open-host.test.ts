import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, Sink, SinkSpec } from '@runcast/core';
import { createMemorySink, epochRecord, stepRecord, tagsRecord } from '@runcast/testing';
import { expect, onTestFinished, test } from 'vitest';
import { createEventLog, makeRun, waitWithoutYielding, type EventLog, type RunOnDisk } from '../test/run-on-disk.ts';
import type { DeliveryHost } from './delivery-host.ts';
import { SinkOpenError } from './inline-host.ts';
import { loadWorkerHosts, openHost, type OpenHostOptions } from './open-host.ts';

const OUTCOME = { status: 'finished', final: true } as const;
const MODULE = new URL('../test/memory-sink-module.ts', import.meta.url).href;
const MISSING = new URL('file:///nowhere/worker.js');

interface Stage {
  readonly run: RunOnDisk;
  readonly log: EventLog;
  readonly lines: () => readonly string[];
  readonly spec: (config?: JsonObject) => SinkSpec;
  readonly open: (options: Pick<OpenHostOptions, 'sinks' | 'host'> & Partial<OpenHostOptions>) => Promise<DeliveryHost>;
}

function stage(): Stage {
  const run = makeRun();
  const log = createEventLog();
  const path = join(run.directory.path, 'sink.txt');
  return {
    run,
    log,
    lines: () => (existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []),
    spec: (config = {}) => ({ name: 'file', module: MODULE, config: { path, ...config } }),
    open: async (options) => {
      const host = await openHost({
        directory: run.directory,
        dir: run.dir,
        onEvent: log.onEvent,
        ...options,
      });
      onTestFinished(async () => {
        await host.close(OUTCOME, 100);
      });
      return host;
    },
  };
}

test('specs go into a worker', async () => {
  const { open, spec, run, lines } = stage();
  const host = await open({ host: 'worker', sinks: [spec()] });
  expect(host).toMatchObject({ kind: 'worker', reason: undefined });
  run.steps('w1', 0, 2);
  expect(await host.flush(5000)).toMatchObject([{ reason: undefined }]);
  expect(host.health()).toMatchObject({ file: { delivered: 2 } });
  expect(await host.close(OUTCOME, 5000)).toMatchObject([{ reason: undefined }]);
  expect(lines()).toEqual(['open in a worker', 'w1 0', 'w1 1', 'flush', 'flush', 'close']);
});

test('a worker that was prepared for delivers although the caller never yields', async () => {
  await loadWorkerHosts();
  const { open, spec, run, lines } = stage();
  run.steps('w1', 0, 2);
  const opening = open({ host: 'worker', sinks: [spec()] });
  waitWithoutYielding(() => lines().includes('w1 1'));
  expect(await opening).toMatchObject({ kind: 'worker', reason: undefined });
});

test('a process that exits waits for the worker', async () => {
  const { open, spec, run, lines } = stage();
  const host = await open({ host: 'worker', sinks: [spec()] });
  run.steps('w1', 0, 1);
  host.endNow(OUTCOME, 5000);
  expect(lines()).toEqual(['open in a worker', 'w1 0', 'flush', 'close']);
});

test('specs stay here where the caller says so', async () => {
  const { open, spec, run, lines } = stage();
  const host = await open({ host: 'inline', sinks: [spec()] });
  expect(host).toMatchObject({ kind: 'inline', reason: undefined });
  run.steps('w1', 0, 1);
  host.endNow(OUTCOME, 1000);
  expect(lines()).toEqual(['open here', 'w1 0', 'flush', 'close']);
});

test('sinks that are objects stay here, and it is said why', async () => {
  const { open, spec } = stage();
  const host = await open({ host: 'worker', sinks: [spec(), createMemorySink()] });
  expect(host).toMatchObject({ kind: 'inline', reason: 'sinks passed as objects cannot go into a worker' });
});

test('without a worker to be had the same sinks work here, and it is said why', async () => {
  const { open, spec, run, lines, log } = stage();
  const host = await open({ host: 'worker', sinks: [spec()], workerUrl: MISSING });
  expect(host.kind).toBe('inline');
  expect(host.reason).toMatch(/^the worker's file is not to be found/u);
  run.steps('w1', 0, 1);
  expect(await host.flush(5000)).toMatchObject([{ reason: undefined }]);
  expect(lines()).toEqual(['open here', 'w1 0', 'flush']);
  expect(log.events).toEqual([]);
});

test.each(['worker', 'inline'] as const)('a sink that cannot be opened is one error, %s', async (host) => {
  const { open, spec } = stage();
  const opening = open({ host, sinks: [spec({ fail: 'open' })] });
  await expect(opening).rejects.toThrow(SinkOpenError);
  await expect(opening).rejects.toThrow('1 sink cannot be opened\n  file: the sink cannot be opened');
});

test.each(['worker', 'inline'] as const)('a sink that cannot be made is one error, %s', async (host) => {
  const { open } = stage();
  const opening = open({ host, sinks: [{ name: 'file', module: MODULE, config: {} }] });
  await expect(opening).rejects.toThrow(SinkOpenError);
  await expect(opening).rejects.toThrow('file: the configuration has no path');
});

test.each([
  ['exits', 'exit'],
  ['throws out of turn', 'throw'],
])('when a worker %s this thread takes over, and nobody waits in vain', async (_, fail) => {
  const { open, spec, run, lines, log } = stage();
  const host = await open({ host: 'worker', sinks: [spec({ fail, seq: 1 })] });
  run.steps('w1', 0, 1);
  await host.flush(5000);
  const died = log.next();
  run.steps('w1', 1, 3);
  expect(await host.flush(5000)).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  await died;
  expect(await host.flush(5000)).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  expect(host.kind).toBe('inline');
  expect(host.reason).toMatch(/^the worker died: /u);
  expect(log.ofType('sinkError')).toMatchObject([
    { sink: 'worker', error: { code: 'RUNCAST_WORKER_DIED' }, terminal: false },
  ]);
  expect(lines().filter((line) => line.startsWith('open'))).toEqual(['open in a worker', 'open here']);
  expect(new Set(lines().filter((line) => line.startsWith('w1')))).toEqual(new Set(['w1 0', 'w1 1', 'w1 2', 'w1 3']));
  const { file } = host.health();
  expect(file?.delivered).toBeGreaterThanOrEqual(4);
  expect(file).not.toHaveProperty('uploads');
  expect(await host.close(OUTCOME, 5000)).toMatchObject([{ owedRecords: 0, reason: undefined }]);
});

test('the counts of a sink go on when this thread takes over', async () => {
  const { open, spec, run, log } = stage();
  const host = await open({ host: 'worker', sinks: [spec({ fail: 'exit', seq: 2, uploads: true })] });
  run.append('w1', [stepRecord(), epochRecord({ seq: 1 })]);
  await host.flush(5000);
  expect(host.health()).toMatchObject({ file: { delivered: 1, skippedKinds: 0, uploads: { delivered: 1 } } });
  const died = log.next();
  run.append('w1', [stepRecord({ seq: 2 }), epochRecord({ seq: 3 }), tagsRecord({ seq: 4 })]);
  await host.flush(5000);
  await died;
  await host.flush(5000);
  expect(host.kind).toBe('inline');
  expect(host.health()).toMatchObject({ file: { delivered: 2, skippedKinds: 1, retries: 0 } });
  expect(host.health()['file']?.uploads?.delivered).toBeGreaterThanOrEqual(2);
});

test('a lane that a sink did not have before counts from its start', async () => {
  const { open, spec, run, log } = stage();
  const host = await open({ host: 'worker', sinks: [spec({ fail: 'exit', seq: 0, uploads: 'here' })] });
  const died = log.next();
  run.append('w1', [stepRecord(), epochRecord({ seq: 1 })]);
  await host.flush(5000);
  await died;
  await host.flush(5000);
  expect(host.health()).toMatchObject({ file: { delivered: 1, uploads: { delivered: 1 } } });
});

test('a takeover during a close ends in a whole close', async () => {
  const { open, spec, run, lines } = stage();
  const host = await open({ host: 'worker', sinks: [spec({ fail: 'exit', seq: 1 })] });
  run.steps('w1', 0, 3);
  expect(await host.close(OUTCOME, 5000)).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  expect(lines().slice(-2)).toEqual(['flush', 'close']);
});

test('a takeover that fails is told, and what is owed stays owed', async () => {
  const { open, spec, run, log } = stage();
  const host = await open({ host: 'worker', sinks: [spec({ fail: 'exit', seq: 0, here: false })] });
  run.steps('w1', 0, 1);
  expect(await host.flush(5000)).toMatchObject([{ sink: 'file', reason: 'the worker does not answer' }]);
  expect(log.ofType('sinkError')).toMatchObject([
    { sink: 'worker', terminal: false },
    { sink: 'worker', error: { code: 'RUNCAST_WORKER_DIED' }, terminal: true },
  ]);
  expect(host.kind).toBe('worker');
});

test('a sink given as an object keeps its own class and state', async () => {
  const memory = createMemorySink();
  const sinks: readonly Sink[] = [memory];
  const { open, run } = stage();
  const host = await open({ host: 'inline', sinks });
  run.steps('w1', 0, 2);
  await host.flush(5000);
  expect(memory.records()).toHaveLength(2);
});
