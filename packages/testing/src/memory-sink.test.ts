import { PositionLostError, RECORD_KINDS } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { createMemoryBackend, createMemorySink, type MemorySink } from './memory-sink.ts';
import { stepRecord } from './record-builders.ts';
import { batchOf } from './record-sequence.ts';
import { sinkContext } from './sink-context.ts';

const CONTEXT = sinkContext({ runId: 'run-1', runDirectory: '/nowhere' });
const FINISHED = { status: 'finished', final: true } as const;
const BATCH = batchOf('w1', [stepRecord(), stepRecord({ seq: 1, n: 2, step: 2 })]);

function opened(sink: MemorySink = createMemorySink()): MemorySink {
  sink.open(CONTEXT);
  return sink;
}

it('takes every kind, exactly once, on this machine, unless told otherwise', () => {
  const sink = createMemorySink();
  expect(sink.traits).toEqual({ kinds: RECORD_KINDS, guarantee: 'exactly-once', locality: 'local' });
  expect(sink.name).toBe('memory');
  expect(sink.logEveryNSteps).toBeUndefined();
  const remote = createMemorySink({
    name: 'far',
    logEveryNSteps: 5,
    traits: { locality: 'remote', guarantee: 'at-least-once' },
  });
  expect(remote).toMatchObject({ name: 'far', logEveryNSteps: 5, traits: { locality: 'remote', kinds: RECORD_KINDS } });
  expect(remote).not.toHaveProperty('position');
});

it('records each call, and holds the records', () => {
  const sink = opened();
  sink.write(BATCH);
  sink.tick(5000);
  sink.flush();
  sink.close(FINISHED);
  expect(sink.calls).toEqual([
    { method: 'open', context: CONTEXT },
    { method: 'write', batch: BATCH },
    { method: 'tick', now: 5000 },
    { method: 'flush' },
    { method: 'close', outcome: FINISHED },
  ]);
  expect(sink.records()).toEqual(BATCH.records);
  expect(sink.position?.()).toEqual({ entries: 2 });
});

describe('calls that delivery must not make are refused:', () => {
  it.each<[string, (sink: MemorySink) => void, string]>([
    ['a write before open', (sink) => sink.write(BATCH), 'write was called on a sink that is new'],
    ['a flush before open', (sink) => sink.flush(), 'flush was called on a sink that is new'],
    ['a second open', (sink) => opened(sink).open(CONTEXT), 'open was called on a sink that is open'],
    [
      'a heartbeat after close',
      (sink) => [opened(sink).close(FINISHED), sink.tick(1)],
      'tick was called on a sink that is closed',
    ],
    [
      'a second close',
      (sink) => [sink.close(FINISHED), sink.close(FINISHED)],
      'close was called on a sink that is closed',
    ],
  ])('%s', (_case, call, message) => {
    expect(() => call(createMemorySink())).toThrow(message);
  });
});

it('fails the write it is told to fail, once, and keeps nothing of it', () => {
  const sink = opened();
  sink.backend.failNextAppend(new Error('full'));
  expect(() => sink.write(BATCH)).toThrow('full');
  expect(sink.records()).toEqual([]);
  sink.write(BATCH);
  expect(sink.records()).toHaveLength(2);
});

it('is opened again on the same backend, cut to its position', () => {
  const backend = createMemoryBackend();
  opened(createMemorySink({ backend })).write(BATCH);
  createMemorySink({ backend }).open({ ...CONTEXT, position: { entries: 1 } });
  expect(backend.entries).toHaveLength(1);
});

it.each([
  [{ entries: 3 }, 'holds 0 entries where 3 were expected'],
  [{}, 'is no position'],
  ['3', 'is no position'],
])('does not take %j for its position', (position, message) => {
  const open = (): void => createMemorySink().open({ ...CONTEXT, position });
  expect(open).toThrow(PositionLostError);
  expect(open).toThrow(message);
});
