import { expect, test } from 'vitest';
import { readFromWorker, readToWorker, readWorkerTask, type FromWorker, type ToWorker } from './messages.ts';

const HEALTH = {
  state: 'retrying',
  delivered: 1,
  skippedKinds: 2,
  skippedSteps: 3,
  refused: 4,
  lagRecords: 5,
  lagBytes: 6,
  retries: 7,
  lastError: undefined,
} as const;
const ERROR = { message: 'down', code: 'ECONNRESET' } as const;

test('a task is read back, its configuration as it is', () => {
  const exitState = new SharedArrayBuffer(4);
  const task = {
    dir: '/runs',
    runId: 'r',
    sinks: [{ name: 's', module: 'file:///s.js', config: { deep: [1] } }],
    exitState,
  };
  expect(readWorkerTask(task)).toEqual(task);
});

test.each([
  ['nothing', undefined],
  ['no shared memory', { dir: '/runs', runId: 'r', sinks: [], exitState: 7 }],
  [
    'a configuration that is no object',
    {
      dir: '/runs',
      runId: 'r',
      sinks: [{ name: 's', module: 'm', config: null }],
      exitState: new SharedArrayBuffer(4),
    },
  ],
])('a task with %s is refused', (_, task) => {
  expect(() => readWorkerTask(task)).toThrow('nvalid');
});

test.each<ToWorker>([
  { type: 'flush', id: 1, timeoutMs: 10 },
  { type: 'close', id: 2, timeoutMs: 10, outcome: { status: 'failed', final: true } },
  { type: 'end', outcome: { status: 'unknown', final: false } },
])('what the publisher says is read back: %j', (message) => {
  expect(readToWorker(message)).toEqual(message);
});

test.each<FromWorker>([
  { type: 'opened', failures: [{ sink: 's', error: ERROR }] },
  { type: 'health', sinks: { s: HEALTH, t: { ...HEALTH, lastError: ERROR } } },
  { type: 'event', event: { type: 'sinkError', sink: 's', error: ERROR, terminal: true } },
  { type: 'event', event: { type: 'retry', sink: 's', error: ERROR, attempt: 1, delayMs: 2.5 } },
  { type: 'event', event: { type: 'recovered', sink: 's', attempts: 2 } },
  { type: 'event', event: { type: 'sinkNotice', sink: 's', notice: { type: 'runUrl', url: 'https://x' } } },
  { type: 'event', event: { type: 'sinkNotice', sink: 's', notice: { type: 'stopRequested' } } },
  { type: 'event', event: { type: 'sinkNotice', sink: 's', notice: { type: 'notice', message: 'm' } } },
  {
    type: 'settled',
    id: 1,
    settlements: [
      { sink: 's', owedRecords: 1, skippedSteps: 2, deliveredSteps: 3, reason: 'down' },
      { sink: 't', owedRecords: 0, skippedSteps: 0, deliveredSteps: 0, reason: undefined },
    ],
  },
])('what the worker says is read back: %j', (message) => {
  expect(readFromWorker(message)).toEqual(message);
});

test('what neither says is refused', () => {
  expect(() => readToWorker({ type: 'dance' })).toThrow('type');
  expect(() => readFromWorker({ type: 'settled', id: 'one', settlements: [] })).toThrow('id');
  expect(() => readFromWorker('hello')).toThrow('expected object');
});
