import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import {
  TerminalSinkError,
  RecordsRefusedError,
  type Sink,
  type SinkOutcome,
  type SinkModule,
  type SinkSpec,
} from '@runcast/core';
import { systemScheduler, type DeliveryEvent, type Scheduler } from '@runcast/delivery';
import { prepareRunDirectory, readManifest, runDirectory } from '@runcast/runlog';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';
import { syncRun, type SyncOptions, type SyncResult } from './sync-run.ts';

/** Ten times as fast as the clock on the wall, so that giving up takes no seconds. */
const FAST_CLOCK: Scheduler = {
  ...systemScheduler,
  nowMs: () => performance.now() * 10,
  schedule: (callback, delayMs) => systemScheduler.schedule(callback, delayMs / 10),
};

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

interface Watched {
  readonly spec: SinkSpec;
  readonly kinds: string[];
  readonly outcomes: SinkOutcome[];
}

/** A sink that keeps what it is given, but for what a test makes of it. */
function memorySink(name: string, parts: Partial<Sink> = {}): Watched {
  const kinds: string[] = [];
  const outcomes: SinkOutcome[] = [];
  const sink: Sink = {
    name,
    traits: { kinds: ['open', 'step', 'close'], guarantee: 'at-least-once', locality: 'remote' },
    write: (batch) => void kinds.push(...batch.records.map(({ kind }) => kind)),
    flush: () => undefined,
    close: (outcome) => void outcomes.push(outcome),
    ...parts,
  };
  const load = async (): Promise<SinkModule> => ({ createSink: () => sink });
  return { spec: { name, module: 'none', config: {}, load }, kinds, outcomes };
}

function sync(run: string, sinks: readonly Watched[], options: Partial<SyncOptions> = {}): Promise<SyncResult> {
  return syncRun({
    directory: runDirectory(place.path('runs'), run),
    specs: sinks.map(({ spec }) => spec),
    clock: FAST_CLOCK,
    timeoutMs: 1000,
    keepLog: 'always',
    onEvent: () => undefined,
    onProgress: () => undefined,
    ...options,
  });
}

describe('logs that are to be kept until delivered', () => {
  it('are deleted once every sink of the run has them', async () => {
    await place.logRun({ id: 'run-1' }, 3);
    const [one, other] = [memorySink('one'), memorySink('other', { write: () => Promise.reject(new Error('down')) })];
    const keepLog = 'until-delivered';
    const log = runDirectory(place.path('runs'), 'run-1').logDirectory;
    await sync('run-1', [one, other], { keepLog, timeoutMs: 1 });
    expect(readdirSync(log)).toHaveLength(1);
    await sync('run-1', [one], { keepLog });
    // The other is still owed the run, though nobody asked for it now.
    expect(readdirSync(log)).toHaveLength(1);
    await sync('run-1', [memorySink('other')], { keepLog });
    expect(readdirSync(log)).toEqual([]);
  });

  it('stay where their writer has left no end: it may live', async () => {
    await place.crashRun('run-1', 3);
    await sync('run-1', [memorySink('one'), memorySink('jsonl')], { keepLog: 'until-delivered' });
    expect(readdirSync(runDirectory(place.path('runs'), 'run-1').logDirectory)).toHaveLength(1);
  });
});

describe('a run that has ended', () => {
  it('ends in the sink as its owner ended it, and once', async () => {
    await place.logRun({ id: 'run-1' }, 3, 'failed');
    const sink = memorySink('memory');
    const taken = { sink: 'memory', delivered: 5, refused: 0, owed: 0, reason: undefined };
    expect(await sync('run-1', [sink])).toEqual({ kind: 'synced', sinks: [taken] });
    expect(sink.kinds).toEqual(['open', 'step', 'step', 'step', 'close']);
    expect(sink.outcomes).toEqual([{ status: 'failed', final: true }]);
    expect(await sync('run-1', [sink])).toEqual({ kind: 'synced', sinks: [{ ...taken, delivered: 0 }] });
    expect(sink.kinds).toHaveLength(5);
  });

  it('ends as crashed where its owner left no end', async () => {
    await place.crashRun('run-1', 2);
    const sink = memorySink('memory');
    await sync('run-1', [sink]);
    expect(sink.kinds).toEqual(['open', 'step', 'step']);
    expect(sink.outcomes).toEqual([{ status: 'crashed', final: true }]);
  });

  it('is noted in the manifest as owing nothing, once that is so', async () => {
    await place.crashRun('run-1', 2);
    const directory = runDirectory(place.path('runs'), 'run-1');
    await sync('run-1', [memorySink('memory', { write: () => Promise.reject(new TerminalSinkError('no')) })]);
    expect(readManifest(directory)).toMatchObject({ sinks: ['jsonl', 'memory'], settled: false });
    await sync('run-1', [memorySink('memory'), memorySink('jsonl')]);
    expect(readManifest(directory)).toMatchObject({ sinks: ['jsonl', 'memory'], settled: true });
  });

  it('owes nothing where its owner died before it had a log', async () => {
    const { directory } = prepareRunDirectory(place.path('runs'), 'run-1', 'never', () => false, {
      v: 1,
      run: 'run-1',
      created: 1,
      sinks: ['jsonl'],
      settled: false,
    });
    const upToDate = { sink: 'memory', delivered: 0, refused: 0, owed: 0, reason: undefined };
    expect(await sync('run-1', [memorySink('memory')])).toEqual({ kind: 'synced', sinks: [upToDate] });
    expect(readManifest(directory)).toMatchObject({ settled: true });
    // It still never began.
    const other = { ...upToDate, sink: 'other' };
    expect(await sync('run-1', [memorySink('other')])).toEqual({ kind: 'synced', sinks: [other] });
  });

  it('is lost where its log was deleted before anything was delivered', async () => {
    const directory = runDirectory(place.path('runs'), 'run-1');
    await place.crashRun('run-1', 2);
    rmSync(directory.logDirectory, { recursive: true });
    rmSync(directory.cursorDirectory, { recursive: true });
    const lost = {
      delivered: 0,
      refused: 0,
      owed: 0,
      reason: 'the log was deleted before any sink is known to have had it: what it held is lost',
    };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await sync('run-1', [memorySink('jsonl'), memorySink('memory')])).toEqual({
        kind: 'synced',
        sinks: [
          { sink: 'jsonl', ...lost },
          { sink: 'memory', ...lost },
        ],
      });
      expect(readManifest(directory)).toMatchObject({ sinks: ['jsonl'], settled: false });
    }
  });

  it('owes nothing to the sinks that had all of it, though its cursors went with its log', async () => {
    const directory = runDirectory(place.path('runs'), 'run-1');
    await place.logRun({ id: 'run-1' }, 2);
    rmSync(directory.logDirectory, { recursive: true });
    rmSync(directory.cursorDirectory, { recursive: true });
    expect(await sync('run-1', [memorySink('jsonl'), memorySink('memory')])).toMatchObject({
      sinks: [
        { reason: undefined },
        { reason: 'the log was deleted after it had been delivered to the sinks of that time' },
      ],
    });
  });

  it('owes nothing where its log was deleted since everybody had it', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    const directory = runDirectory(place.path('runs'), 'run-1');
    const upToDate = { sink: 'jsonl', delivered: 0, refused: 0, owed: 0, reason: undefined };
    for (let again = 0; again < 2; again += 1) {
      const synced = await sync('run-1', [memorySink('jsonl')], { keepLog: 'until-delivered' });
      expect(synced).toEqual({ kind: 'synced', sinks: [upToDate] });
      expect(readdirSync(directory.logDirectory)).toEqual([]);
    }
  });

  it('owes what it did before logs were noted, where an earlier version made it', async () => {
    const directory = runDirectory(place.path('runs'), 'run-1');
    await place.crashRun('run-1', 2);
    writeFileSync(
      directory.manifestFile,
      JSON.stringify({ v: 1, run: 'run-1', created: 1, sinks: ['jsonl'], settled: false }),
    );
    rmSync(directory.logDirectory, { recursive: true });
    rmSync(directory.cursorDirectory, { recursive: true });
    expect(await sync('run-1', [memorySink('memory')])).toMatchObject({ sinks: [{ owed: 0, reason: undefined }] });
    expect(readManifest(directory)).toMatchObject({ settled: true });
  });

  it('cannot be delivered to a new sink without its log', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    rmSync(place.path('runs', 'run-1', 'log'), { recursive: true });
    expect(await sync('run-1', [memorySink('jsonl'), memorySink('memory')])).toEqual({
      kind: 'synced',
      sinks: [
        { sink: 'jsonl', delivered: 0, refused: 0, owed: 0, reason: undefined },
        {
          sink: 'memory',
          delivered: 0,
          refused: 0,
          owed: 0,
          reason: 'the log was deleted after it had been delivered to the sinks of that time',
        },
      ],
    });
  });
});

it('leaves a run that is owned to its owner', async () => {
  const publisher = await place.openRun({ id: 'run-1' });
  const sink = memorySink('memory');
  expect(await sync('run-1', [sink])).toMatchObject({ kind: 'owned', owner: { pid: process.pid } });
  expect(sink.outcomes).toEqual([]);
  await publisher.close();
});

describe('a sink in trouble', () => {
  it('is tried again, and what happens is told', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    let failures = 1;
    const sink = memorySink('memory', {
      write: () => {
        failures -= 1;
        if (failures >= 0) throw new Error('reset by peer');
      },
    });
    const events: DeliveryEvent[] = [];
    const result = await sync('run-1', [sink], { onEvent: (event) => events.push(event) });
    expect(result).toMatchObject({ sinks: [{ delivered: 4, owed: 0, reason: undefined }] });
    expect(events.map(({ type }) => type)).toEqual(['sinkError', 'retry', 'recovered']);
  });

  it('that takes nothing is given up in time, and does not end the run there', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    const hanging = memorySink('hanging', { write: () => new Promise(() => undefined) });
    const refusing = memorySink('refusing', {
      write: () => {
        throw new Error('connection refused');
      },
    });
    const well = memorySink('well');
    const result = await sync('run-1', [hanging, refusing, well]);
    expect(result).toMatchObject({
      sinks: [
        { sink: 'hanging', delivered: 0, owed: 4, reason: 'there was no time left' },
        { sink: 'refusing', delivered: 0, owed: 4, reason: 'connection refused' },
        { sink: 'well', delivered: 4, owed: 0, reason: undefined },
      ],
    });
    expect(refusing.outcomes).toEqual([{ status: 'finished', final: false }]);
    expect(well.outcomes).toEqual([{ status: 'finished', final: true }]);
  });

  it('that has stopped for good is given up at once', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    const sink = memorySink('memory', { write: () => Promise.reject(new TerminalSinkError('bad key')) });
    const began = performance.now();
    expect(await sync('run-1', [sink], { timeoutMs: 3_600_000 })).toMatchObject({
      sinks: [{ owed: 4, reason: 'bad key' }],
    });
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('that cannot be opened is owed everything, and keeps no other from its records', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    const broken = memorySink('broken', {
      open: () => {
        throw new Error('not a directory');
      },
    });
    expect(await sync('run-1', [broken, memorySink('well')])).toMatchObject({
      sinks: [
        { sink: 'broken', delivered: 0, owed: 4, reason: 'not a directory' },
        { sink: 'well', delivered: 4, owed: 0 },
      ],
    });
  });

  it('may take long to flush', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    let flushed = 0;
    const slow = memorySink('slow', {
      // Longer than progress waits for.
      flush: () =>
        new Promise((resolve) => {
          setTimeout(resolve, 40);
          flushed += 1;
        }),
    });
    expect(await sync('run-1', [slow])).toMatchObject({ sinks: [{ owed: 0, reason: undefined }] });
    expect(flushed).toBeGreaterThan(0);
    expect(slow.outcomes).toEqual([{ status: 'finished', final: true }]);
  });

  it('may refuse records for ever: they are set aside, and counted', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    const sink = memorySink('memory', {
      write: (batch) => {
        const refusals = batch.records.filter(({ kind }) => kind === 'step');
        if (refusals.length > 0)
          throw new RecordsRefusedError(refusals.map(({ seq }) => ({ seq, reason: 'no steps' })));
      },
    });
    expect(await sync('run-1', [sink])).toMatchObject({ sinks: [{ delivered: 2, refused: 2, owed: 0 }] });
  });
});

it('tells its progress over all sinks', async () => {
  await place.logRun({ id: 'run-1' }, 10);
  const seen: string[] = [];
  await sync('run-1', [memorySink('one'), memorySink('two')], {
    onProgress: (done, total) => seen.push(`${done}/${total}`),
  });
  expect(seen.at(-1)).toBe('24/24');
});
