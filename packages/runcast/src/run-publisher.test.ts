import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SinkHealth } from '@runcast/core';
import type { DeliveryHost, SinkSettlement } from '@runcast/delivery';
import { createBlobStore, LogWriter, runDirectory, type RunDirectory } from '@runcast/runlog';
import { createFaultFileSystem, type FaultFileSystem } from '@runcast/testing';
import { expect, onTestFinished, test } from 'vitest';
import { PublisherEmitter, RunPublisher, type OpenRun } from './run-publisher.ts';

const HEALTH: SinkHealth = {
  state: 'delivering',
  delivered: 0,
  skippedKinds: 0,
  skippedSteps: 0,
  refused: 0,
  lagRecords: 4,
  lagBytes: 400,
  retries: 0,
  lastError: undefined,
};
const SETTLED: SinkSettlement = {
  sink: 'jsonl',
  owedRecords: 0,
  skippedSteps: 0,
  deliveredSteps: 1,
  reason: undefined,
};

interface Stage {
  readonly publisher: RunPublisher;
  readonly events: PublisherEmitter;
  readonly directory: RunDirectory;
  readonly disk: FaultFileSystem;
  /** Warnings that nobody listened to, as they would be printed. */
  readonly warnings: readonly string[];
}

/** A publisher over a real log whose disk fails on demand, and a host of the test's. */
function stage(host: Partial<DeliveryHost>, more: Partial<OpenRun> = {}): Stage {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-publisher-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const directory = runDirectory(dir, 'run-1');
  mkdirSync(directory.logDirectory, { recursive: true });
  const disk = createFaultFileSystem();
  const events = new PublisherEmitter();
  const writer = new LogWriter({
    logDirectory: directory.logDirectory,
    writer: 'w1',
    fileSystem: disk,
    onFailure: (error) => events.deliveryEvent({ type: 'sinkError', sink: 'log', error, terminal: false }),
    onRecovery: (attempts) => events.deliveryEvent({ type: 'recovered', sink: 'log', attempts }),
  });
  const warnings: string[] = [];
  const hear = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', hear);
  onTestFinished(async () => {
    await printed();
    process.off('warning', hear);
    rmSync(directory.path, { recursive: true });
  });
  const publisher = new RunPublisher(
    {
      info: { id: 'run-1', name: undefined, project: undefined, directory: directory.path, url: undefined },
      directory,
      writer,
      log: writer,
      blobs: createBlobStore(directory, 'w1'),
      host: {
        kind: 'inline',
        reason: undefined,
        health: () => ({ jsonl: HEALTH }),
        flush: () => Promise.resolve([SETTLED]),
        close: () => Promise.resolve([SETTLED]),
        endNow: () => undefined,
        ...host,
      },
      lease: undefined,
      monitor: undefined,
      closeTimeoutMs: 1000,
      keepLog: 'always',
      fsync: 'never',
      nowMs: () => Date.now(),
      ...more,
    },
    events,
  );
  return { publisher, events, directory, disk, warnings };
}

/** Warnings are printed in a later turn. */
function printed(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test('close does not reject where the log cannot be read, and says that something may be owed', async () => {
  const { publisher } = stage({ close: () => Promise.reject(new Error('EIO: i/o error')) });
  expect(await publisher.close()).toMatchObject({
    complete: false,
    undelivered: [{ sink: 'jsonl', records: 4, reason: 'EIO: i/o error' }],
  });
});

test('what fails while ending is printed and keeps nothing else from ending', async () => {
  const { publisher, disk, directory, warnings } = stage({}, { fsync: 'close', keepLog: 'until-delivered' });
  disk.inject({ call: 'fsyncSync', code: 'EIO' });
  rmSync(directory.logDirectory, { recursive: true });
  writeFileSync(directory.logDirectory, 'in the way');
  expect(await publisher.close()).toMatchObject({ complete: true });
  await printed();
  expect(warnings).toEqual([
    expect.stringMatching(/^the run log could not be forced to the disk: EIO/u),
    expect.stringMatching(/^the run directory could not be brought up to date: ENOTDIR/u),
  ]);
});

test('records that the disk took nothing of are counted as lost at close, and a flush names the log', async () => {
  const { publisher, disk } = stage({});
  disk.inject(...Array.from({ length: 20 }, () => ({ call: 'writeSync', code: 'ENOSPC' }) as const));
  publisher.logStep({ step: 1, loss: 0.5 });
  const failure: unknown = await publisher.flush().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(AggregateError);
  expect(String(failure)).toContain('log: 1 records not delivered: ENOSPC');
  const report = await publisher.close({ timeoutMs: 0 });
  expect(report).toMatchObject({ complete: false, notices: [expect.stringMatching(/^2 records are lost/u)] });
});

test('close waits for a disk that is full, so that sinks are given the last records', async () => {
  const pending: number[] = [];
  const { publisher, disk } = stage({
    close: () => {
      pending.push(publisher.health().log.pendingBytes);
      return Promise.resolve([SETTLED]);
    },
  });
  disk.inject(...Array.from({ length: 4 }, () => ({ call: 'writeSync', code: 'ENOSPC' }) as const));
  publisher.logStep({ step: 1, loss: 0.5 });
  expect(await publisher.close()).toMatchObject({ complete: true, notices: [] });
  expect(pending).toEqual([0]);
});

test('records that the log takes only when it is closed are owed to every sink', async () => {
  const { publisher, disk } = stage({});
  // The step, the end of the run, and the one attempt that closing without a timeout makes.
  disk.inject(...Array.from({ length: 3 }, () => ({ call: 'writeSync', code: 'ENOSPC' }) as const));
  publisher.logStep({ step: 1, loss: 0.5 });
  expect(await publisher.close({ timeoutMs: 0 })).toMatchObject({
    complete: false,
    undelivered: [{ sink: 'jsonl', records: 2, reason: 'the log could not be written before' }],
  });
});

test('disposal ends the run with a status that nobody knows', async () => {
  const { publisher } = stage({});
  const statuses: string[] = [];
  publisher.on('closed', ({ status }) => statuses.push(status));
  await publisher[Symbol.asyncDispose]();
  expect(statuses).toEqual(['unknown']);
});

test('a path that a shell would take apart is quoted in the command', async () => {
  const owed = { ...SETTLED, owedRecords: 2, reason: 'down' };
  const directory = runDirectory(join(tmpdir(), 'my runs'), 'run-1');
  const { publisher } = stage({ close: () => Promise.resolve([owed]) }, { directory });
  const { undelivered } = await publisher.close();
  expect(undelivered[0]?.command).toBe(`npx runcast sync "${directory.path}" --to jsonl`);
});

test('events reach their listeners, and those that are mistakes are printed where there is none, once', async () => {
  const { publisher, events, warnings } = stage({});
  const heard: string[] = [];
  publisher.on('retry', ({ attempt }) => heard.push(`retry ${attempt}`));
  publisher.on('recovered', ({ sink }) => heard.push(`recovered ${sink}`));
  const error = { message: 'down', code: 'ECONNRESET' };
  events.deliveryEvent({ type: 'retry', sink: 'jsonl', attempt: 1, delayMs: 500, error });
  events.deliveryEvent({ type: 'recovered', sink: 'jsonl', attempts: 1 });
  for (const terminal of [false, false, true])
    events.deliveryEvent({ type: 'sinkError', sink: 'jsonl', error, terminal });
  events.takeover(undefined);
  events.takeover(new Error('no such directory'));
  await printed();
  expect(heard).toEqual(['retry 1', 'recovered jsonl', 'recovered owner']);
  expect(warnings).toEqual([
    'jsonl: down',
    'jsonl: down; it has stopped, the run log keeps what it is owed',
    'owner: no such directory',
  ]);
  await publisher.close();
});

test('what a sink has to say reaches its listeners, and is printed once where there is none', async () => {
  const { publisher, events, warnings } = stage({});
  const notices = [
    { type: 'runUrl', url: 'https://wandb.ai/x' },
    { type: 'stopRequested' },
    { type: 'notice', message: 'rows are added' },
  ] as const;
  expect(publisher.run.url).toBeUndefined();
  for (const notice of notices) events.deliveryEvent({ type: 'sinkNotice', sink: 'wandb', notice });
  expect(publisher.run.url).toBe('https://wandb.ai/x');
  const heard: unknown[] = [];
  publisher.on('runUrl', (event) => heard.push(event));
  publisher.on('stopRequested', (event) => heard.push(event));
  publisher.on('notice', (event) => heard.push(event));
  for (const notice of notices) events.deliveryEvent({ type: 'sinkNotice', sink: 'wandb', notice });
  await printed();
  expect(heard).toEqual([
    { sink: 'wandb', url: 'https://wandb.ai/x' },
    { sink: 'wandb' },
    { sink: 'wandb', message: 'rows are added' },
  ]);
  expect(warnings).toEqual([
    'wandb: the run is at https://wandb.ai/x',
    'wandb: somebody asks that the run stop; listen to "stopRequested" to do so',
    'wandb: rows are added',
  ]);
  await publisher.close();
});

test('no more than twenty warnings are printed', async () => {
  const { publisher, events, warnings } = stage({});
  for (let index = 0; index < 50; index += 1) events.warn(`warning ${index}`);
  await printed();
  expect(warnings).toHaveLength(20);
  await publisher.close();
});
