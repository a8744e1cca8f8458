import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { JsonObject } from '@runcast/core';
import { onTestFinished, expect, test } from 'vitest';
import { makeRun, type RunOnDisk } from '../test/run-on-disk.ts';
import { EXIT_STATE, readFromWorker, type FromWorker, type ToWorker, type WorkerTask } from './messages.ts';
import { systemScheduler } from './scheduler.ts';
import { serveDeliveries } from './worker-session.ts';

const OUTCOME = { status: 'finished', final: true } as const;
const MODULE = new URL('../test/memory-sink-module.ts', import.meta.url).href;

interface Conversation {
  readonly run: RunOnDisk;
  readonly task: WorkerTask;
  readonly served: Promise<void>;
  readonly port: MessagePort;
  /** Lines of the sink's file. */
  readonly lines: () => readonly string[];
  readonly say: (message: ToWorker) => void;
  /** The next message of the type, which others may precede. */
  readonly hear: <T extends FromWorker['type']>(type: T) => Promise<Extract<FromWorker, { readonly type: T }>>;
}

function converse(config: JsonObject = {}, run: RunOnDisk = makeRun()): Conversation {
  const { port1, port2 } = new MessageChannel();
  const path = join(run.directory.path, 'sink.txt');
  const task: WorkerTask = {
    dir: run.dir,
    runId: 'run-1',
    sinks: [{ name: 'file', module: MODULE, config: { path, ...config } }],
    exitState: new SharedArrayBuffer(4),
  };
  const heard: FromWorker[] = [];
  const listeners = new Set<() => void>();
  port1.on('message', (message: unknown) => {
    heard.push(readFromWorker(message));
    for (const listener of listeners) listener();
  });
  onTestFinished(() => port1.close());
  const take = <T extends FromWorker['type']>(type: T): Extract<FromWorker, { readonly type: T }> | undefined => {
    const isWanted = (message: FromWorker): message is Extract<FromWorker, { readonly type: T }> =>
      message.type === type;
    const message = heard.find(isWanted);
    if (message !== undefined) heard.splice(heard.indexOf(message), 1);
    return message;
  };
  return {
    run,
    task,
    served: serveDeliveries(port2, task, systemScheduler),
    port: port1,
    lines: () => readFileSync(path, 'utf8').trimEnd().split('\n'),
    say: (message) => port1.postMessage(message),
    hear: (type) =>
      new Promise((resolve) => {
        const listener = (): void => {
          const message = take(type);
          if (message === undefined) return;
          listeners.delete(listener);
          resolve(message);
        };
        listeners.add(listener);
        listener();
      }),
  };
}

test('opens the sinks, delivers, flushes and closes', async () => {
  const { run, say, hear, lines, task } = converse();
  expect(await hear('opened')).toEqual({ type: 'opened', failures: [] });
  run.steps('w1', 0, 2);
  say({ type: 'flush', id: 7, timeoutMs: 5000 });
  expect(await hear('settled')).toMatchObject({
    id: 7,
    settlements: [{ sink: 'file', owedRecords: 0, reason: undefined }],
  });
  say({ type: 'flush', id: 9, timeoutMs: 5000 });
  expect(await hear('settled')).toMatchObject({ id: 9 });
  expect(lines()).toEqual(['open here', 'w1 0', 'w1 1', 'flush', 'flush']);
  run.steps('w1', 2, 1);
  say({ type: 'close', id: 8, timeoutMs: 5000, outcome: OUTCOME });
  expect(await hear('settled')).toMatchObject({ id: 8, settlements: [{ owedRecords: 0, deliveredSteps: 3 }] });
  expect(lines().slice(5)).toEqual(['w1 2', 'flush', 'close']);
  expect(new Int32Array(task.exitState)[0]).toBe(EXIT_STATE.ended);
});

test('says how the sinks are when that has changed', async () => {
  const { run, say, hear } = converse();
  expect(await hear('health')).toMatchObject({ sinks: { file: { state: 'delivering', delivered: 0 } } });
  run.steps('w1', 0, 2);
  expect(await hear('health')).toMatchObject({ sinks: { file: { delivered: 2, lagRecords: 0 } } });
  say({ type: 'close', id: 1, timeoutMs: 1000, outcome: OUTCOME });
  expect(await hear('health')).toMatchObject({ sinks: { file: { state: 'closed' } } });
});

test('passes events on', async () => {
  const { run, say, hear } = converse({ fail: 'terminal' });
  run.steps('w1', 0, 1);
  expect(await hear('event')).toMatchObject({
    event: { type: 'sinkError', sink: 'file', terminal: true, error: { message: 'the key is not known' } },
  });
  say({ type: 'close', id: 1, timeoutMs: 1000, outcome: OUTCOME });
  await hear('settled');
});

test('ends at once when the process does, and wakes it', async () => {
  const { run, say, hear, lines, task, port } = converse();
  await hear('opened');
  run.steps('w1', 0, 2);
  say({ type: 'end', outcome: { status: 'unknown', final: true } });
  const word = new Int32Array(task.exitState);
  const ended = Atomics.waitAsync(word, 0, EXIT_STATE.running, 5000);
  expect(await ended.value).toMatch(/ok|not-equal/u);
  expect(lines()).toEqual(['open here', 'w1 0', 'w1 1', 'flush', 'close']);
  port.close();
});

test.each([
  ['made', { path: 7 }, 'the configuration has no path'],
  ['opened', { fail: 'open' }, 'the sink cannot be opened'],
])('says which sinks cannot be %s, and ends', async (_, config, message) => {
  const { hear, port, served } = converse(config);
  const closed = once(port, 'close');
  expect(await hear('opened')).toEqual({
    type: 'opened',
    failures: [{ sink: 'file', error: { message, code: 'UNKNOWN' } }],
  });
  await served;
  await closed;
});

test('refuses a task of another version', async () => {
  const { port2 } = new MessageChannel();
  await expect(serveDeliveries(port2, { version: 2 }, systemScheduler)).rejects.toThrow('exitState');
  port2.close();
});
