import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRecord } from '@runcast/core';
import { runDirectory, withRunLogs, type RunDirectory, LOG_START } from '@runcast/runlog';
import { expect, it, onTestFinished } from 'vitest';
import { memberOpen } from '../test/member-open.ts';
import { readMachine } from './machine-reading.ts';
import { SystemCollector, type SystemCollectorOptions } from './system-collector.ts';

interface Stage {
  readonly collector: SystemCollector;
  readonly directory: RunDirectory;
  /** Lets so many milliseconds pass, and what is due happen. */
  readonly pass: (ms: number) => Promise<void>;
  readonly records: () => readonly RunRecord[];
}

function directoryForTest(): RunDirectory {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-system-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const directory = runDirectory(dir, 'run-1');
  mkdirSync(directory.logDirectory, { recursive: true });
  return directory;
}

/** A collector that samples each second, of time that the test lets pass. */
function stage(more: Partial<SystemCollectorOptions> = {}): Stage {
  const directory = directoryForTest();
  let nowMs = 0;
  let due: { readonly atMs: number; readonly callback: () => void } | undefined;
  const collector = new SystemCollector({
    directory,
    open: memberOpen(),
    intervalMs: 1000,
    readMachine: () => ({ ...readMachine(directory.path), atMs: nowMs, processCpuMs: nowMs / 2, processors: 2 }),
    readGpus: () => Promise.resolve({}),
    onFailure: (error) => {
      throw new Error(error.message);
    },
    nowMs: () => 1_700_000_000_000 + nowMs,
    schedule: (callback, delayMs) => {
      due = { atMs: nowMs + delayMs, callback };
      return () => {
        due = undefined;
      };
    },
    ...more,
  });
  return {
    collector,
    directory,
    pass: async (ms) => {
      nowMs += ms;
      if (due === undefined || due.atMs > nowMs) return;
      const { callback } = due;
      due = undefined;
      callback();
      // The sample waits for GPUs.
      await new Promise(setImmediate);
    },
    records: () =>
      withRunLogs(directory.logDirectory, (logs) => logs.reader('system').read(LOG_START, { maxBytes: 1e6 }).records),
  };
}

it('samples each interval, and once more when it ends', async () => {
  const { collector, pass, records } = stage({ readGpus: () => Promise.resolve({ 'system/gpu/0/gpu': 87 }) });
  await pass(1000);
  await pass(1000);
  await pass(500);
  collector.end();
  collector.end();
  await pass(1000);
  expect(records().map(({ kind, seq, time }) => [kind, seq, time - 1_700_000_000])).toEqual([
    ['open', 0, 0],
    ['system', 1, 1],
    ['system', 2, 2],
    ['system', 3, 2.5],
    ['close', 4, 2.5],
  ]);
  expect(records()[0]).toMatchObject({ role: 'member', writer: 'system' });
  expect(records()[1]).toMatchObject({ metrics: { 'system/cpu': 25, 'system/gpu/0/gpu': 87 } });
  expect(records()[3]).toMatchObject({ metrics: { 'system/cpu': 25 } });
  expect(records()[4]).toMatchObject({ status: 'finished', final: false });
});

it('takes no last sample of no time', async () => {
  const { collector, pass, records } = stage();
  await pass(10);
  collector.end();
  expect(records().map(({ kind }) => kind)).toEqual(['open', 'close']);
});

it('ends although a GPU does not answer', async () => {
  const asked = Promise.withResolvers<Readonly<Record<string, number>>>();
  let signal: AbortSignal | undefined;
  const { collector, pass, records } = stage({
    readGpus: (given) => {
      signal = given;
      return asked.promise;
    },
  });
  await pass(1000);
  collector.end();
  expect(signal?.aborted).toBe(true);
  asked.resolve({});
  await pass(5000);
  expect(records().map(({ kind }) => kind)).toEqual(['open', 'system', 'close']);
});

it('throws where there can be no log', () => {
  const directory = directoryForTest();
  rmSync(directory.logDirectory, { recursive: true });
  writeFileSync(directory.logDirectory, 'in the way');
  expect(() => stage({ directory })).toThrow('ENOTDIR');
  expect(readFileSync(directory.logDirectory, 'utf8')).toBe('in the way');
});
