import { existsSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createManualClock, createMemorySink, type MemorySink } from '@runcast/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createEventLog, makeRun, schedulerOn } from '../test/run-on-disk.ts';
import { InlineHost, SinkOpenError, type InlineHostOptions } from './inline-host.ts';
import { systemScheduler } from './scheduler.ts';

const OUTCOME = { status: 'finished', final: true } as const;

function options(sinks: InlineHostOptions['sinks']): InlineHostOptions & { readonly run: ReturnType<typeof makeRun> } {
  const run = makeRun();
  return { run, directory: run.directory, sinks, scheduler: systemScheduler, onEvent: createEventLog().onEvent };
}

function timersOf(work: () => Promise<unknown>): Promise<readonly number[]> {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const working = work();
  const during = timers();
  return working.then(() => [during - before, timers() - before]);
}

test('delivers on the loop it was opened on', async () => {
  const sink = createMemorySink();
  const { run, ...rest } = options([sink]);
  const host = await InlineHost.open({ ...rest, reason: 'no worker is to be had' });
  expect(host).toMatchObject({ kind: 'inline', reason: 'no worker is to be had' });
  run.steps('w1', 0, 3);
  expect(await host.flush(1000)).toMatchObject([{ sink: 'memory', owedRecords: 0, reason: undefined }]);
  expect(host.health()).toMatchObject({ memory: { delivered: 3 } });
  expect(await host.close(OUTCOME, 1000)).toMatchObject([{ reason: undefined }]);
  expect(sink.calls.at(-1)).toEqual({ method: 'close', outcome: OUTCOME });
});

test('looks for records without waiting for its poll when it is woken', async () => {
  const sink = createMemorySink();
  const { run, ...rest } = options([sink]);
  // No time passes: nothing but being woken ends a wait.
  const host = await InlineHost.open({ ...rest, scheduler: schedulerOn(createManualClock()) });
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  run.steps('w1', 0, 3);
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  expect(sink.records()).toHaveLength(0);
  host.wake();
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  expect(sink.records()).toHaveLength(3);
});

test('holds the process open while somebody awaits it, and not longer', async () => {
  const { run, ...rest } = options([createMemorySink()]);
  const host = await InlineHost.open(rest);
  run.steps('w1', 0, 3);
  expect(await timersOf(() => host.flush(1000))).toEqual([1, 0]);
  expect(await timersOf(() => host.close(OUTCOME, 1000))).toEqual([1, 0]);
});

test('ends within the call when the process does', async () => {
  const sink = createMemorySink();
  const { run, ...rest } = options([sink]);
  const host = await InlineHost.open(rest);
  run.steps('w1', 0, 3);
  host.endNow({ status: 'unknown', final: true });
  expect(sink.records()).toHaveLength(3);
  expect(sink.calls.at(-1)?.method).toBe('close');
});

test('names every sink that cannot be made or opened, and closes those that were', async () => {
  const good: MemorySink = createMemorySink({ name: 'good' });
  const bad = { ...createMemorySink({ name: 'bad' }), open: () => Promise.reject(new Error('no directory')) };
  const { run, ...rest } = options([good, bad, { name: 'unmade', module: 'file:///nowhere.js', config: {} }]);
  const clock = createManualClock();
  const opening = InlineHost.open({ ...rest, scheduler: schedulerOn(clock) });
  const failing = opening.then(
    () => undefined,
    (error: unknown) => error,
  );
  for (let turn = 0; turn < 20; turn += 1) await clock.advance(1);
  const error = await failing;
  expect(error).toBeInstanceOf(SinkOpenError);
  expect(error).toMatchObject({
    code: 'RUNCAST_SINK_OPEN',
    failures: [{ sink: 'unmade' }, { sink: 'bad' }],
  });
  expect(String(error)).toMatch(/2 sinks cannot be opened\n {2}unmade: [^]*\n {2}bad: no directory$/u);
  expect(good.calls.at(-1)?.method).toBe('close');
  expect(clock.pending()).toEqual([]);
  expect(existsSync(`${run.directory.cursorDirectory}/bad.json`)).toBe(false);
});

test('one sink that cannot be opened is one', () => {
  expect(new SinkOpenError([{ sink: 'jsonl', error: 'odd' }]).message).toBe('1 sink cannot be opened\n  jsonl: odd');
});

test('however long somebody awaits it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { run, ...rest } = options([createMemorySink()]);
  const host = await InlineHost.open(rest);
  run.steps('w1', 0, 1);
  const flushing = host.flush(1000);
  vi.advanceTimersByTime(3_600_000);
  expect(vi.getTimerCount()).toBe(1);
  expect(await flushing).toMatchObject([{ reason: undefined }]);
  expect(vi.getTimerCount()).toBe(0);
});
