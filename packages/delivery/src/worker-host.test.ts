import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JsonObject } from '@runcast/core';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createEventLog, makeRun, waitWithoutYielding, type EventLog, type RunOnDisk } from '../test/run-on-disk.ts';
import { SinkOpenError } from './inline-host.ts';
import { WorkerHost, WorkerStartError } from './worker-host.ts';

const OUTCOME = { status: 'finished', final: true } as const;
const MODULE = new URL('../test/memory-sink-module.ts', import.meta.url).href;

interface Stage {
  readonly run: RunOnDisk;
  readonly log: EventLog;
  readonly died: Promise<string>;
  readonly lines: () => readonly string[];
  readonly open: () => Promise<WorkerHost>;
}

function stage(config: JsonObject = {}, workerUrl?: URL): Stage {
  const run = makeRun();
  const log = createEventLog();
  const path = join(run.directory.path, 'sink.txt');
  const { promise: died, resolve: onDeath } = Promise.withResolvers<string>();
  return {
    run,
    log,
    died,
    lines: () => (existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []),
    open: async () => {
      const host = await WorkerHost.open({
        directory: run.directory,
        dir: run.dir,
        specs: [{ name: 'file', module: MODULE, config: { path, ...config } }],
        onEvent: log.onEvent,
        ...(workerUrl === undefined ? {} : { workerUrl }),
      });
      host.onDeath(onDeath);
      onTestFinished(async () => {
        await host.close(OUTCOME, 100);
      });
      return host;
    },
  };
}

test('delivers in a worker thread', async () => {
  const { run, open, lines } = stage();
  const host = await open();
  expect(host).toMatchObject({ kind: 'worker', reason: undefined });
  run.steps('w1', 0, 2);
  expect(await host.flush(5000)).toMatchObject([{ sink: 'file', owedRecords: 0, reason: undefined }]);
  expect(lines()).toEqual(['open in a worker', 'w1 0', 'w1 1', 'flush']);
  expect(host.health()).toMatchObject({ file: { state: 'delivering', delivered: 2 } });
  expect(await host.close(OUTCOME, 5000)).toMatchObject([{ owedRecords: 0, deliveredSteps: 2 }]);
  expect(lines().at(-1)).toBe('close');
});

test('a loop that never yields sees what the worker says all the same', async () => {
  const { run, open } = stage();
  const host = await open();
  run.steps('w1', 0, 5);
  const deadline = Date.now() + 5000;
  while (host.health()['file']?.delivered !== 5 && Date.now() < deadline);
  expect(host.health()['file']?.delivered).toBe(5);
});

test('a process that exits waits for its local sinks', async () => {
  const { run, open, lines } = stage();
  const host = await open();
  run.steps('w1', 0, 3);
  host.endNow(OUTCOME, 5000);
  expect(lines()).toEqual(['open in a worker', 'w1 0', 'w1 1', 'w1 2', 'flush', 'close']);
});

test('passes events on', async () => {
  const { run, open, log } = stage({ fail: 'terminal' });
  const host = await open();
  run.steps('w1', 0, 1);
  expect(await host.flush(5000)).toMatchObject([{ owedRecords: 1, reason: 'the key is not known' }]);
  expect(log.ofType('sinkError')).toMatchObject([{ sink: 'file', terminal: true }]);
});

test('sinks that cannot be opened are named', async () => {
  const failed = stage({ fail: 'open' }).open();
  await expect(failed).rejects.toThrow(SinkOpenError);
  await expect(failed).rejects.toThrow('file: the sink cannot be opened');
});

test.each([
  ['whose file is missing', new URL('file:///nowhere/worker.js'), /not to be found \(\/nowhere\/worker\.js\)/u],
  ['that is no file', new URL('https://example.com/worker.js'), /must be of scheme file/u],
  ['that is no worker of ours', new URL('./backoff.ts', import.meta.url), /exited with code 0/u],
])('a worker %s cannot be started', async (_, url, message) => {
  const starting = stage({}, url).open();
  await expect(starting).rejects.toThrow(WorkerStartError);
  await expect(starting).rejects.toThrow(message);
});

test.each([
  ['exits', 'exit', 'the worker exited with code 3'],
  ['throws out of turn', 'throw', 'an asynchronous mistake'],
])('a worker that %s is noticed once, by its reason', async (_, fail, reason) => {
  const { run, open, died } = stage({ fail, seq: 1 });
  const host = await open();
  run.steps('w1', 0, 2);
  expect(await died).toBe(reason);
  expect(await host.flush(1000)).toMatchObject([{ sink: 'file', reason: 'the worker does not answer' }]);
  host.endNow(OUTCOME, 60_000);
});

test('whoever waits for an answer when the worker dies gets none', async () => {
  const { run, open, died } = stage({ fail: 'exit', seq: 0 });
  const host = await open();
  run.steps('w1', 0, 2);
  expect(await host.flush(60_000)).toMatchObject([{ sink: 'file', reason: 'the worker does not answer' }]);
  await died;
});

test('a worker of another version is ended, not the process', async () => {
  const { open, died } = stage({}, new URL('../test/babbling-worker.ts', import.meta.url));
  const host = await open();
  expect(await host.flush(60_000)).toMatchObject([{ reason: 'the worker does not answer', owedRecords: 0 }]);
  expect(await died).toMatch(/^the worker says what this version does not understand/u);
});

test('a worker that says nothing when opening is taken for one that will not', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const starting = stage({}, new URL('../test/deaf-worker.ts', import.meta.url)).open();
  vi.advanceTimersByTime(15_000);
  await expect(starting).rejects.toThrow('the worker did not answer within 15 s');
});

test('a loop that was busy for longer than that finds the answer that has come meanwhile', async () => {
  const { run, open, lines } = stage();
  run.steps('w1', 0, 1);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const starting = open();
  // It delivers once it has answered.
  waitWithoutYielding(() => lines().includes('w1 0'));
  vi.advanceTimersByTime(15_000);
  expect(await starting).toMatchObject({ kind: 'worker' });
});

test('a worker that hangs is waited for a little longer than the call allows, and its late answer is dropped', async () => {
  const { open, log } = stage({}, new URL('../test/silent-worker.ts', import.meta.url));
  const host = await open();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const flushing = host.flush(1000);
  vi.advanceTimersByTime(6000);
  expect(await flushing).toMatchObject([{ sink: 'file', reason: 'the worker does not answer' }]);
  const closing = host.close(OUTCOME, 1000);
  await log.next();
  vi.advanceTimersByTime(6000);
  expect(await closing).toMatchObject([{ reason: 'the worker does not answer' }]);
});

test('a death that nobody asked to hear of is none the less noticed', async () => {
  const run = makeRun();
  const path = join(run.directory.path, 'sink.txt');
  const host = await WorkerHost.open({
    directory: run.directory,
    dir: run.dir,
    specs: [{ name: 'file', module: MODULE, config: { path, fail: 'exit', seq: 0 } }],
    onEvent: createEventLog().onEvent,
  });
  run.steps('w1', 0, 1);
  expect(await host.flush(60_000)).toMatchObject([{ reason: 'the worker does not answer' }]);
});

test('a worker in JavaScript runs without the flags of the sources', async () => {
  const url = pathToFileURL(join(makeRun().dir, 'worker.mjs'));
  const code = `import { workerData } from 'node:worker_threads';
    const failures = process.execArgv.map((message) => ({ sink: 'flags', error: { message, code: 'UNKNOWN' } }));
    workerData.port.on('message', ({ id }) => workerData.port.postMessage({ type: 'settled', id, settlements: [] }));
    workerData.port.postMessage({ type: 'opened', failures });`;
  writeFileSync(url, code);
  const host = await stage({}, url).open();
  expect(await host.flush(1000)).toEqual([]);
});
