import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  linesOf,
  PositionLostError,
  RecordsRefusedError,
  RetryableSinkError,
  TerminalSinkError,
  type RecordBatch,
  type Sink,
  type SinkContext,
} from '@runcast/core';
import { RunLogs } from '@runcast/runlog';
import {
  alertRecord,
  createManualClock,
  createMemoryBackend,
  createMemorySink,
  createScriptedSink,
  epochRecord,
  failing,
  openRecord,
  terminal,
  type ManualClock,
} from '@runcast/testing';
import { describe, expect, test } from 'vitest';
import { createEventLog, makeRun, schedulerOn, type EventLog, type RunOnDisk } from '../test/run-on-disk.ts';
import { CursorStore } from './cursor-store.ts';
import { SinkDelivery } from './sink-delivery.ts';

const OUTCOME = { status: 'finished', final: true } as const;

interface Stage {
  readonly run: RunOnDisk;
  readonly clock: ManualClock;
  readonly log: EventLog;
  readonly logs: RunLogs;
  readonly delivery: SinkDelivery;
}

async function open(sink: Sink, run: RunOnDisk = makeRun()): Promise<Stage> {
  const stage = create(sink, run);
  await stage.delivery.open();
  return stage;
}

function create(sink: Sink, run: RunOnDisk): Stage {
  const clock = createManualClock();
  const log = createEventLog();
  const logs = new RunLogs(run.directory.logDirectory);
  logs.refresh();
  const delivery = new SinkDelivery({
    sink,
    directory: run.directory,
    logs,
    scheduler: schedulerOn(clock),
    onEvent: log.onEvent,
  });
  return { run, clock, log, logs, delivery };
}

function runWithSteps(count: number): RunOnDisk {
  const run = makeRun();
  run.steps('w1', 0, count);
  return run;
}

/** Advances until nothing is delivered any more; returns what it came to. */
async function drain(delivery: SinkDelivery): Promise<string> {
  for (;;) {
    const progress = await delivery.main.advance();
    if (progress !== 'delivered') return progress;
  }
}

/** From now on no cursor can be stored, until the file that is in the way is removed. */
function blockCursors(run: RunOnDisk): void {
  rmSync(run.directory.cursorDirectory, { recursive: true });
  writeFileSync(run.directory.cursorDirectory, 'in the way');
}

/** A sink of which each test replaces what it is about. */
function sinkWith(parts: Partial<Sink>): Sink {
  return {
    name: 'custom',
    traits: { kinds: ['step'], guarantee: 'at-least-once', locality: 'local' },
    write: () => undefined,
    flush: () => undefined,
    close: () => undefined,
    ...parts,
  };
}

test('keeps the order of a writer across batches', async () => {
  const sink = createMemorySink();
  const { delivery, run } = await open(sink, runWithSteps(12_000));
  expect(await drain(delivery)).toBe('idle');
  run.steps('w1', 12_000, 10);
  expect(await drain(delivery)).toBe('idle');
  expect(sink.records().map((record) => record.seq)).toEqual(Array.from({ length: 12_010 }, (_, index) => index));
  const writes = sink.calls.filter((call) => call.method === 'write').map(({ batch }) => batch);
  expect(writes.length).toBeGreaterThan(2);
  expect(writes.map(({ from }) => from)).toEqual([0, ...writes.slice(0, -1).map(({ to }) => to + 1)]);
});

test('is synchronous with a sink that is', async () => {
  const sink = createMemorySink();
  const { delivery } = await open(sink, runWithSteps(3));
  expect(delivery.main.advance()).toBe('delivered');
  expect(delivery.main.advance()).toBe('idle');
  expect(sink.records()).toHaveLength(3);
});

test('a writer that comes later is delivered too', async () => {
  const sink = createMemorySink();
  const { delivery, run, logs } = await open(sink, runWithSteps(1));
  await drain(delivery);
  run.steps('late', 0, 2);
  logs.refresh();
  await drain(delivery);
  expect(sink.backend.entries.map(({ writer }) => writer)).toEqual(['w1', 'late', 'late']);
});

test('hands over only the kinds that the sink represents, and counts the rest', async () => {
  const run = makeRun();
  run.append('w1', [openRecord(), epochRecord({ seq: 1 }), alertRecord({ seq: 2 })]);
  const sink = createMemorySink({ traits: { kinds: ['epoch'] } });
  const { delivery } = await open(sink, run);
  await drain(delivery);
  expect(sink.records().map(({ kind }) => kind)).toEqual(['epoch']);
  expect(sink.calls[1]).toMatchObject({ method: 'write', batch: { from: 0, to: 2 } });
  expect(delivery.health()).toMatchObject({ delivered: 1, skippedKinds: 2, lagRecords: 0, lagBytes: 0 });
});

test('hands over the steps whose number is a multiple of n, and counts the rest', async () => {
  const sink = createMemorySink({ logEveryNSteps: 10 });
  const { delivery } = await open(sink, runWithSteps(35));
  await drain(delivery);
  expect(sink.records()).toMatchObject([{ n: 10 }, { n: 20 }, { n: 30 }]);
  expect(delivery.health()).toMatchObject({ delivered: 3, skippedSteps: 32 });
  expect(delivery.settlement(undefined)).toEqual({
    sink: 'memory',
    owedRecords: 0,
    skippedSteps: 32,
    deliveredSteps: 3,
    reason: undefined,
  });
});

test('each record comes with its line of the log, also where others are passed over or refused', async () => {
  const scripted = createScriptedSink({ refuse: ({ seq }) => (seq === 3 ? 'not wanted' : undefined) });
  const run = makeRun();
  const records = run.steps('w1', 0, 8);
  const { delivery } = await open({ ...scripted, logEveryNSteps: 2 }, run);
  await drain(delivery);
  const expected = (...seqs: readonly number[]): unknown => seqs.map((seq) => JSON.stringify(records[seq]));
  expect(scripted.attempts.map((batch) => linesOf(batch))).toEqual([expected(1, 3, 5, 7), expected(1, 5, 7)]);
});

test('a batch of which the sink takes nothing is not handed over', async () => {
  const sink = createMemorySink({ logEveryNSteps: 100 });
  const { delivery, run } = await open(sink, runWithSteps(9));
  expect(delivery.main.advance()).toBe('delivered');
  expect(sink.calls.map(({ method }) => method)).toEqual(['open']);
  expect(await delivery.flush()).toBeUndefined();
  expect(run.cursor('memory')).toMatchObject({ delivered: { w1: { seq: 8 } } });
});

test('the cursor with the intent is stored before the call', async () => {
  const run = runWithSteps(3);
  const stored: unknown[] = [];
  const sink = sinkWith({ write: () => void stored.push(run.cursor('custom')) });
  const { delivery } = await open(sink, run);
  await drain(delivery);
  run.steps('w1', 3, 2);
  await drain(delivery);
  expect(stored).toMatchObject([
    { delivered: {}, intent: { writer: 'w1', next: { seq: 2 } } },
    { delivered: { w1: { seq: 2 } }, intent: { writer: 'w1', next: { seq: 4 } } },
  ]);
});

test('the cursor of a sink that is cut back to it is stored from time to time, and with the last record', async () => {
  const { delivery, run, clock } = await open(createMemorySink(), runWithSteps(3));
  const after = async (elapsedMs: number, from: number): Promise<unknown> => {
    await clock.advance(elapsedMs);
    run.steps('w1', from, 1);
    await delivery.main.advance();
    return run.cursor('memory');
  };
  await delivery.main.advance();
  expect(await after(199, 3)).toMatchObject({ delivered: {}, intent: { next: { seq: 2 } } });
  expect(await after(1, 4)).toMatchObject({ delivered: { w1: { seq: 3 } }, intent: { next: { seq: 4 } } });
  expect(await after(199, 5)).toMatchObject({ delivered: { w1: { seq: 3 } } });
  expect(await delivery.main.advance()).toBe('idle');
  expect(run.cursor('memory')).toMatchObject({ delivered: { w1: { seq: 3 } } });
  await clock.advance(1);
  expect(await delivery.main.advance()).toBe('idle');
  expect(run.cursor('memory')).toMatchObject({ delivered: { w1: { seq: 5 } } });
});

test('after a crash between write and cursor the identical batch comes again, although the log has grown', async () => {
  const run = runWithSteps(3);
  const backend = createMemoryBackend();
  const first = createMemorySink({ backend });
  const crashed = await open(first, run);
  await crashed.delivery.main.advance();
  run.steps('w1', 3, 4);
  const second = createMemorySink({ backend });
  const { delivery } = await open(second, run);
  await drain(delivery);
  const batchesOf = (sink: typeof first): readonly RecordBatch[] =>
    sink.calls.filter((call) => call.method === 'write').map(({ batch }) => batch);
  expect(batchesOf(second)[0]).toEqual(batchesOf(first)[0]);
  expect(batchesOf(second)[1]).toMatchObject({ from: 3, to: 6 });
  expect(backend.entries.map(({ record }) => record.seq)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test('an intent whose log is gone is passed over', async () => {
  const run = runWithSteps(3);
  const backend = createMemoryBackend();
  const crashed = await open(createMemorySink({ backend }), run);
  await crashed.delivery.main.advance();
  rmSync(join(run.directory.logDirectory, 'w1.jsonl'));
  run.steps('w2', 0, 1);
  const { delivery } = await open(createMemorySink({ backend }), run);
  await drain(delivery);
  expect(backend.entries.map(({ writer }) => writer)).toEqual(['w2']);
  expect(delivery.health()).toMatchObject({ lagRecords: 0 });
});

test('an intent whose records the disk has lost is passed over', async () => {
  const run = runWithSteps(3);
  const backend = createMemoryBackend();
  const crashed = await open(createMemorySink({ backend }), run);
  await crashed.delivery.main.advance();
  writeFileSync(join(run.directory.logDirectory, 'w1.jsonl'), '');
  const { delivery } = await open(createMemorySink({ backend }), run);
  expect(await drain(delivery)).toBe('idle');
  expect(backend.entries).toEqual([]);
});

test('a sink is opened where its cursor stands', async () => {
  const run = runWithSteps(3);
  const backend = createMemoryBackend();
  const first = await open(createMemorySink({ backend }), run);
  await drain(first.delivery);
  await first.delivery.close(OUTCOME);
  const second = createMemorySink({ backend });
  const { delivery } = await open(second, run);
  expect(second.calls).toMatchObject([
    {
      method: 'open',
      context: {
        runId: 'run-1',
        runDirectory: run.directory.path,
        position: { entries: 3 },
        uploadPosition: undefined,
        signal: { aborted: false },
      },
    },
  ]);
  expect(await drain(delivery)).toBe('idle');
  expect(delivery.hasDelivered(new Map([['w1', 2]]))).toBe(true);
});

test('offsets that do not fit the log any more are found again by seq', async () => {
  const run = runWithSteps(5);
  new CursorStore(run.directory, 'memory').write({
    delivered: new Map([
      ['w1', { seq: 1, offset: 3 }],
      ['gone', { seq: 7, offset: 1000 }],
    ]),
    position: undefined,
    intent: undefined,
  });
  const sink = createMemorySink();
  const { delivery } = await open(sink, run);
  await drain(delivery);
  expect(sink.records().map(({ seq }) => seq)).toEqual([2, 3, 4]);
  await delivery.flush();
  expect(run.cursor('memory')).toMatchObject({ delivered: { gone: { seq: 7, offset: 1000 } } });
});

test('a lost position restarts the run from its start, and says so', async () => {
  const run = runWithSteps(4);
  const backend = createMemoryBackend();
  const first = await open(createMemorySink({ backend }), run);
  await drain(first.delivery);
  await first.delivery.close(OUTCOME);
  backend.cut(1);
  const positions: unknown[] = [];
  const memory = createMemorySink({ backend });
  const second: Sink = {
    ...memory,
    open: (context: SinkContext) => {
      positions.push(context.position);
      if (context.position !== undefined) throw new PositionLostError('the file was cut');
      memory.open(context);
    },
  };
  const { delivery, log } = await open(second, run);
  await drain(delivery);
  expect(positions).toEqual([{ entries: 4 }, undefined]);
  expect(memory.records().map(({ seq }) => seq)).toEqual([0, 1, 2, 3]);
  expect(log.events).toEqual([
    {
      type: 'sinkError',
      sink: 'memory',
      error: { message: 'the file was cut', code: 'RUNCAST_POSITION_LOST' },
      terminal: false,
    },
  ]);
});

test('what a sink throws when opening is thrown on', async () => {
  const sink = sinkWith({ open: () => Promise.reject(new Error('no such directory')) });
  const { delivery } = create(sink, makeRun());
  await expect(delivery.open()).rejects.toThrow('no such directory');
  expect(delivery.state).toBe('starting');
});

test('closing a sink that could not be opened keeps its stored cursor', async () => {
  const run = runWithSteps(4);
  const first = await open(createMemorySink(), run);
  await drain(first.delivery);
  await first.delivery.close(OUTCOME);
  const before = run.cursor('memory');
  const sink = createMemorySink();
  const { delivery } = create({ ...sink, open: () => Promise.reject(new Error('not now')) }, run);
  await expect(delivery.open()).rejects.toThrow('not now');
  new CursorStore(run.directory, 'memory').write({ delivered: new Map(), position: 'other', intent: undefined });
  expect(await delivery.close(OUTCOME)).toBeUndefined();
  expect(run.cursor('memory')).toEqual({ v: 1, delivered: {}, position: 'other' });
  expect(before).toMatchObject({ position: { entries: 4 } });
});

test('a failing sink is asked again after a jittered, growing delay, and its recovery is told', async () => {
  const sink = createScriptedSink({ answers: failing(2) });
  const { delivery, clock, log } = await open(sink, runWithSteps(2));
  expect(delivery.main.advance()).toBe('waiting');
  expect(delivery.main.retryAtMs).toBe(clock.now() + 375);
  expect(delivery.health()).toMatchObject({ state: 'retrying', retries: 1, lagRecords: 2 });
  await clock.advance(374);
  expect(delivery.main.advance()).toBe('waiting');
  expect(sink.attempts).toHaveLength(1);
  await clock.advance(1);
  expect(delivery.main.advance()).toBe('waiting');
  expect(delivery.main.retryAtMs).toBe(clock.now() + 750);
  await clock.advance(750);
  expect(delivery.main.advance()).toBe('delivered');
  const error = { message: 'the backend is down', code: 'RUNCAST_SINK_RETRYABLE' };
  expect(log.events).toEqual([
    { type: 'sinkError', sink: 'scripted', error, terminal: false },
    { type: 'retry', sink: 'scripted', attempt: 1, delayMs: 375, error },
    { type: 'retry', sink: 'scripted', attempt: 2, delayMs: 750, error },
    { type: 'recovered', sink: 'scripted', attempts: 2 },
  ]);
  expect(sink.attempts).toEqual([sink.attempts[0], sink.attempts[0], sink.attempts[0]]);
  expect(delivery.health()).toMatchObject({ state: 'delivering', delivered: 2, retries: 2, lastError: error });
});

test('a backend that asks to be left alone is left alone that long', async () => {
  const sink = createScriptedSink({ answers: failing(1, 'too many requests', 45_000) });
  const { delivery, clock } = await open(sink, runWithSteps(1));
  await delivery.main.advance();
  expect(delivery.main.retryAtMs).toBe(clock.now() + 45_000);
  delivery.retryNow();
  expect(delivery.main.advance()).toBe('waiting');
  await clock.advance(44_999);
  expect(delivery.main.advance()).toBe('waiting');
  await clock.advance(1);
  expect(delivery.main.advance()).toBe('delivered');
});

test('a rejection counts as a failure', async () => {
  let calls = 0;
  const sink = sinkWith({
    write: async () => {
      calls += 1;
      if (calls === 1) throw new RetryableSinkError('reset', { retryAfterMs: 10 });
    },
  });
  const { delivery, clock } = await open(sink, runWithSteps(1));
  expect(await delivery.main.advance()).toBe('waiting');
  await clock.advance(1000);
  expect(await delivery.main.advance()).toBe('delivered');
});

test('a sink whose position throws is asked again and rejects nothing', async () => {
  let isBroken = true;
  const sink = sinkWith({
    write: () => Promise.resolve(),
    position: () => {
      if (isBroken) throw new Error('no position');
      return 7;
    },
  });
  const { delivery } = await open(sink, runWithSteps(1));
  expect(await delivery.main.advance()).toBe('waiting');
  isBroken = false;
  delivery.retryNow();
  expect(await delivery.main.advance()).toBe('delivered');
});

test('a terminal error stops the sink for good', async () => {
  const sink = createScriptedSink({ answers: [terminal()] });
  const { delivery, log, clock } = await open(sink, runWithSteps(1));
  expect(delivery.main.advance()).toBe('stopped');
  await clock.advance(3_600_000);
  expect(delivery.main.advance()).toBe('stopped');
  expect(sink.attempts).toHaveLength(1);
  expect(log.events).toEqual([
    {
      type: 'sinkError',
      sink: 'scripted',
      error: { message: 'the key is not known', code: 'RUNCAST_SINK_TERMINAL' },
      terminal: true,
    },
  ]);
  expect(delivery.health()).toMatchObject({ state: 'stopped', lagRecords: 1 });
});

test('refused records go to the dead letters with their reason, and the rest goes on', async () => {
  const sink = createScriptedSink({
    refuse: (record) => (record.seq === 1 || record.seq === 3 ? `seq ${record.seq} is not wanted` : undefined),
  });
  const { delivery, run, log } = await open(sink, runWithSteps(5));
  await drain(delivery);
  expect(sink.memory.records().map(({ seq }) => seq)).toEqual([0, 2, 4]);
  const letters = run.deadLetters('scripted');
  expect(letters).toMatchObject([
    { writer: 'w1', seq: 1, reason: 'seq 1 is not wanted' },
    { writer: 'w1', seq: 3, reason: 'seq 3 is not wanted' },
  ]);
  expect(JSON.stringify(letters[0])).toContain('train/loss');
  expect(delivery.health()).toMatchObject({ delivered: 3, refused: 2, lagRecords: 0, retries: 0 });
  expect(log.ofType('sinkError')).toEqual([
    {
      type: 'sinkError',
      sink: 'scripted',
      error: {
        message: '2 records set aside in dead-letters/scripted.jsonl, the first because: seq 1 is not wanted',
        code: 'RUNCAST_RECORDS_REFUSED',
      },
      terminal: false,
    },
  ]);
});

test('a batch that is refused whole is passed over', async () => {
  const sink = createScriptedSink({ refuse: () => 'nothing is wanted' });
  const { delivery } = await open(sink, runWithSteps(2));
  await drain(delivery);
  expect(sink.attempts).toHaveLength(1);
  expect(delivery.hasDelivered(new Map([['w1', 1]]))).toBe(true);
});

test('a refusal of records that are not in the batch is a failure to be repeated', async () => {
  const sink = sinkWith({
    write: () => {
      throw new RecordsRefusedError([{ seq: 99, reason: 'unknown' }]);
    },
  });
  const { delivery } = await open(sink, runWithSteps(1));
  expect(delivery.main.advance()).toBe('waiting');
  expect(delivery.health()).toMatchObject({ state: 'retrying', refused: 0 });
});

test('without room for a dead letter no record is given up', async () => {
  const sink = createScriptedSink({ refuse: (record) => (record.seq === 0 ? 'not wanted' : undefined) });
  const { delivery, run } = await open(sink, runWithSteps(2));
  writeFileSync(run.directory.deadLetterDirectory, 'in the way');
  expect(delivery.main.advance()).toBe('waiting');
  expect(delivery.health()).toMatchObject({ state: 'retrying', refused: 0, lastError: { code: 'EEXIST' } });
  rmSync(run.directory.deadLetterDirectory);
  delivery.retryNow();
  await drain(delivery);
  expect(run.deadLetters('scripted')).toMatchObject([{ seq: 0 }]);
  expect(sink.memory.records().map(({ seq }) => seq)).toEqual([1]);
});

test('corrupt lines are set aside and the rest goes on', async () => {
  const run = runWithSteps(2);
  run.appendText('w1', 'torn by a crash\n');
  run.steps('w1', 2, 1);
  run.appendText('w1', '\0\0\0\0\n');
  const sink = createMemorySink();
  const { delivery, log } = await open(sink, run);
  await drain(delivery);
  expect(sink.records().map(({ seq }) => seq)).toEqual([0, 1, 2]);
  const letters = run.deadLetters('memory').map((letter) => JSON.stringify(letter));
  expect(letters[0]).toMatch(/"writer":"w1".*the line at byte \d+ of the log is not JSON/u);
  expect(letters[1]).toMatch(/holds NUL bytes/u);
  expect(letters).toHaveLength(2);
  expect(delivery.health()).toMatchObject({ refused: 2, lagBytes: 0 });
  expect(log.ofType('sinkError')).toHaveLength(1);
});

test('without room for the dead letter of a corrupt line the log is not read past it', async () => {
  const run = makeRun();
  run.appendText('w1', 'torn by a crash\n');
  const { delivery } = await open(createMemorySink(), run);
  writeFileSync(run.directory.deadLetterDirectory, 'in the way');
  expect(delivery.main.advance()).toBe('waiting');
  expect(delivery.trouble).toMatch(/EEXIST/u);
  rmSync(run.directory.deadLetterDirectory);
  delivery.retryNow();
  expect(await drain(delivery)).toBe('idle');
  expect(run.deadLetters('memory')).toHaveLength(1);
  expect(delivery.trouble).toBeUndefined();
});

test('a last line that is not whole stays until it is', async () => {
  const run = runWithSteps(1);
  const sink = createMemorySink();
  const { delivery } = await open(sink, run);
  await drain(delivery);
  const line = JSON.stringify(epochRecord({ seq: 1 }));
  run.appendText('w1', line.slice(0, 20));
  expect(delivery.main.advance()).toBe('idle');
  expect(delivery.health()).toMatchObject({ lagBytes: 20, lagRecords: 0 });
  run.appendText('w1', `${line.slice(20)}\n`);
  await drain(delivery);
  expect(sink.records()).toHaveLength(2);
});

test('a sink whose backend has lost its position in the middle stops, and starts afresh when opened again', async () => {
  const run = runWithSteps(2);
  const lost = sinkWith({
    write: () => {
      throw new PositionLostError('the file is gone');
    },
  });
  const { delivery, log } = await open(lost, run);
  expect(delivery.main.advance()).toBe('stopped');
  expect(log.events).toMatchObject([{ type: 'sinkError', terminal: true, error: { message: 'the file is gone' } }]);
});

describe('a backend that has lost some of what it had, and says what it still has', () => {
  /** Holds what it was given until it is cut; as a server that comes back from its last snapshot. */
  function createLossySink(): Sink & {
    readonly seqs: (writer: string) => readonly number[];
    cut(writer: string): void;
  } {
    const held = new Map<string, readonly number[]>();
    let lost = false;
    const check = (): void => {
      if (!lost) return;
      lost = false;
      const last = [...held].map(([writer, seqs]): [string, number] => [writer, seqs.at(-1) ?? -1]);
      throw new PositionLostError('the server came back without its last records', { held: new Map(last) });
    };
    const sink = sinkWith({
      write: ({ writer, records }) => {
        check();
        held.set(writer, [...(held.get(writer) ?? []), ...records.map(({ seq }) => seq)]);
      },
      flush: check,
      position: () => Object.fromEntries([...held].map(([writer, seqs]) => [writer, seqs.length])),
    });
    return {
      ...sink,
      seqs: (writer) => held.get(writer) ?? [],
      cut: (writer) => {
        held.set(writer, (held.get(writer) ?? []).slice(0, 2));
        lost = true;
      },
    };
  }

  const seqsTo = (count: number): readonly number[] => Array.from({ length: count }, (_, seq) => seq);

  test('is sent again what came after it, by the same sink', async () => {
    const sink = createLossySink();
    const { delivery, run, log, clock, logs } = await open(sink, runWithSteps(5));
    run.steps('w2', 0, 4);
    logs.refresh();
    await drain(delivery);
    sink.cut('w1');
    run.steps('w2', 4, 1);
    expect(delivery.main.advance()).toBe('waiting');
    expect(log.events).toMatchObject([
      { type: 'sinkError', terminal: false },
      { type: 'retry', attempt: 1 },
    ]);
    await clock.advance(1000);
    expect(await drain(delivery)).toBe('idle');
    expect(sink.seqs('w1')).toEqual(seqsTo(5));
    expect(sink.seqs('w2')).toEqual(seqsTo(5));
    await clock.advance(200);
    expect(await drain(delivery)).toBe('idle');
    expect(run.cursor('custom')).toMatchObject({ delivered: { w1: { seq: 4 } }, position: { w1: 5, w2: 5 } });
  });

  test('has not delivered what a flush finds to be lost', async () => {
    const sink = createLossySink();
    const { delivery } = await open(sink, runWithSteps(5));
    await drain(delivery);
    const target = new Map([['w1', 4]]);
    expect(delivery.hasDelivered(target)).toBe(true);
    sink.cut('w1');
    expect(await delivery.flush()).toContain('came back without');
    expect(delivery.hasDelivered(target)).toBe(false);
    await drain(delivery);
    expect(delivery.hasDelivered(target)).toBe(true);
    expect(sink.seqs('w1')).toEqual(seqsTo(5));
  });

  test('has what it says nothing of', async () => {
    const writes: string[] = [];
    const sink = sinkWith({
      write: ({ writer, from, to }) => {
        writes.push(`${writer} ${from}-${to}`);
        if (writes.length === 3) throw new PositionLostError('one is gone', { held: new Map([['w1', -1]]) });
      },
    });
    const { delivery, run, log, clock, logs } = await open(sink, runWithSteps(2));
    run.steps('w2', 0, 2);
    logs.refresh();
    await drain(delivery);
    run.steps('w1', 2, 1);
    expect(delivery.main.advance()).toBe('waiting');
    expect(log.events).toHaveLength(2);
    await clock.advance(1000);
    await drain(delivery);
    expect(writes).toEqual(['w1 0-1', 'w2 0-1', 'w1 2-2', 'w1 0-2']);
  });

  test('need not have a position', async () => {
    const writes: (readonly number[])[] = [];
    const sink = sinkWith({
      write: ({ records }) => {
        writes.push(records.map(({ seq }) => seq));
        if (writes.length === 2) throw new PositionLostError('all is gone', { held: new Map([['w1', -1]]) });
      },
    });
    const { delivery, run, clock } = await open(sink, runWithSteps(2));
    await drain(delivery);
    run.steps('w1', 2, 1);
    expect(delivery.main.advance()).toBe('waiting');
    await clock.advance(1000);
    await drain(delivery);
    expect(writes).toEqual([[0, 1], [2], [0, 1, 2]]);
    expect(run.cursor('custom')).not.toHaveProperty('position');
  });
});

test('a disk that takes no cursor delays the batch, and nothing is delivered without its intent', async () => {
  const sink = createMemorySink();
  const { delivery, run, clock } = await open(sink, runWithSteps(1));
  blockCursors(run);
  expect(delivery.main.advance()).toBe('waiting');
  expect(sink.records()).toEqual([]);
  expect(delivery.health()).toMatchObject({ state: 'retrying', lastError: { code: 'ENOTDIR' } });
  rmSync(run.directory.cursorDirectory);
  await clock.advance(1000);
  expect(delivery.main.advance()).toBe('delivered');
});

test('flush makes the sink durable and then stores the cursor', async () => {
  const run = runWithSteps(2);
  const order: string[] = [];
  const sink = sinkWith({
    flush: () => {
      order.push(JSON.stringify(run.cursor('custom')['delivered']));
    },
  });
  const { delivery } = await open(sink, run);
  await delivery.main.advance();
  expect(await delivery.flush()).toBeUndefined();
  expect(order).toEqual(['{}']);
  expect(run.cursor('custom')).toMatchObject({ delivered: { w1: { seq: 1 } } });
  expect(run.cursor('custom')).not.toHaveProperty('intent');
});

test('a sink that has nothing to do has its cursor stored, for others to read', async () => {
  const { delivery, run, clock } = await open(createMemorySink(), runWithSteps(3));
  expect(delivery.main.advance()).toBe('delivered');
  expect(run.cursor('memory')).toMatchObject({ delivered: {}, intent: { next: { seq: 2 } } });
  await clock.advance(200);
  expect(delivery.main.advance()).toBe('idle');
  expect(run.cursor('memory')).toMatchObject({ delivered: { w1: { seq: 2 } }, position: { entries: 3 } });
  expect(run.cursor('memory')).not.toHaveProperty('intent');
});

test('a cursor that cannot be stored for want of records is stored later, and both are told', async () => {
  const { delivery, run, clock, log } = await open(createMemorySink(), runWithSteps(3));
  await delivery.main.advance();
  blockCursors(run);
  await clock.advance(200);
  expect(delivery.main.advance()).toBe('waiting');
  rmSync(run.directory.cursorDirectory);
  await clock.advance(1000);
  expect(delivery.main.advance()).toBe('idle');
  expect(run.cursor('memory')).toMatchObject({ delivered: { w1: { seq: 2 } } });
  expect(delivery.state).toBe('delivering');
  expect(log.events.map(({ type }) => type)).toEqual(['sinkError', 'retry', 'recovered']);
});

test('a cursor stored while a batch waits for its repetition keeps the intent', async () => {
  const sink = createScriptedSink({ answers: failing(1) });
  const { delivery, run } = await open(sink, runWithSteps(2));
  await delivery.main.advance();
  await delivery.flush();
  expect(run.cursor('scripted')).toMatchObject({ delivered: {}, intent: { writer: 'w1', next: { seq: 1 } } });
});

test('flush says why it failed', async () => {
  const thrown = await open(
    sinkWith({
      flush: () => {
        throw new Error('the disk is full');
      },
    }),
  );
  expect(await thrown.delivery.flush()).toBe('the disk is full');
  const rejected = await open(sinkWith({ flush: () => Promise.reject(new Error('the backend is down')) }));
  expect(await rejected.delivery.flush()).toBe('the backend is down');
  expect(rejected.delivery.health()).toMatchObject({ state: 'delivering', lastError: { code: 'UNKNOWN' } });
});

test('a terminal error of a flush stops the sink', async () => {
  const { delivery, log } = await open(sinkWith({ flush: () => Promise.reject(new TerminalSinkError('revoked')) }));
  expect(await delivery.flush()).toBe('revoked');
  expect(delivery.main.advance()).toBe('stopped');
  expect(await delivery.flush()).toBe('revoked');
  expect(log.events).toEqual([
    { type: 'sinkError', sink: 'custom', error: { message: 'revoked', code: 'RUNCAST_SINK_TERMINAL' }, terminal: true },
  ]);
});

test('a flush of an asynchronous sink stores the cursor when it is over', async () => {
  const flushing = Promise.withResolvers<void>();
  const run = runWithSteps(1);
  const { delivery } = await open(sinkWith({ flush: () => flushing.promise }), run);
  await delivery.main.advance();
  const flushed = delivery.flush();
  expect(run.cursor('custom')).toMatchObject({ delivered: {} });
  flushing.resolve();
  expect(await flushed).toBeUndefined();
  expect(run.cursor('custom')).toMatchObject({ delivered: { w1: { seq: 0 } } });
});

test('calls of a sink never overlap', async () => {
  const running: string[] = [];
  const overlaps: string[] = [];
  const call = async (name: string): Promise<void> => {
    if (running.length > 0) overlaps.push(`${name} during ${running.join()}`);
    running.push(name);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    running.pop();
  };
  const sink = sinkWith({
    write: () => call('write'),
    flush: () => call('flush'),
    tick: () => call('tick'),
    close: () => call('close'),
  });
  const { delivery } = await open(sink, runWithSteps(1));
  const advancing = delivery.main.advance();
  expect(delivery.main.advance()).toBeInstanceOf(Promise);
  await Promise.all([
    advancing,
    delivery.main.advance(),
    delivery.flush(),
    delivery.tick(),
    delivery.flush(),
    delivery.close(OUTCOME),
    delivery.flush(),
    delivery.tick(),
  ]);
  expect(overlaps).toEqual([]);
});

test('no call follows a close, however it was queued', async () => {
  const memory = createScriptedSink({ answers: ['hang'] });
  const { delivery } = await open(memory, runWithSteps(1));
  const advancing = delivery.main.advance();
  await memory.hanging();
  const closing = delivery.close(OUTCOME);
  const flushing = delivery.flush();
  const ticking = delivery.tick();
  memory.release();
  expect(await advancing).toBe('delivered');
  expect(await closing).toBeUndefined();
  expect(await flushing).toBe('the sink is closed');
  await ticking;
  expect(memory.memory.calls.map(({ method }) => method)).toEqual(['open', 'write', 'close']);
  expect(delivery.main.advance()).toBe('stopped');
  expect(await delivery.close(OUTCOME)).toBe('the sink is closed');
});

test('a sink that is busy or in trouble gets no heartbeat, an idle one does', async () => {
  const sink = createScriptedSink({ answers: ['hang', ...failing(1)] });
  const { delivery, run, clock } = await open(sink, runWithSteps(1));
  await delivery.tick();
  void delivery.main.advance();
  await delivery.tick();
  sink.release();
  await delivery.flush();
  run.steps('w1', 1, 1);
  await delivery.main.advance();
  await delivery.tick();
  expect(sink.memory.calls.filter(({ method }) => method === 'tick')).toEqual([{ method: 'tick', now: clock.now() }]);
});

test('a heartbeat that fails is told, one that ends the sink is told once', async () => {
  let error: Error = new Error('no answer');
  const { delivery, log } = await open(sinkWith({ tick: () => Promise.reject(error) }));
  await delivery.tick();
  error = new TerminalSinkError('revoked');
  await delivery.tick();
  await delivery.tick();
  expect(log.events).toMatchObject([
    { type: 'sinkError', error: { message: 'no answer' }, terminal: false },
    { type: 'sinkError', error: { message: 'revoked' }, terminal: true },
  ]);
});

test('a sink without a heartbeat is left in peace', async () => {
  const { delivery, log } = await open(sinkWith({}));
  await delivery.tick();
  expect(log.events).toEqual([]);
});

test('a sink is closed although its cursor cannot be stored, and both failures are told', async () => {
  const sink = createMemorySink();
  const { delivery, run } = await open(sink, runWithSteps(1));
  blockCursors(run);
  expect(await delivery.close(OUTCOME)).toMatch(/ENOTDIR/u);
  expect(sink.calls.at(-1)).toEqual({ method: 'close', outcome: OUTCOME });
  expect(delivery.state).toBe('closed');
  const failing_ = await open(sinkWith({ close: () => Promise.reject(new TerminalSinkError('never finished')) }));
  expect(await failing_.delivery.close(OUTCOME)).toBe('never finished');
  expect(failing_.delivery.state).toBe('closed');
});

test('endNow completes a synchronous sink within the call', async () => {
  const sink = createMemorySink();
  const { delivery, run } = await open(sink, runWithSteps(10_000));
  delivery.endNow(OUTCOME);
  expect(sink.records()).toHaveLength(10_000);
  expect(sink.calls.slice(-2)).toEqual([{ method: 'flush' }, { method: 'close', outcome: OUTCOME }]);
  expect(run.cursor('memory')).toMatchObject({ delivered: { w1: { seq: 9999 } }, position: { entries: 10_000 } });
  expect(delivery.state).toBe('closed');
  delivery.endNow(OUTCOME);
  expect(sink.calls.filter(({ method }) => method === 'close')).toHaveLength(1);
});

test('endNow completes a synchronous sink in the middle of its flush and close', async () => {
  const sink = createMemorySink();
  const { delivery, run } = await open(sink, runWithSteps(1));
  await delivery.main.advance();
  void delivery.flush();
  run.steps('w1', 1, 1);
  delivery.endNow(OUTCOME);
  expect(sink.records()).toHaveLength(2);
  expect(sink.calls.at(-1)).toEqual({ method: 'close', outcome: OUTCOME });
});

test('endNow tries a failing sink once more, and closes it all the same', async () => {
  const sink = createScriptedSink({ answers: failing(2) });
  const { delivery, run } = await open(sink, runWithSteps(1));
  await delivery.main.advance();
  delivery.endNow(OUTCOME);
  expect(sink.attempts).toHaveLength(2);
  expect(sink.memory.calls.at(-1)).toEqual({ method: 'close', outcome: OUTCOME });
  expect(run.cursor('scripted')).toMatchObject({ intent: { writer: 'w1' } });
});

test('endNow leaves alone what an asynchronous sink has not finished', async () => {
  const sink = createScriptedSink({ answers: ['accept', 'hang'] });
  const { delivery, run } = await open(sink, runWithSteps(1));
  await delivery.main.advance();
  run.steps('w1', 1, 1);
  delivery.endNow(OUTCOME);
  delivery.endNow(OUTCOME);
  expect(sink.memory.calls.map(({ method }) => method)).toEqual(['open', 'write']);
  expect(run.cursor('scripted')).toMatchObject({ delivered: {}, intent: { next: { seq: 0 } } });
});

test('says whether the sink is local', async () => {
  expect((await open(sinkWith({}))).delivery.isLocal).toBe(true);
  const traits = { kinds: ['step'], guarantee: 'at-least-once', locality: 'remote' } as const;
  expect((await open(sinkWith({ traits }))).delivery.isLocal).toBe(false);
});

test('a settlement says what is owed and why', async () => {
  const { delivery } = await open(createScriptedSink({ answers: failing(1) }), runWithSteps(3));
  await delivery.main.advance();
  expect(delivery.settlement('the backend is down')).toEqual({
    sink: 'scripted',
    owedRecords: 3,
    skippedSteps: 0,
    deliveredSteps: 0,
    reason: 'the backend is down',
  });
});

test('leaves the backend alone after a write for as long as the sink says, but not while somebody waits', async () => {
  const asked: boolean[] = [];
  const run = makeRun();
  run.steps('w1', 0, 3);
  const sink = sinkWith({
    pauseMs: (behind) => {
      asked.push(behind);
      return 1000;
    },
  });
  const { delivery, clock } = await open(sink, run);
  expect(delivery.main.advance()).toBe('delivered');
  run.steps('w1', 3, 1);
  expect(delivery.main.advance()).toBe('waiting');
  expect(delivery.main.retryAtMs).toBe(clock.now() + 1000);
  expect([delivery.hurry(), delivery.hurry()]).toEqual([true, false]);
  expect(delivery.main.advance()).toBe('delivered');
  run.steps('w1', 4, 1);
  await clock.advance(1000);
  expect(delivery.main.advance()).toBe('delivered');
  run.steps('w1', 5, 1);
  delivery.retryNow();
  expect(delivery.main.advance()).toBe('delivered');
  expect(asked).toEqual([false, false, false, false]);
});

test('has stored what was delivered while it leaves its backend alone', async () => {
  const run = makeRun();
  run.steps('w1', 0, 3);
  const { delivery } = await open(sinkWith({ pauseMs: () => 1000 }), run);
  expect(delivery.main.advance()).toBe('delivered');
  run.steps('w1', 3, 1);
  expect(delivery.main.advance()).toBe('waiting');
  expect(run.cursor('custom')).toMatchObject({ delivered: { w1: { seq: 2 } } });
  expect(run.cursor('custom')).not.toHaveProperty('intent');
});

test('says whether more is waiting than one write takes', async () => {
  const asked: boolean[] = [];
  const sink = sinkWith({
    pauseMs: (behind) => {
      asked.push(behind);
      return 0;
    },
  });
  const { delivery } = await open(sink, runWithSteps(12_000));
  expect(await drain(delivery)).toBe('idle');
  expect([asked[0], asked.at(-1)]).toEqual([true, false]);
});

test('passes on what a sink has to say', async () => {
  const sink = sinkWith({ open: ({ notify }) => notify({ type: 'runUrl', url: 'https://backend/run-1' }) });
  const { log } = await open(sink);
  expect(log.events).toEqual([
    { type: 'sinkNotice', sink: 'custom', notice: { type: 'runUrl', url: 'https://backend/run-1' } },
  ]);
});
