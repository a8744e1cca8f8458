import { writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  PositionLostError,
  RecordsRefusedError,
  RetryableSinkError,
  TerminalSinkError,
  type RunRecord,
  type Sink,
  type UploadLane,
} from '@runcast/core';
import { RunLogs } from '@runcast/runlog';
import {
  createManualClock,
  createMemoryBackend,
  createMemorySink,
  fileRecord,
  stepRecord,
  type ManualClock,
  type MemoryBackend,
  type MemorySink,
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
import { CursorStore } from './cursor-store.ts';
import { removeDeliveredLogs } from './delivered-logs.ts';
import { DeliveryEngine } from './delivery-engine.ts';
import { owedRecords } from './owed-records.ts';
import { SinkDelivery } from './sink-delivery.ts';

const OUTCOME = { status: 'finished', final: true } as const;
const CURVES = { kinds: ['step'] } as const;

interface Stage {
  readonly run: RunOnDisk;
  readonly clock: ManualClock;
  readonly log: EventLog;
  readonly engine: DeliveryEngine;
}

async function start(sink: Sink, run: RunOnDisk = makeRun()): Promise<Stage> {
  const clock = createManualClock();
  const log = createEventLog();
  const engine = new DeliveryEngine({
    directory: run.directory,
    sinks: [sink],
    scheduler: schedulerOn(clock),
    onEvent: log.onEvent,
  });
  expect(await engine.open()).toEqual([]);
  engine.start();
  return { run, clock, log, engine };
}

interface Opened {
  readonly delivery: SinkDelivery;
  readonly log: EventLog;
  readonly clock: ManualClock;
}

async function open(sink: Sink, run: RunOnDisk): Promise<Opened> {
  const log = createEventLog();
  const clock = createManualClock();
  const logs = new RunLogs(run.directory.logDirectory);
  logs.refresh();
  const scheduler = schedulerOn(clock);
  const delivery = new SinkDelivery({ sink, directory: run.directory, logs, scheduler, onEvent: log.onEvent });
  await delivery.open();
  return { delivery, log, clock };
}

function uploading(backend: MemoryBackend = createMemoryBackend()): MemorySink {
  return createMemorySink({ backend, traits: CURVES, uploads: ['file'] });
}

/** The same, of which a test replaces the upload. */
function uploadingBy(write: UploadLane['write'], backend?: MemoryBackend): MemorySink {
  return { ...uploading(backend), uploads: { kinds: ['file'], write } };
}

/** A step, a file, and another step for each of `count`, in one log. */
function runWithFiles(count: number): RunOnDisk {
  const run = makeRun();
  run.append(
    'w1',
    Array.from({ length: 3 * count }, (_, seq) =>
      seq % 3 === 1 ? fileRecord({ seq, path: `file-${seq}` }) : stepRecord({ seq, n: seq + 1, step: seq }),
    ),
  );
  return run;
}

function uploadedSeqs(backend: MemoryBackend): readonly number[] {
  return backend.uploads.entries.map(({ record }) => record.seq);
}

function seqsOf(records: readonly RunRecord[]): readonly number[] {
  return records.map(({ seq }) => seq);
}

async function drainUploads({ uploads }: SinkDelivery): Promise<string | undefined> {
  for (;;) {
    const progress = await uploads?.advance();
    if (progress !== 'delivered') return progress;
  }
}

test('an upload that takes an hour delays no curve', async () => {
  const sink = uploading();
  const letGo = sink.backend.holdNextUpload();
  const { run, clock, engine } = await start(sink, runWithFiles(1));
  for (let minute = 0; minute < 60; minute += 1) {
    run.steps('w2', minute * 10, 10);
    await clock.advance(60_000);
    expect(sink.records()).toHaveLength(2 + (minute + 1) * 10);
  }
  expect(sink.backend.uploads.entries).toEqual([]);
  expect(engine.health()).toMatchObject({
    memory: { state: 'delivering', lagRecords: 0, lagBytes: 0, skippedKinds: 0, uploads: { delivered: 0 } },
  });
  expect(engine.health()['memory']?.uploads?.lagRecords).toBe(603);
  letGo();
  await clock.advance(100);
  expect(uploadedSeqs(sink.backend)).toEqual([1]);
  expect(engine.health()).toMatchObject({ memory: { uploads: { delivered: 1, lagRecords: 0, lagBytes: 0 } } });
});

test('the heartbeat of a sink goes on beside an upload', async () => {
  const sink = uploading();
  sink.backend.holdNextUpload();
  const { clock } = await start(sink, runWithFiles(1));
  await clock.advance(10_100);
  expect(sink.calls.filter(({ method }) => method === 'tick')).toHaveLength(2);
});

test('uploads come in order, one record a batch', async () => {
  const sink = uploading();
  const { clock } = await start(sink, runWithFiles(4));
  await clock.advance(25);
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  expect(uploadedSeqs(sink.backend)).toEqual([1, 4, 7, 10]);
  expect(sink.calls.flatMap((call) => (call.method === 'upload' ? [[call.batch.from, call.batch.to]] : []))).toEqual([
    [0, 1],
    [2, 4],
    [5, 7],
    [8, 11],
  ]);
});

test('what is uploaded is no kind that the sink skips, what neither lane takes is', async () => {
  const run = makeRun();
  run.append('w1', [fileRecord(), stepRecord({ seq: 1 })]);
  const sink = createMemorySink({ traits: { kinds: ['epoch'] }, uploads: ['file'] });
  const { clock, engine } = await start(sink, run);
  await clock.advance(100);
  expect(engine.health()).toMatchObject({ memory: { delivered: 0, skippedKinds: 1, uploads: { delivered: 1 } } });
});

test('a record of a kind that both lanes take goes through both', async () => {
  const sink = createMemorySink({ uploads: ['file'] });
  const { clock } = await start(sink, runWithFiles(1));
  await clock.advance(100);
  expect(seqsOf(sink.records())).toEqual([0, 1, 2]);
  expect(uploadedSeqs(sink.backend)).toEqual([1]);
});

test('what is owed is what either lane has not come to, for the living delivery and for others', async () => {
  const run = runWithFiles(2);
  const sink = uploading();
  const { delivery } = await open(sink, run);
  await delivery.main.advance();
  await delivery.flush();
  expect(delivery.settlement(undefined)).toMatchObject({ owedRecords: 6, deliveredSteps: 4 });
  expect(delivery.hasDelivered(new Map([['w1', 5]]))).toBe(false);
  expect(owedRecords(run.directory, ['memory'])).toEqual(new Map([['memory', 6]]));
  await delivery.uploads?.advance();
  await delivery.flush();
  expect(owedRecords(run.directory, ['memory'])).toEqual(new Map([['memory', 4]]));
  await drainUploads(delivery);
  await delivery.flush();
  expect(delivery.settlement(undefined)).toMatchObject({ owedRecords: 0 });
  expect(owedRecords(run.directory, ['memory'])).toEqual(new Map([['memory', 0]]));
});

test('a log whose files are not uploaded yet is kept', async () => {
  const run = makeRun();
  run.append('w1', [fileRecord(), { v: 1, seq: 1, time: 1, kind: 'close', status: 'finished', final: true }]);
  const { delivery } = await open(uploading(), run);
  await delivery.main.advance();
  await delivery.flush();
  removeDeliveredLogs(run.directory, ['memory']);
  expect(owedRecords(run.directory, ['memory'])).toEqual(new Map([['memory', 2]]));
  await drainUploads(delivery);
  await delivery.flush();
  removeDeliveredLogs(run.directory, ['memory']);
  expect(owedRecords(run.directory, ['memory', 'another'])).toEqual(
    new Map([
      ['memory', 0],
      ['another', 0],
    ]),
  );
});

test('that uploads are owed is stored before anything is delivered, and stays so after a kill', async () => {
  const run = runWithFiles(1);
  await open(uploading(), run);
  expect(run.cursor('memory.uploads')).toEqual({ v: 1, delivered: {} });
  const { delivery, clock } = await open(uploading(), run);
  await delivery.main.advance();
  await clock.advance(200);
  await delivery.main.advance();
  expect(run.cursor('memory')).toMatchObject({ delivered: { w1: { seq: 2 } } });
  expect(owedRecords(run.directory, ['memory'])).toEqual(new Map([['memory', 3]]));
});

test('uploads that have been switched off are owed no more', async () => {
  const run = runWithFiles(1);
  await open(uploading(), run);
  const { delivery } = await open(createMemorySink(), run);
  await delivery.main.advance();
  await delivery.flush();
  expect(() => run.cursor('memory.uploads')).toThrow('ENOENT');
  expect(owedRecords(run.directory, ['memory'])).toEqual(new Map([['memory', 0]]));
});

test('after a crash each lane goes on from its own cursor, at the backend’s own positions', async () => {
  const run = runWithFiles(3);
  const backend = createMemoryBackend();
  const crashed = await open(uploading(backend), run);
  await crashed.delivery.uploads?.advance();
  await crashed.delivery.flush();
  await crashed.delivery.uploads?.advance();
  await crashed.delivery.main.advance();
  expect(uploadedSeqs(backend)).toEqual([1, 4]);
  const next = uploading(backend);
  const { delivery } = await open(next, run);
  expect(next.calls).toMatchObject([{ method: 'open', context: { uploadPosition: { entries: 1 } } }]);
  expect(await drainUploads(delivery)).toBe('idle');
  await delivery.main.advance();
  expect(uploadedSeqs(backend)).toEqual([1, 4, 7]);
  expect(seqsOf(next.records())).toEqual([0, 2, 3, 5, 6, 8]);
});

test('a lost position makes both lanes start over', async () => {
  const run = runWithFiles(2);
  const backend = createMemoryBackend();
  const first = await open(uploading(backend), run);
  await first.delivery.main.advance();
  await drainUploads(first.delivery);
  await first.delivery.close(OUTCOME);
  backend.cut(1);
  const opened: unknown[] = [];
  const second = uploading(backend);
  const { delivery } = await open(
    {
      ...second,
      open: (context) => {
        opened.push([context.position, context.uploadPosition]);
        if (context.position !== undefined) throw new PositionLostError('the rows are gone');
        second.open(context);
      },
    },
    run,
  );
  expect(opened).toEqual([
    [{ entries: 4 }, { entries: 2 }],
    [undefined, undefined],
  ]);
  await delivery.main.advance();
  await drainUploads(delivery);
  expect(seqsOf(second.records())).toEqual([0, 2, 3, 5]);
  expect(uploadedSeqs(backend)).toEqual([1, 4]);
});

test('an upload that fails is repeated in its own time, and said to be one', async () => {
  let attempts = 0;
  const sink = uploadingBy(() => {
    attempts += 1;
    if (attempts < 3) throw new RetryableSinkError('the store is down');
  });
  const { clock, log, engine, run } = await start(sink, runWithFiles(1));
  await clock.advance(25);
  expect(engine.health()).toMatchObject({
    memory: { state: 'delivering', lagRecords: 0, retries: 0, lastError: undefined, uploads: { state: 'retrying' } },
  });
  run.steps('w1', 3, 5);
  await clock.advance(100);
  expect(sink.records()).toHaveLength(7);
  await clock.advance(2_000);
  expect(attempts).toBe(3);
  expect(log.events).toMatchObject([
    { type: 'sinkError', sink: 'memory', error: { message: 'uploads: the store is down' }, terminal: false },
    { type: 'retry', attempt: 1 },
    { type: 'retry', attempt: 2 },
    { type: 'recovered', attempts: 2 },
  ]);
});

test('an upload that is refused for ever is set aside', async () => {
  const sink = uploadingBy((batch) => {
    const refusals = batch.records.map(({ seq }) => ({ seq, reason: 'too large' }));
    if (refusals.length > 0) throw new RecordsRefusedError(refusals);
  });
  const { clock, engine, run } = await start(sink, runWithFiles(2));
  await clock.advance(100);
  expect(run.deadLetters('memory')).toMatchObject([
    { seq: 1, reason: 'too large' },
    { seq: 4, reason: 'too large' },
  ]);
  expect(engine.health()).toMatchObject({ memory: { refused: 0, uploads: { refused: 2, lagRecords: 0 } } });
});

test('a line of the log that is none is set aside once, although both lanes read it', async () => {
  const run = runWithFiles(1);
  run.appendText('w1', 'torn by a crash\n');
  const { clock, engine } = await start(uploading(), run);
  await clock.advance(100);
  expect(run.deadLetters('memory')).toHaveLength(1);
  expect(engine.health()).toMatchObject({ memory: { refused: 1, uploads: { refused: 0, lagBytes: 0 } } });
});

test('uploads that are stopped stop alone: the rest is flushed, and what is owed is said', async () => {
  const sink = uploadingBy(() => {
    throw new TerminalSinkError('there is no room left');
  });
  const { clock, engine, run, log } = await start(sink, runWithFiles(1));
  await clock.advance(25);
  run.steps('w1', 3, 5);
  await clock.advance(100);
  expect(sink.records()).toHaveLength(7);
  const before = clock.now();
  expect(await timePasses(clock, engine.flush(60_000))).toMatchObject([
    { owedRecords: 8, reason: 'uploads: there is no room left' },
  ]);
  expect(clock.now() - before).toBeLessThan(100);
  expect(sink.calls.at(-1)?.method).toBe('flush');
  expect(log.events).toMatchObject([{ type: 'sinkError', terminal: true }]);
  expect(await timePasses(clock, engine.close(OUTCOME, 60_000))).toMatchObject([
    { owedRecords: 8, reason: 'uploads: there is no room left' },
  ]);
  expect(sink.calls.at(-1)?.method).toBe('close');
});

test('a flush that fails beside stopped uploads is told at once', async () => {
  const sink = {
    ...uploadingBy(() => {
      throw new TerminalSinkError('there is no room left');
    }),
    flush: () => Promise.reject(new Error('the disk is full')),
  };
  const { clock, engine } = await start(sink, runWithFiles(1));
  await clock.advance(100);
  const before = clock.now();
  expect(await timePasses(clock, engine.flush(60_000))).toMatchObject([{ reason: 'the disk is full' }]);
  expect(clock.now() - before).toBeLessThan(100);
});

test('a flush waits for the upload in flight, and lets the curves go on meanwhile but no further upload begin', async () => {
  const sink = uploading();
  const letGo = sink.backend.holdNextUpload();
  const run = runWithFiles(2);
  const { delivery } = await open(sink, run);
  const advancing = delivery.uploads?.advance();
  let isFlushed = false;
  const flushing = delivery.flush().then(() => {
    isFlushed = true;
  });
  expect(await delivery.main.advance()).toBe('delivered');
  run.steps('w1', 6, 1);
  expect(await delivery.main.advance()).toBe('delivered');
  await nextTurn();
  expect(isFlushed).toBe(false);
  letGo();
  expect(await advancing).toBe('delivered');
  await flushing;
  expect(sink.calls.map(({ method }) => method)).toEqual(['open', 'upload', 'write', 'write', 'flush']);
});

test('while a flush waits for a write no upload begins', async () => {
  const writing = Promise.withResolvers<void>();
  const memory = uploading();
  const calls: string[] = [];
  const sink: Sink = {
    ...memory,
    write: () => {
      calls.push('write');
      return writing.promise;
    },
    flush: () => {
      calls.push('flush');
    },
  };
  const { delivery } = await open(sink, runWithFiles(1));
  const advancing = delivery.main.advance();
  const flushing = delivery.flush();
  const uploads = delivery.uploads?.advance();
  expect(uploads).toBeInstanceOf(Promise);
  writing.resolve();
  expect(await advancing).toBe('delivered');
  expect(await uploads).toBe('waiting');
  await flushing;
  expect(await delivery.uploads?.advance()).toBe('delivered');
  expect(calls).toEqual(['write', 'flush']);
  expect(memory.calls.at(-1)?.method).toBe('upload');
});

test('a close that has no time left tells the sink, whose upload then ends, and closes it', async () => {
  const memory = uploading();
  let signal: AbortSignal | undefined;
  const sink: Sink = {
    ...memory,
    open: (context) => {
      ({ signal } = context);
      memory.open(context);
    },
    uploads: {
      kinds: ['file'],
      write: () =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal?.reason));
        }),
    },
  };
  const { clock, engine } = await start(sink, runWithFiles(1));
  await clock.advance(1_000);
  const before = clock.now();
  expect(await timePasses(clock, engine.close(OUTCOME, 5_000))).toMatchObject([
    { owedRecords: 3, reason: 'there was no time left for its uploads' },
  ]);
  expect(clock.now() - before).toBeLessThanOrEqual(5_010);
  expect(memory.calls.at(-1)).toEqual({ method: 'close', outcome: OUTCOME });
});

test('a close in time keeps the signal until the sink is closed', async () => {
  const memory = uploading();
  const seen: unknown[] = [];
  let signal: AbortSignal | undefined;
  const sink: Sink = {
    ...memory,
    open: (context) => {
      ({ signal } = context);
      memory.open(context);
    },
    close: (outcome) => {
      seen.push(signal?.aborted);
      memory.close(outcome);
    },
  };
  const { clock, engine } = await start(sink, runWithFiles(1));
  expect(await timePasses(clock, engine.close(OUTCOME, 5_000))).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  expect(seen).toEqual([false]);
  expect(signal?.aborted).toBe(true);
});

test('a process that ends completes the curves of a sink whose upload is in flight', async () => {
  const sink = uploading();
  sink.backend.holdNextUpload();
  const { delivery } = await open(sink, runWithFiles(1));
  void delivery.uploads?.advance();
  delivery.endNow(OUTCOME);
  expect(seqsOf(sink.records())).toEqual([0, 2]);
  expect(sink.calls.at(-1)?.method).toBe('write');
});

test('a process that ends completes both lanes of a sink that works synchronously', async () => {
  const sink = uploading();
  const { delivery } = await open(sink, runWithFiles(3));
  delivery.endNow(OUTCOME);
  expect(seqsOf(sink.records())).toEqual([0, 2, 3, 5, 6, 8]);
  expect(uploadedSeqs(sink.backend)).toEqual([1, 4, 7]);
  expect(sink.calls.slice(-2).map(({ method }) => method)).toEqual(['flush', 'close']);
});

test('a damaged cursor of the uploads counts as none', async () => {
  const run = runWithFiles(1);
  const backend = createMemoryBackend();
  const first = await open(uploading(backend), run);
  await first.delivery.main.advance();
  await drainUploads(first.delivery);
  await first.delivery.close(OUTCOME);
  writeFileSync(new CursorStore(run.directory, 'memory.uploads').path, 'noise');
  expect(owedRecords(run.directory, ['memory'])).toEqual(new Map([['memory', 3]]));
  const { delivery } = await open(uploading(backend), run);
  expect(await drainUploads(delivery)).toBe('idle');
  expect(uploadedSeqs(backend)).toEqual([1]);
});
