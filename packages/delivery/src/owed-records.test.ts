import { createMemorySink } from '@runcast/testing';
import { acquireLease, prepareRunDirectory, runDirectory, updateManifest } from '@runcast/runlog';
import { expect, test } from 'vitest';
import { makeRun } from '../test/run-on-disk.ts';
import { InlineHost } from './inline-host.ts';
import { findUndeliveredRuns, owedRecords } from './owed-records.ts';
import { systemScheduler } from './scheduler.ts';

test('counts what each sink has not been given', async () => {
  const run = makeRun();
  run.steps('w1', 0, 3);
  const host = await InlineHost.open({
    directory: run.directory,
    sinks: [createMemorySink()],
    scheduler: systemScheduler,
    onEvent: () => undefined,
  });
  await host.close({ status: 'finished', final: true }, 1000);
  run.steps('w2', 0, 2);
  expect(owedRecords(run.directory, ['memory', 'new'])).toEqual(
    new Map([
      ['memory', 2],
      ['new', 5],
    ]),
  );
});

test('a run without a log directory throws the system’s error', () => {
  expect(() => owedRecords(runDirectory(makeRun().dir, 'nowhere'), ['memory'])).toThrow('ENOENT');
});

test('finds the runs that nobody delivers and whose sinks are owed something', () => {
  const run = makeRun();
  run.steps('w1', 0, 3);
  updateManifest(run.directory, ['jsonl'], false);
  const others = ['run-2', 'run-3', 'run-4'].map((id) => {
    const manifest = { v: 1, run: id, created: 0, sinks: ['jsonl'], settled: id === 'run-2' } as const;
    return prepareRunDirectory(run.dir, id, 'never', () => false, manifest).directory;
  });
  // Of run 2 all is delivered, run 3 has logged nothing, and run 4 is not among the last that are looked at or is owned.
  expect(others).toHaveLength(3);
  expect(findUndeliveredRuns(run.dir, 10)).toEqual(['run-1']);
  expect(findUndeliveredRuns(run.dir, 3)).toEqual([]);
  const lease = acquireLease(run.directory.leaseFile);
  expect(findUndeliveredRuns(run.dir, 10)).toEqual([]);
  lease?.release();
  expect(findUndeliveredRuns(run.dir, 10)).toEqual(['run-1']);
});
