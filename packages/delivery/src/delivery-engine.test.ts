import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type RecordBatch, type Sink } from '@runcast/core';
import {
  createManualClock,
  createMemorySink,
  createScriptedSink,
  failing,
  terminal,
  type ManualClock,
} from '@runcast/testing';
import { expect, test } from 'vitest';
import {
  createEventLog,
  makeRun,
  schedulerOn,
  timePasses,
  type EventLog,
  type RunOnDisk,
} from '../test/run-on-disk.ts';
import { DeliveryEngine } from './delivery-engine.ts';

const OUTCOME = { status: 'finished', final: true } as const;

interface Stage {
  readonly run: RunOnDisk;
  readonly clock: ManualClock;
  readonly log: EventLog;
  readonly engine: DeliveryEngine;
}

async function start(sinks: readonly Sink[], run: RunOnDisk = makeRun()): Promise<Stage> {
  const clock = createManualClock();
  const log = createEventLog();
  const engine = new DeliveryEngine({
    directory: run.directory,
    sinks,
    scheduler: schedulerOn(clock),
    onEvent: log.onEvent,
  });
  expect(await engine.open()).toEqual([]);
  engine.start();
  return { run, clock, log, engine };
}

test('delivers what comes within a poll, also to writers that come later', async () => {
  const sink = createMemorySink();
  const { run, clock } = await start([sink]);
  run.steps('w1', 0, 3);
  await clock.advance(25);
  expect(sink.records()).toHaveLength(3);
  run.steps('w2', 0, 2);
  await clock.advance(50);
  expect(sink.records()).toHaveLength(5);
});

test('looks less often once nothing has come for a second, and often again after that', async () => {
  const sink = createMemorySink();
  const { run, clock } = await start([sink]);
  await clock.advance(5000);
  run.steps('w1', 0, 1);
  await clock.advance(99);
  await clock.advance(1);
  expect(sink.records()).toHaveLength(1);
  run.steps('w1', 1, 1);
  await clock.advance(25);
  expect(sink.records()).toHaveLength(2);
});

test('works a backlog off without waiting for polls', async () => {
  const run = makeRun();
  run.steps('w1', 0, 20_000);
  const sink = createMemorySink();
  const { engine } = await start([sink], run);
  for (let turn = 0; turn < 30; turn += 1) await nextTurn();
  expect(sink.records().length).toBeGreaterThan(19_000);
  expect(engine.health()['memory']?.lagBytes).toBeLessThan(64 * 1024);
});

test('a hanging and a dead sink delay no other', async () => {
  const hanging = createScriptedSink({ answers: ['hang'], memory: createMemorySink({ name: 'hanging' }) });
  const dead = createScriptedSink({ answers: failing(1000), memory: createMemorySink({ name: 'dead' }) });
  const sink = createMemorySink();
  const { run, clock, engine, log } = await start([hanging, dead, sink]);
  for (let second = 0; second < 20; second += 1) {
    run.steps('w1', second * 10, 10);
    await clock.advance(1000);
    expect(sink.records()).toHaveLength((second + 1) * 10);
  }
  expect(hanging.attempts).toHaveLength(1);
  expect(dead.attempts.length).toBeLessThan(10);
  expect(engine.health()).toMatchObject({
    hanging: { state: 'delivering', delivered: 0, lagRecords: 200 },
    dead: { state: 'retrying', lagRecords: 200, lastError: { message: 'the backend is down' } },
    memory: { state: 'delivering', delivered: 200, lagRecords: 0, lagBytes: 0 },
  });
  expect(log.ofType('sinkError')).toHaveLength(1);
  hanging.release();
  await clock.advance(100);
  expect(hanging.memory.records()).toHaveLength(200);
});

test('flush resolves when all that was logged before is durable, without a reason', async () => {
  const sink = createMemorySink();
  const { run, clock, engine } = await start([sink]);
  run.steps('w1', 0, 3);
  const flushing = engine.flush(1000);
  expect(await timePasses(clock, flushing)).toEqual([
    { sink: 'memory', owedRecords: 0, skippedSteps: 0, deliveredSteps: 3, reason: undefined },
  ]);
  expect(sink.calls.map(({ method }) => method)).toEqual(['open', 'write', 'flush']);
});

test('what is logged during a flush is no failure of it', async () => {
  const run = makeRun();
  const memory = createMemorySink();
  const sink: Sink = {
    ...memory,
    flush: () => {
      run.steps('w1', 3, 4);
    },
  };
  const { clock, engine } = await start([sink], run);
  run.steps('w1', 0, 3);
  expect(await timePasses(clock, engine.flush(1000))).toMatchObject([{ owedRecords: 4, reason: undefined }]);
});

test('flush does not wait until the backend has been left alone', async () => {
  const memory = createMemorySink();
  const sink: Sink = { ...memory, pauseMs: () => 60_000 };
  const { run, clock, engine } = await start([sink]);
  run.steps('w1', 0, 1);
  await clock.advance(25);
  run.steps('w1', 1, 1);
  await clock.advance(1000);
  expect(memory.records()).toHaveLength(1);
  run.steps('w2', 0, 1);
  expect(await timePasses(clock, engine.flush(1000))).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  expect(memory.records()).toHaveLength(3);
});

test('flush with a batch in flight waits for it', async () => {
  const sink = createScriptedSink({ answers: ['hang'] });
  const { run, clock, engine } = await start([sink]);
  run.steps('w1', 0, 3);
  await clock.advance(25);
  await sink.hanging();
  const flushing = engine.flush(10_000);
  await clock.advance(1000);
  expect(sink.memory.calls.map(({ method }) => method)).toEqual(['open']);
  sink.release();
  expect(await timePasses(clock, flushing)).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  expect(sink.memory.calls.map(({ method }) => method)).toEqual(['open', 'write', 'flush']);
});

test('flush gives a hanging write up in time and says what is owed', async () => {
  const hanging = createScriptedSink({ answers: ['hang'], memory: createMemorySink({ name: 'hanging' }) });
  const sink = createMemorySink();
  const { run, clock, engine } = await start([hanging, sink]);
  run.steps('w1', 0, 3);
  const before = clock.now();
  const settlements = await timePasses(clock, engine.flush(2000));
  expect(clock.now() - before).toBeLessThanOrEqual(2010);
  expect(settlements).toMatchObject([
    { sink: 'hanging', owedRecords: 3, reason: 'there was no time left' },
    { sink: 'memory', owedRecords: 0, reason: undefined },
  ]);
});

test('flush gives a hanging flush up in time', async () => {
  const memory = createMemorySink();
  const { run, clock, engine } = await start([{ ...memory, flush: () => new Promise(() => undefined) }]);
  run.steps('w1', 0, 1);
  const before = clock.now();
  const settlements = await timePasses(clock, engine.flush(2000));
  expect(clock.now() - before).toBeLessThanOrEqual(2010);
  expect(settlements).toMatchObject([{ owedRecords: 0, reason: 'the sink did not answer a flush' }]);
});

test('a flush that fails is repeated with growing pauses until the time is over', async () => {
  let flushes = 0;
  const memory = createMemorySink();
  const sink: Sink = {
    ...memory,
    flush: () => {
      flushes += 1;
      throw new Error('the disk is full');
    },
  };
  const { clock, engine } = await start([sink]);
  expect(await timePasses(clock, engine.flush(10_000))).toMatchObject([{ reason: 'the disk is full' }]);
  expect(flushes).toBe(6);
});

test('a flush that fails once and then works is one that worked', async () => {
  let isFull = true;
  const memory = createMemorySink();
  const sink: Sink = {
    ...memory,
    flush: () => {
      if (!isFull) return;
      isFull = false;
      throw new Error('the disk is full');
    },
  };
  const { clock, engine } = await start([sink]);
  expect(await timePasses(clock, engine.flush(10_000))).toMatchObject([{ reason: undefined }]);
});

test('a flush of a sink that retries says why it does', async () => {
  const { run, clock, engine } = await start([createScriptedSink({ answers: failing(1000) })]);
  run.steps('w1', 0, 2);
  expect(await timePasses(clock, engine.flush(2000))).toMatchObject([
    { owedRecords: 2, reason: 'the backend is down' },
  ]);
});

test('a flush of a sink that has stopped does not wait', async () => {
  const { run, clock, engine } = await start([createScriptedSink({ answers: [terminal()] })]);
  run.steps('w1', 0, 2);
  await clock.advance(25);
  expect(await engine.flush(60_000)).toMatchObject([{ owedRecords: 2, reason: 'the key is not known' }]);
});

test('a sink that stops during a flush ends it', async () => {
  const { run, clock, engine } = await start([createScriptedSink({ answers: [terminal()] })]);
  run.steps('w1', 0, 2);
  const before = clock.now();
  expect(await timePasses(clock, engine.flush(60_000))).toMatchObject([{ reason: 'the key is not known' }]);
  expect(clock.now() - before).toBeLessThan(100);
});

test('close delivers everything, flushes, and ends with every sink', async () => {
  const sinks = ['one', 'two'].map((name) => createMemorySink({ name }));
  const { run, clock, engine } = await start(sinks);
  run.steps('w1', 0, 3);
  expect(await timePasses(clock, engine.close(OUTCOME, 1000))).toMatchObject([
    { sink: 'one', owedRecords: 0, reason: undefined },
    { sink: 'two', owedRecords: 0, reason: undefined },
  ]);
  for (const sink of sinks) {
    expect(sink.calls.map(({ method }) => method)).toEqual(['open', 'write', 'flush', 'close']);
    expect(sink.calls.at(-1)).toEqual({ method: 'close', outcome: OUTCOME });
    expect(run.cursor(sink.name)).toMatchObject({ delivered: { w1: { seq: 2 } } });
  }
});

test('what can be delivered at once is, even where no time is granted', async () => {
  const sink = createMemorySink();
  const { run, clock, engine } = await start([sink]);
  run.steps('w1', 0, 3);
  expect(await timePasses(clock, engine.close(OUTCOME, 0))).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  expect(sink.calls.map(({ method }) => method)).toEqual(['open', 'write', 'flush', 'close']);
});

test('a closed engine has no timer left and calls no sink', async () => {
  const sink = createMemorySink();
  const { run, clock, engine } = await start([sink]);
  await timePasses(clock, engine.close(OUTCOME, 1000));
  expect(clock.pending()).toEqual([]);
  run.steps('w1', 0, 3);
  await clock.advance(60_000);
  expect(sink.calls.at(-1)?.method).toBe('close');
  expect(await engine.flush(1000)).toMatchObject([{ reason: 'the sink is closed' }]);
});

test('close waits as long as a backend has asked to be left alone', async () => {
  const sink = createScriptedSink({ answers: failing(1, 'too many requests', 20_000) });
  const { run, clock, engine } = await start([sink]);
  run.steps('w1', 0, 3);
  await clock.advance(25);
  const before = clock.now();
  const closing = engine.close(OUTCOME, 30_000);
  await clock.advance(19_970);
  expect(sink.attempts).toHaveLength(1);
  expect(await timePasses(clock, closing)).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  expect(clock.now() - before).toBeLessThan(20_100);
});

test('close asks no backend that wants to be left alone for longer than it may wait, and does not wait for it', async () => {
  const sink = createScriptedSink({ answers: failing(1, 'too many requests', 3_600_000) });
  const { run, clock, engine } = await start([sink]);
  run.steps('w1', 0, 3);
  await clock.advance(25);
  const before = clock.now();
  expect(await timePasses(clock, engine.close(OUTCOME, 30_000))).toMatchObject([
    { owedRecords: 3, reason: 'too many requests' },
  ]);
  expect(clock.now() - before).toBeLessThan(100);
  expect(sink.attempts).toHaveLength(1);
  expect(sink.memory.calls.at(-1)?.method).toBe('close');
});

test('flush waits beside a backend that wants to be left alone, as long as it may', async () => {
  const sink = createScriptedSink({ answers: failing(1, 'too many requests', 60_000) });
  const { run, clock, engine } = await start([sink]);
  run.steps('w1', 0, 3);
  await clock.advance(25);
  const before = clock.now();
  expect(await timePasses(clock, engine.flush(5_000))).toMatchObject([{ reason: 'too many requests' }]);
  expect(clock.now() - before).toBeGreaterThanOrEqual(5_000);
  expect(await timePasses(clock, engine.flush(60_000))).toMatchObject([{ owedRecords: 0, reason: undefined }]);
});

test('close does not wait for the backoff of a sink in trouble', async () => {
  const sink = createScriptedSink({ answers: failing(1) });
  const { run, clock, engine } = await start([sink]);
  run.steps('w1', 0, 3);
  await clock.advance(25);
  const before = clock.now();
  expect(await timePasses(clock, engine.close(OUTCOME, 30_000))).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  expect(clock.now() - before).toBeLessThan(100);
});

test('close during a retry gives up in time, says what is owed, and its health still does afterwards', async () => {
  const sink = createScriptedSink({ answers: failing(1000) });
  const { run, clock, engine } = await start([sink]);
  run.steps('w1', 0, 7);
  await clock.advance(1000);
  const before = clock.now();
  expect(await timePasses(clock, engine.close(OUTCOME, 5000))).toMatchObject([
    { owedRecords: 7, reason: 'the backend is down' },
  ]);
  expect(clock.now() - before).toBeLessThanOrEqual(5010);
  expect(sink.memory.calls.at(-1)?.method).toBe('close');
  expect(engine.health()).toMatchObject({ scripted: { state: 'closed', lagRecords: 7 } });
});

test('close gives a hanging sink up in time, without holding the others up', async () => {
  const hanging = createScriptedSink({ answers: ['hang'], memory: createMemorySink({ name: 'hanging' }) });
  const sink = createMemorySink();
  const { run, clock, engine } = await start([hanging, sink]);
  run.steps('w1', 0, 3);
  const before = clock.now();
  const settlements = await timePasses(clock, engine.close(OUTCOME, 2000));
  expect(clock.now() - before).toBeLessThanOrEqual(3010);
  expect(settlements).toMatchObject([
    { sink: 'hanging', owedRecords: 3, reason: 'there was no time left' },
    { sink: 'memory', owedRecords: 0, reason: undefined },
  ]);
  hanging.release();
  await clock.advance(60_000);
  expect(hanging.memory.calls.map(({ method }) => method)).toEqual(['open', 'write', 'close']);
});

test('close says that a sink failed or did not answer when it was ended', async () => {
  const failingClose = {
    ...createMemorySink({ name: 'failing' }),
    close: () => Promise.reject(new Error('never finished')),
  };
  const hangingClose = { ...createMemorySink({ name: 'hanging' }), close: () => new Promise<void>(() => undefined) };
  const { clock, engine } = await start([failingClose, hangingClose]);
  expect(await timePasses(clock, engine.close(OUTCOME, 2000))).toMatchObject([
    { sink: 'failing', owedRecords: 0, reason: 'never finished' },
    { sink: 'hanging', owedRecords: 0, reason: 'the sink did not answer a close' },
  ]);
});

test('ticks about every five seconds until it is closed', async () => {
  const sink = createMemorySink();
  const { clock, engine } = await start([sink]);
  const begun = clock.now();
  await clock.advance(16_000);
  await timePasses(clock, engine.close(OUTCOME, 1000));
  await clock.advance(60_000);
  expect(sink.calls.filter(({ method }) => method === 'tick')).toEqual(
    [5000, 10_000, 15_000].map((ms) => ({ method: 'tick', now: begun + ms })),
  );
});

test('endNow completes local sinks within the call and leaves remote ones', async () => {
  const local = createMemorySink({ name: 'local' });
  const remote = createMemorySink({ name: 'remote', traits: { locality: 'remote' } });
  const { run, engine, clock } = await start([local, remote]);
  run.steps('w1', 0, 500);
  engine.endNow(OUTCOME);
  expect(local.records()).toHaveLength(500);
  expect(local.calls.at(-1)?.method).toBe('close');
  expect(remote.calls.map(({ method }) => method)).toEqual(['open']);
  await clock.advance(60_000);
  expect(local.calls.filter(({ method }) => method === 'close')).toHaveLength(1);
});

test('endNow in the middle of a close completes what was under way', async () => {
  const sink = createMemorySink();
  const { run, engine } = await start([sink]);
  run.steps('w1', 0, 500);
  void engine.close(OUTCOME, 1000);
  engine.endNow(OUTCOME);
  expect(sink.records()).toHaveLength(500);
  expect(sink.calls.at(-1)?.method).toBe('close');
});

test('sinks that cannot be opened are named, the others are opened', async () => {
  const good = createMemorySink({ name: 'good' });
  const bad: Sink = { ...createMemorySink({ name: 'bad' }), open: () => Promise.reject(new Error('no directory')) };
  const run = makeRun();
  const clock = createManualClock();
  const { onEvent } = createEventLog();
  const engine = new DeliveryEngine({
    directory: run.directory,
    sinks: [good, bad],
    scheduler: schedulerOn(clock),
    onEvent,
  });
  expect(await engine.open()).toEqual([{ sink: 'bad', error: new Error('no directory') }]);
  await timePasses(clock, engine.close({ status: 'unknown', final: false }, 0));
  expect(good.calls.at(-1)?.method).toBe('close');
});

test('a log directory that cannot be read is told once, and the known logs go on', async () => {
  const sink = createMemorySink();
  const { run, clock, log } = await start([sink]);
  run.steps('w1', 0, 1);
  await clock.advance(50);
  renameSync(run.directory.logDirectory, `${run.directory.logDirectory}.away`);
  await clock.advance(500);
  expect(log.events).toMatchObject([{ type: 'sinkError', sink: 'log', error: { code: 'ENOENT' }, terminal: false }]);
  renameSync(`${run.directory.logDirectory}.away`, run.directory.logDirectory);
  run.steps('w2', 0, 1);
  await clock.advance(200);
  expect(sink.records()).toHaveLength(2);
  rmSync(run.directory.logDirectory, { recursive: true });
  await clock.advance(500);
  expect(log.events).toHaveLength(2);
  mkdirSync(run.directory.logDirectory);
});

test('two runs of an engine on one backend leave every record once, in order, whatever the first left half done', async () => {
  const run = makeRun();
  const { backend, ...memory } = createMemorySink();
  const batches: RecordBatch[] = [];
  const crashing: Sink = {
    ...memory,
    write: (batch) => {
      batches.push(batch);
      memory.write(batch);
      if (batches.length === 2) throw new Error('power cut');
    },
  };
  run.steps('w1', 0, 20_000);
  const first = await start([crashing], run);
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  expect(first.engine.health()).toMatchObject({ memory: { state: 'retrying' } });
  const second = await start([createMemorySink({ backend })], run);
  await timePasses(second.clock, second.engine.close(OUTCOME, 10_000));
  expect(backend.entries.map(({ record }) => record.seq)).toEqual(Array.from({ length: 20_000 }, (_, index) => index));
});
