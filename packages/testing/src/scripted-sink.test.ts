import { RecordsRefusedError, RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { expect, it } from 'vitest';
import { createMemorySink } from './memory-sink.ts';
import { stepRecord } from './record-builders.ts';
import { batchOf } from './record-sequence.ts';
import { createScriptedSink, failing, type ScriptedSink, type ScriptedSinkOptions, terminal } from './scripted-sink.ts';
import { sinkContext } from './sink-context.ts';

const BATCH = batchOf('w1', [stepRecord(), stepRecord({ seq: 1, n: 2, step: 2 })]);

function opened(options?: ScriptedSinkOptions): ScriptedSink {
  const sink = createScriptedSink(options);
  void sink.open?.(sinkContext({ runId: 'run-1', runDirectory: '/nowhere' }));
  return sink;
}

it('accepts everything where nothing is scripted', () => {
  const memory = createMemorySink();
  const sink = opened({ memory });
  expect(sink.write(BATCH)).toBeUndefined();
  expect(memory.records()).toEqual(BATCH.records);
  expect(sink.position?.()).toEqual({ entries: 2 });
});

it('fails as often as scripted, then works', () => {
  const sink = opened({ answers: [...failing(2), terminal()] });
  expect(() => sink.write(BATCH)).toThrow(RetryableSinkError);
  expect(() => sink.write(BATCH)).toThrow('the backend is down');
  expect(() => sink.write(BATCH)).toThrow(TerminalSinkError);
  expect(sink.memory.records()).toEqual([]);
  void sink.write(BATCH);
  expect(sink.memory.records()).toHaveLength(2);
  expect(sink.attempts).toEqual([BATCH, BATCH, BATCH, BATCH]);
});

it('says for how long it wants to be left alone', () => {
  expect(failing(1, 'slow down', 3000)[0]).toMatchObject({ message: 'slow down', retryAfterMs: 3000 });
});

it('refuses records for ever, and takes the batch without them', () => {
  const sink = opened({ refuse: (record) => (record.seq === 1 ? 'too odd' : undefined) });
  expect(() => sink.write(BATCH)).toThrow(new RecordsRefusedError([{ seq: 1, reason: 'too odd' }]));
  void sink.write({ ...BATCH, records: BATCH.records.slice(0, 1) });
  expect(sink.memory.records()).toHaveLength(1);
});

it('hangs until it is released, each time anew', async () => {
  const sink = opened({ answers: ['hang', 'accept', 'hang'] });
  const hanging = sink.hanging();
  const first = sink.write(BATCH);
  await hanging;
  expect(sink.memory.records()).toEqual([]);
  sink.release();
  await first;
  expect(sink.memory.records()).toHaveLength(2);
  expect(() => sink.release()).toThrow('no write hangs');
  void sink.write(BATCH);
  const second = sink.write(BATCH);
  await sink.hanging();
  sink.release();
  await second;
  expect(sink.memory.records()).toHaveLength(6);
});
