import { LineBytes, PositionLostError, type RecordBatch, type Sink } from '@runcast/core';
import { CursorStore, type LaneName } from '@runcast/delivery';
import { LogWriter, prepareRunDirectory, type RunDirectory } from '@runcast/runlog';
import { batchOf, closeRecord, createMemorySink, openRecord, sinkContext, stepRecord } from '@runcast/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  decodeCursor,
  encodeCursor,
  hasLogsFor,
  mirrored,
  restoreCursor,
  sharedCursor,
  type SharedCursor,
} from './mirrored-sink.ts';
import { runEnd } from './run-deliveries.ts';

const NOTHING: SharedCursor = { delivered: new Map(), position: undefined, intent: undefined };
const BATCH = batchOf('w1', [stepRecord({ seq: 0 }), stepRecord({ seq: 1 })]);
const NEXT = batchOf('w1', [stepRecord({ seq: 2 })]);

let dir = '';
let directory: RunDirectory;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'runcast-mirrored-'));
  const manifest = { v: 1, run: 'run-1', created: 0, sinks: [], settled: false } as const;
  ({ directory } = prepareRunDirectory(dir, 'run-1', 'allow', () => true, manifest));
});

afterEach(() => rmSync(dir, { recursive: true }));

function log(writer: string, records: RecordBatch['records']): void {
  const { logDirectory } = directory;
  const file = new LogWriter({ logDirectory, writer, onFailure: () => undefined, onRecovery: () => undefined });
  for (const record of records) file.append(LineBytes.of(`${JSON.stringify(record)}\n`), 0, true);
  file.close();
}

const CURSOR: SharedCursor = {
  delivered: new Map([
    ['w1', 4],
    ['w2', -1],
  ]),
  position: { length: 7 },
  intent: { writer: 'w1', to: 6 },
};

describe('a cursor as text', () => {
  it.each([NOTHING, CURSOR])('is the same afterwards', (cursor) => {
    expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor);
  });

  it.each(['', '{', '7', '{"v":2,"delivered":{}}', '{"v":1,"delivered":{"w1":"4"}}'])('%j is none', (text) => {
    expect(decodeCursor(text)).toBeUndefined();
  });
});

describe('a cursor in another directory', () => {
  it('needs the logs that it speaks of', () => {
    expect(hasLogsFor(directory, CURSOR)).toBe(false);
    log('w2', [stepRecord({ seq: 0 })]);
    log(
      'w1',
      Array.from({ length: 6 }, (_, seq) => stepRecord({ seq })),
    );
    expect(hasLogsFor(directory, CURSOR)).toBe(false);
    expect(hasLogsFor(directory, { ...CURSOR, intent: undefined })).toBe(true);
    expect(hasLogsFor(directory, { ...CURSOR, intent: { writer: 'w3', to: 0 } })).toBe(false);
  });

  it('names the same records, by the offsets there', () => {
    const records = Array.from({ length: 10 }, (_, seq) => stepRecord({ seq }));
    log('w1', records);
    restoreCursor(directory, 'shared', CURSOR);
    const stored = new CursorStore(directory, 'shared').read();
    const offset = (count: number): number =>
      records.slice(0, count).reduce((sum, record) => sum + JSON.stringify(record).length + 1, 0);
    expect(stored.delivered.get('w1')).toEqual({ seq: 4, offset: offset(5) });
    expect(stored.delivered.get('w2')).toEqual({ seq: -1, offset: 0 });
    expect(stored.intent).toEqual({ writer: 'w1', next: { seq: 6, offset: offset(7) } });
    expect(sharedCursor(directory, 'shared')).toEqual(CURSOR);
    restoreCursor(directory, 'shared', NOTHING);
    expect(sharedCursor(directory, 'shared')).toEqual(NOTHING);
  });
});

describe('a mirrored sink', () => {
  const kept: SharedCursor[] = [];
  const keptOfUploads: SharedCursor[] = [];
  const keep = async (lane: LaneName, cursor: SharedCursor): Promise<void> => {
    (lane === 'main' ? kept : keptOfUploads).push(cursor);
  };

  beforeEach(() => {
    kept.length = 0;
    keptOfUploads.length = 0;
  });

  it('keeps where it stands before each batch, with the batch, and after a flush', async () => {
    const memory = createMemorySink({ logEveryNSteps: 1 });
    const start = { ...NOTHING, delivered: new Map([['w0', 9]]) };
    const sink = mirrored(memory, { start: () => start, keep });
    await sink.open?.(sinkContext({ runId: 'run-1', runDirectory: dir }));
    await sink.write(BATCH);
    await sink.write(NEXT);
    await sink.flush();
    expect(kept).toEqual([
      { delivered: new Map([['w0', 9]]), position: { entries: 0 }, intent: { writer: 'w1', to: 1 } },
      {
        delivered: new Map([
          ['w0', 9],
          ['w1', 1],
        ]),
        position: { entries: 2 },
        intent: { writer: 'w1', to: 2 },
      },
      {
        delivered: new Map([
          ['w0', 9],
          ['w1', 2],
        ]),
        position: { entries: 3 },
        intent: undefined,
      },
    ]);
    expect(sink.position?.()).toEqual({ entries: 3 });
    await sink.tick?.(0);
    await sink.close({ status: 'finished', final: true });
    expect(sink).toMatchObject({ name: 'memory', traits: memory.traits, logEveryNSteps: 1 });
  });

  it('sends nothing where the cursor cannot be kept', async () => {
    const memory = createMemorySink();
    const sink = mirrored(memory, {
      start: () => NOTHING,
      keep: () => Promise.reject(new Error('another relay')),
    });
    await sink.open?.(sinkContext({ runId: 'run-1', runDirectory: dir }));
    await expect((async () => sink.write(BATCH))()).rejects.toThrow('another relay');
    expect(memory.records()).toEqual([]);
  });

  it('keeps the cursor of its uploads apart, and pauses as it would', async () => {
    let uploaded = 0;
    const uploading: Sink = {
      ...createMemorySink(),
      pauseMs: (behind) => (behind ? 0 : 250),
      uploads: {
        kinds: ['image'],
        write: ({ records }) => {
          uploaded += records.length;
        },
        position: () => ({ uploaded }),
      },
    };
    const sink = mirrored(uploading, { start: () => NOTHING, keep });
    await sink.open?.(sinkContext({ runId: 'run-1', runDirectory: dir }));
    await sink.uploads?.write(BATCH);
    await sink.flush();
    expect(keptOfUploads).toEqual([
      { delivered: new Map(), position: { uploaded: 0 }, intent: { writer: 'w1', to: 1 } },
      { delivered: new Map([['w1', 1]]), position: { uploaded: 2 }, intent: undefined },
    ]);
    expect(kept).toEqual([{ delivered: new Map(), position: { entries: 0 }, intent: undefined }]);
    expect([sink.uploads?.kinds, sink.uploads?.position?.()]).toEqual([['image'], { uploaded: 2 }]);
    expect([sink.pauseMs?.(true), sink.pauseMs?.(false)]).toEqual([0, 250]);
  });

  it('stands where it was after a write that failed, and goes back with a backend that has lost something', async () => {
    const errors: unknown[] = [];
    const failing: Sink = {
      name: 'failing',
      traits: { kinds: ['step'], guarantee: 'at-least-once', locality: 'remote' },
      write: async () => {
        const [error] = errors.splice(0, 1);
        if (error instanceof Error) throw error;
      },
      flush: () => undefined,
      close: () => undefined,
    };
    const sink = mirrored(failing, { start: () => NOTHING, keep });
    expect(Object.keys(sink)).toEqual(['name', 'traits', 'open', 'write', 'flush', 'close']);
    await sink.open?.(sinkContext({ runId: 'run-1', runDirectory: dir }));
    await sink.write(BATCH);
    const held = new Map([['w1', 0]]);
    errors.push(new Error('slow'), new PositionLostError('lost'), new PositionLostError('lost', { held }));
    for (let failures = 0; failures < 3; failures += 1)
      await expect((async () => sink.write(NEXT))()).rejects.toThrow(/slow|lost/u);
    await sink.write(NEXT);
    expect(kept.map(({ delivered }) => delivered.get('w1'))).toEqual([undefined, 1, 1, 1, 0]);
  });
});

describe('the end of a run', () => {
  const at = (seq: number, time: number): { readonly seq: number; readonly time: number } => ({ seq, time });

  it('is what its owner says last, whatever its members do', () => {
    expect(runEnd(directory)).toBeUndefined();
    log('w1', [openRecord(at(0, 10)), closeRecord({ ...at(1, 20), status: 'failed' })]);
    log('w2', [openRecord(at(0, 11)), closeRecord({ ...at(1, 30), final: false })]);
    expect(runEnd(directory)).toBe('failed');
    log('w3', [openRecord(at(0, 12)), stepRecord(at(1, 15))]);
    expect(runEnd(directory)).toBe('failed');
  });

  it('is not there while it is taken up again', () => {
    log('w1', [openRecord(at(0, 10)), closeRecord(at(1, 20))]);
    log('w2', [openRecord(at(0, 40))]);
    expect(runEnd(directory)).toBeUndefined();
  });
});
