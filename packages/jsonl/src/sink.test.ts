import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, PositionLostError, RECORD_KINDS, type Sink } from '@runcast/core';
import { batchOf, createFaultFileSystem, sinkContext, stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonlSink } from './index.ts';
import { createJsonlSink, createSink } from './sink.ts';

let place = '';
let dir = '';
const opened: Sink[] = [];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'runcast-jsonl-'));
  dir = join(place, 'rows');
});

afterEach(async () => {
  for (const sink of opened.splice(0)) await sink.close({ status: 'finished', final: true });
  rmSync(place, { recursive: true });
});

function open(sink: Sink, position?: { readonly length: number }): Sink {
  opened.push(sink);
  void sink.open?.(sinkContext({ runId: 'run-1', runDirectory: place, position }));
  return sink;
}

function step(seq: number): ReturnType<typeof batchOf> {
  return batchOf('w1', [stepRecord({ seq, n: seq + 1, step: seq, metrics: { 'train/loss': seq } })]);
}

function rows(): readonly string[] {
  return readFileSync(join(dir, 'run-1.jsonl'), 'utf8').split('\n').slice(0, -1);
}

describe('the file', () => {
  it('is <dir>/<run id>.jsonl, with a row a record, there when write returns', () => {
    const sink = open(createSink({ dir }));
    void sink.write(batchOf('w1', [stepRecord(), stepRecord({ seq: 1 })]));
    expect(readdirSync(dir)).toEqual(['run-1.jsonl']);
    expect(rows()).toHaveLength(2);
  });

  it('exists as soon as the sink is open, and never before', () => {
    const sink = createSink({ dir });
    expect(readdirSync(place)).toEqual([]);
    open(sink);
    expect(rows()).toEqual([]);
  });

  it('is cut to nothing for a sink without a position', () => {
    mkdirSync(dir);
    writeFileSync(join(dir, 'run-1.jsonl'), 'rows of an attempt that nobody remembers\n');
    open(createSink({ dir }));
    expect(rows()).toEqual([]);
  });

  it('is cut to the position, so that what comes again lands where it was', () => {
    const first = open(createSink({ dir }));
    void first.write(step(0));
    const length = Number(JSON.stringify(first.position?.()).replace(/\D/gu, ''));
    void first.write(step(1));
    const whole = rows();
    const second = open(createSink({ dir }), { length });
    expect(rows()).toEqual(whole.slice(0, 1));
    void second.write(step(1));
    void second.flush();
    expect(rows()).toEqual(whole);
  });

  it('holds nothing of a batch that failed', () => {
    const fileSystem = createFaultFileSystem();
    const sink = open(createJsonlSink({ dir }, fileSystem));
    void sink.write(step(0));
    const before = sink.position?.();
    fileSystem.inject({ call: 'writeSync', takes: 7 }, { call: 'writeSync', code: 'ENOSPC' });
    expect(() => sink.write(step(1))).toThrow('ENOSPC');
    expect(sink.position?.()).toEqual(before);
    expect(rows()).toHaveLength(1);
    void sink.write(step(1));
    expect(rows()).toHaveLength(2);
  });

  it('is synced by flush, whose failure is told', () => {
    const sink = open(createJsonlSink({ dir }, createFaultFileSystem({ call: 'fsyncSync', code: 'EIO' })));
    expect(() => sink.flush()).toThrow('EIO');
  });
});

describe('a lost position', () => {
  it.each([
    ['the file is gone', () => rmSync(join(dir, 'run-1.jsonl')), { length: 5 }, 'is gone'],
    [
      'the file is shorter',
      () => truncateSync(join(dir, 'run-1.jsonl'), 4),
      { length: 5 },
      '4 bytes where 5 were expected',
    ],
    ['the position is none', () => undefined, { length: -1 }, 'is no position'],
  ])('is told where %s', (_case, lose, position, message) => {
    void open(createSink({ dir })).write(step(0));
    lose();
    const reopen = (): Sink => open(createSink({ dir }), position);
    expect(reopen).toThrow(PositionLostError);
    expect(reopen).toThrow(message);
  });
});

describe('a directory that cannot be used', () => {
  it('is told by the name of the variable', () => {
    writeFileSync(dir, 'not a directory');
    const reopen = (): Sink => open(createSink({ dir }));
    expect(reopen).toThrow(ConfigError);
    expect(reopen).toThrow(/JSONL__DIR: ".*rows" cannot hold the rows: EEXIST/u);
  });

  it('is told where the file cannot be made or opened again', () => {
    expect(() => open(createJsonlSink({ dir }, createFaultFileSystem({ call: 'openSync', code: 'EACCES' })))).toThrow(
      /JSONL__DIR.*EACCES/u,
    );
    expect(() =>
      open(createJsonlSink({ dir }, createFaultFileSystem({ call: 'openSync', code: 'EROFS' })), { length: 0 }),
    ).toThrow(/JSONL__DIR.*EROFS/u);
  });
});

describe('before it is open', () => {
  it('takes nothing, and closes', () => {
    const sink = createSink({ dir });
    expect(() => sink.write(step(0))).toThrow('the jsonl sink is not open');
    expect(() => sink.close({ status: 'failed', final: true })).not.toThrow();
  });
});

describe('configuration', () => {
  it('takes every kind and every step unless told otherwise', () => {
    const sink = createSink({ dir });
    expect(sink.traits).toEqual({ kinds: RECORD_KINDS, guarantee: 'exactly-once', locality: 'local' });
    expect(sink.logEveryNSteps).toBe(1);
    expect(createJsonlSink({ dir }).logEveryNSteps).toBe(1);
    expect(createJsonlSink({ dir, logEveryNSteps: 5 }).logEveryNSteps).toBe(5);
  });

  it('is refused where it is none, each problem by its name', () => {
    expect(() => createSink({ logEveryNSteps: 0 })).toThrow(
      /2 configuration problems\n {2}jsonl\.dir: .*\n {2}jsonl\.logEveryNSteps: /u,
    );
  });

  it('is data that crosses threads, and the module it names makes the sink', async () => {
    const spec = jsonlSink({ dir, logEveryNSteps: 2 });
    const module: unknown = await import(spec.module);
    expect(module).toHaveProperty('createSink', createSink);
    expect(await spec.load?.()).toBe(module);
    expect(createSink(structuredClone(spec.config)).logEveryNSteps).toBe(2);
    expect(jsonlSink({ dir }).config).toEqual({ dir, logEveryNSteps: 1 });
  });
});
