import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord } from '@runcast/core';
import { CursorStore } from '@runcast/delivery';
import { acquireLease, runDirectory, type RunDirectory } from '@runcast/runlog';
import { closeRecord, logRecord, openRecord, stepRecord, textRecord } from '@runcast/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';
import { readRunOverview, type RunOverview } from './run-overview.ts';

let place: Workplace;
let directory: RunDirectory;

beforeEach(() => {
  place = makeWorkplace();
  directory = runDirectory(place.cwd, 'run-1');
  mkdirSync(directory.logDirectory, { recursive: true });
});

afterEach(() => place.remove());

function writeLog(writer: string, ...records: readonly RunRecord[]): void {
  const lines = records.map((record, seq) => `${JSON.stringify({ ...record, seq })}\n`);
  appendFileSync(join(directory.logDirectory, `${writer}.jsonl`), lines.join(''));
}

function overview(...sinks: readonly string[]): RunOverview {
  return readRunOverview(directory, sinks, 1_000_000);
}

describe('the status', () => {
  it('is how the owner ended the run, whatever members did', () => {
    writeLog('a', openRecord({ time: 10 }), closeRecord({ status: 'failed', time: 20 }));
    writeLog(
      'b',
      openRecord({ time: 12, role: 'member' }),
      closeRecord({ status: 'finished', final: false, time: 30 }),
    );
    expect(overview()).toMatchObject({ status: 'failed', end: 'failed', started: 10, duration: 20, records: 4 });
  });

  it('is how the last owner of several ended it', () => {
    writeLog('z', openRecord({ time: 10 }));
    writeLog('a', openRecord({ time: 20 }), closeRecord({ status: 'finished', time: 30 }));
    expect(overview().status).toBe('finished');
    writeLog('b', openRecord({ time: 40, pid: 7, host: 'other' }), stepRecord({ time: 41 }));
    expect(overview()).toMatchObject({ status: 'crashed', owner: { pid: 7, host: 'other' } });
  });

  it('is running while the lease is held, for as long as until now', () => {
    writeLog('a', openRecord({ time: 10 }));
    const lease = acquireLease(directory.leaseFile);
    expect(overview()).toMatchObject({ status: 'running', started: 10, duration: 990 });
    lease?.release();
    expect(overview()).toMatchObject({ status: 'crashed', duration: 0 });
  });

  it('is unknown where a crash cannot be told from a run', () => {
    writeLog('a', openRecord());
    mkdirSync(directory.leaseFile);
    expect(overview().status).toBe('unknown');
  });

  it('is the end that was recorded, even where the lease cannot be tried', () => {
    writeLog('a', openRecord(), closeRecord());
    mkdirSync(directory.leaseFile);
    expect(overview().status).toBe('finished');
  });

  it('is unknown without a log', () => {
    rmSync(directory.path, { recursive: true });
    expect(overview()).toEqual({
      id: 'run-1',
      path: directory.path,
      project: undefined,
      name: undefined,
      status: 'unknown',
      end: 'unknown',
      started: 1000,
      duration: 0,
      hasLog: false,
      records: 0,
      lastStep: undefined,
      sinks: [],
      owner: undefined,
    });
  });
});

describe('who and when', () => {
  it('is what the manifest says', () => {
    const manifest = { v: 1, run: 'original', project: 'demo', name: 'baseline', created: 5, sinks: [], settled: true };
    writeFileSync(directory.manifestFile, JSON.stringify(manifest));
    writeLog('a', openRecord({ time: 10, project: 'other' }), closeRecord({ time: 11 }));
    expect(overview()).toMatchObject({ id: 'original', project: 'demo', name: 'baseline', started: 5, duration: 6 });
  });

  it('is what the owner said where the manifest is damaged', () => {
    writeFileSync(directory.manifestFile, 'no JSON');
    writeLog('a', openRecord({ time: 10, project: 'demo', name: 'baseline' }));
    expect(overview()).toMatchObject({ id: 'run-1', project: 'demo', name: 'baseline', started: 10 });
  });
});

describe('the last step', () => {
  it('is the greatest that any writer came to, of the axis of the run', () => {
    writeLog('a', openRecord(), stepRecord({ step: 7 }), logRecord({ step: 9 }), logRecord({ step: 99, series: 'b' }));
    writeLog('b', openRecord({ role: 'member' }), stepRecord({ step: 3 }), logRecord(), textRecord());
    expect(overview().lastStep).toBe(9);
  });

  it('is found behind a megabyte of other records', () => {
    const text = textRecord({ text: 'x'.repeat(100_000) });
    writeLog('a', openRecord(), stepRecord({ step: 7 }), ...Array.from({ length: 10 }, () => text));
    expect(overview()).toMatchObject({ lastStep: 7, records: 12 });
  });

  it('is not looked for for ever', () => {
    const text = textRecord({ text: 'x'.repeat(1_000_000) });
    writeLog('a', openRecord(), stepRecord({ step: 7 }), ...Array.from({ length: 6 }, () => text), closeRecord());
    expect(overview()).toMatchObject({ lastStep: undefined, records: 9, status: 'finished' });
  });
});

it('reads a log that is torn, and one that begins with something else than an opening', () => {
  writeLog('a', openRecord(), closeRecord());
  appendFileSync(join(directory.logDirectory, 'a.jsonl'), '{"v":1,"seq":2,"ti');
  writeLog('b', stepRecord({ step: 3 }));
  writeFileSync(join(directory.logDirectory, 'c.jsonl'), '');
  expect(overview()).toMatchObject({ status: 'finished', records: 3, lastStep: 3 });
});

it('counts what a sink with uploads has by the lane that is behind, and knows it as one sink', () => {
  writeLog('a', openRecord(), stepRecord(), stepRecord(), closeRecord());
  mkdirSync(directory.cursorDirectory);
  for (const [cursor, seq] of [
    ['far', 3],
    ['far.uploads', 1],
  ] as const)
    new CursorStore(directory, cursor).write({
      delivered: new Map([['a', { seq, offset: 1 }]]),
      position: undefined,
      intent: undefined,
    });
  expect(overview().sinks).toEqual([{ sink: 'far', delivered: 2, owed: 2 }]);
});

it('counts what each sink has and lacks, from cursors and the ends of the logs', () => {
  const manifest = { v: 1, run: 'run-1', created: 5, sinks: ['tensorboard'], settled: false };
  writeFileSync(directory.manifestFile, JSON.stringify(manifest));
  writeLog('a', openRecord(), stepRecord(), stepRecord(), closeRecord());
  writeLog('b', openRecord({ role: 'member' }), stepRecord());
  mkdirSync(directory.cursorDirectory);
  const delivered = new Map([['a', { seq: 2, offset: 0 }]]);
  new CursorStore(directory, 'jsonl').write({ delivered, position: undefined, intent: undefined });
  writeFileSync(join(directory.cursorDirectory, 'jsonl.json.77.tmp'), 'half a curs');
  expect(overview('redis').sinks).toEqual([
    { sink: 'tensorboard', delivered: 0, owed: 6 },
    { sink: 'jsonl', delivered: 3, owed: 3 },
    { sink: 'redis', delivered: 0, owed: 6 },
  ]);
});
