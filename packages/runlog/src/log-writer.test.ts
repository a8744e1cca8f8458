import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LineBytes, type ErrorInfo } from '@runcast/core';
import { createFaultFileSystem, type FaultFileSystem, type FileFault } from '@runcast/testing';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogWriter } from './log-writer.ts';

const NOW = 1_795_238_781_123;

let place = '';
let failures: ErrorInfo[] = [];
let recoveries: number[] = [];
let names = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  place = mkdtempSync(join(tmpdir(), 'runcast-log-'));
  failures = [];
  recoveries = [];
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(place, { recursive: true });
});

function open(fileSystem?: FaultFileSystem, maxPendingBytes?: number): LogWriter {
  names += 1;
  return new LogWriter({
    logDirectory: place,
    writer: `w${names}`,
    onFailure: (error) => failures.push(error),
    onRecovery: (attempts) => recoveries.push(attempts),
    ...(fileSystem === undefined ? {} : { fileSystem }),
    ...(maxPendingBytes === undefined ? {} : { maxPendingBytes }),
  });
}

function append(writer: LogWriter, text: string, nowMs: number, writeNow: boolean): boolean {
  return writer.append(LineBytes.of(text), nowMs, writeNow);
}

function content(writer: LogWriter): string {
  return readFileSync(writer.path, 'utf8');
}

/** The next write meets a full disk. */
function full(): FileFault {
  return { call: 'writeSync', code: 'ENOSPC' };
}

/** Lines of one width: the n-th reads n. */
function line(index: number): string {
  return `${String(index).padStart(7, '0')}\n`;
}

function lines(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => line(from + index)).join('');
}

describe('what is written when a call returns', () => {
  it('is all of a burst of 1,024 in one millisecond', () => {
    const writer = open();
    for (let index = 0; index < 1024; index += 1) {
      expect(append(writer, line(index), NOW, false)).toBe(true);
      expect(writer.pendingLines).toBe(0);
      expect(writer.length).toBe(8 * (index + 1));
    }
    expect(content(writer)).toBe(lines(0, 1024));
    writer.close();
  });

  it('is all of a flood that has slowed down for eleven milliseconds, and no more of it before', () => {
    const writer = open();
    for (let index = 0; index < 5000; index += 1) append(writer, line(index), NOW, false);
    const pending = Array.from({ length: 11 }, (_, index) => {
      append(writer, line(5000 + index), NOW + index + 1, false);
      return writer.pendingLines;
    });
    // 5,000 are 32 times 124 after the burst, and eight.
    expect(pending).toEqual([9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 0]);
    expect(content(writer)).toBe(lines(0, 5011));
    writer.close();
  });

  it('is all at any pace of up to 50 a millisecond', () => {
    const writer = open();
    for (let index = 0; index < 5000; index += 1) {
      append(writer, line(index), NOW + Math.floor(index / 50), false);
      expect(writer.pendingLines).toBe(0);
    }
    writer.close();
  });

  it('is all but 31 lines at most, however fast they come', () => {
    const writer = open();
    let most = 0;
    for (let index = 0; index < 5000; index += 1) {
      append(writer, line(index), NOW, false);
      most = Math.max(most, writer.pendingLines);
      expect(writer.pendingBytes).toBe(8 * writer.pendingLines);
    }
    expect(most).toBe(31);
    expect(writer.length + writer.pendingBytes).toBe(40_000);
    writer.close();
    expect(content(writer)).toBe(lines(0, 5000));
  });

  it('is everything once the microtasks have run', async () => {
    const writer = open();
    for (let index = 0; index < 1030; index += 1) append(writer, line(index), NOW, false);
    expect(writer.pendingLines).toBe(6);
    await Promise.resolve();
    expect(writer.pendingLines).toBe(0);
    expect(content(writer)).toBe(lines(0, 1030));
    writer.close();
  });

  it('is everything where the line has to be written now, those before it included', () => {
    const writer = open();
    for (let index = 0; index < 1030; index += 1) append(writer, line(index), NOW, false);
    append(writer, line(1030), NOW, true);
    expect(writer.pendingLines).toBe(0);
    expect(content(writer)).toBe(lines(0, 1031));
    writer.close();
  });

  it('does not depend on a clock that only goes forward', () => {
    const writer = open();
    for (let index = 0; index < 1024; index += 1) append(writer, line(index), NOW, false);
    append(writer, line(1024), NOW - 3_600_000, false);
    expect(writer.pendingLines).toBe(0);
    writer.close();
  });

  it('is all but less than 4 KB of long lines', () => {
    const writer = open();
    for (let index = 0; index < 1024; index += 1) append(writer, line(index), NOW, false);
    const long = `${'x'.repeat(999)}\n`;
    const pending = Array.from({ length: 6 }, () => {
      append(writer, long, NOW, false);
      return writer.pendingLines;
    });
    expect(pending).toEqual([1, 2, 3, 4, 0, 1]);
    writer.close();
    expect(content(writer)).toBe(lines(0, 1024) + long.repeat(6));
  });

  it('keeps the order of the calls at any paces', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 300 }), (calls) => {
        const writer = open();
        let now = NOW;
        for (const [index, [elapsed, writeNow]] of calls.entries()) {
          now += elapsed;
          append(writer, line(index), now, writeNow);
        }
        expect(writer.close()).toBe(0);
        expect(content(writer)).toBe(lines(0, calls.length));
      }),
      { numRuns: 50 },
    );
  });
});

describe('the file', () => {
  it('is made anew, and never taken from another writer', () => {
    const options = {
      logDirectory: place,
      writer: 'w',
      onFailure: vi.fn<() => void>(),
      onRecovery: vi.fn<() => void>(),
    };
    const writer = new LogWriter(options);
    expect(() => new LogWriter(options)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    writer.close();
    expect(() => new LogWriter(options)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  });

  it('holds text of any script', () => {
    const writer = open();
    const text = '{"key":"caf\u00e9 \u{1f680} \u0416"}\n';
    append(writer, text, NOW, false);
    expect(content(writer)).toBe(text);
    expect(writer.length).toBe(Buffer.byteLength(text));
    writer.close();
  });

  it('is forced to the disk where asked', () => {
    const files = createFaultFileSystem({ call: 'fsyncSync', code: 'EIO' });
    const writer = open(files);
    expect(() => writer.sync()).toThrow('EIO');
    expect(() => writer.sync()).not.toThrow();
    writer.close();
  });
});

describe('a disk that takes nothing', () => {
  it.each(['ENOSPC', 'EIO'] as const)('with %s loses and tears no line', (code) => {
    const files = createFaultFileSystem();
    const writer = open(files);
    append(writer, line(0), NOW, true);
    files.inject({ call: 'writeSync', takes: 3 }, { call: 'writeSync', code });
    expect(append(writer, line(1), NOW, true)).toBe(true);
    expect(content(writer)).toBe(line(0));
    expect(append(writer, line(2), NOW, false)).toBe(true);
    expect(writer.pendingLines).toBe(2);
    expect(writer.lastError).toMatchObject({ code });
    expect([failures.length, recoveries]).toEqual([1, []]);
    vi.advanceTimersByTime(200);
    expect(content(writer)).toBe(lines(0, 3));
    expect([failures.length, recoveries]).toEqual([1, [1]]);
    append(writer, line(3), NOW, true);
    expect(writer.close()).toBe(0);
    expect(content(writer)).toBe(lines(0, 4));
  });

  it('writes on where only part of a write is taken', () => {
    const files = createFaultFileSystem({ call: 'writeSync', takes: 3 }, { call: 'writeSync', takes: 1 });
    const writer = open(files);
    append(writer, line(0), NOW, true);
    expect(content(writer)).toBe(line(0));
    expect(failures).toEqual([]);
    writer.close();
  });

  it('is tried every 200 ms, and reported once for each time it fails', () => {
    const files = createFaultFileSystem();
    const writer = open(files);
    files.inject(full(), full(), full());
    append(writer, line(0), NOW, true);
    vi.advanceTimersByTime(400);
    expect(files.pending).toEqual([]);
    expect(content(writer)).toBe('');
    vi.advanceTimersByTime(200);
    expect(content(writer)).toBe(line(0));
    expect([failures.length, recoveries]).toEqual([1, [3]]);
    files.inject(full());
    append(writer, line(1), NOW, true);
    vi.advanceTimersByTime(200);
    expect([failures.length, recoveries]).toEqual([2, [3, 1]]);
    expect(vi.getTimerCount()).toBe(0);
    writer.close();
  });

  it('is tried again by the calls of a trainer that lets no timer run', () => {
    const files = createFaultFileSystem(full(), full());
    const writer = open(files, 16);
    append(writer, line(0), NOW, false);
    expect(append(writer, line(1), NOW + 10, false)).toBe(true);
    expect(append(writer, line(2), NOW + 209, false)).toBe(false);
    expect(files.pending).toHaveLength(1);
    expect(append(writer, line(3), NOW + 210, false)).toBe(false);
    expect(files.pending).toHaveLength(0);
    expect(append(writer, line(4), NOW + 300, false)).toBe(false);
    expect(append(writer, line(5), NOW + 500, false)).toBe(true);
    expect(content(writer)).toBe(lines(0, 2) + line(5));
    expect([failures.length, recoveries]).toEqual([1, [2]]);
    expect(vi.getTimerCount()).toBe(0);
    writer.close();
  });

  it('keeps the order where a record that comes in time to try again is told of by another one', () => {
    const files = createFaultFileSystem(full());
    const writer: LogWriter = new LogWriter({
      logDirectory: place,
      writer: 'w',
      fileSystem: files,
      onFailure: () => undefined,
      onRecovery: () => append(writer, line(3), NOW + 300, false),
    });
    append(writer, line(0), NOW, true);
    append(writer, line(1), NOW + 10, false);
    append(writer, line(2), NOW + 300, false);
    expect(content(writer)).toBe(lines(0, 4));
    writer.close();
  });

  it('drops what memory cannot hold, and says so to the caller', () => {
    const files = createFaultFileSystem(full());
    const writer = open(files, 24);
    expect(append(writer, line(0), NOW, true)).toBe(true);
    expect(append(writer, line(1), NOW, true)).toBe(true);
    expect(append(writer, line(2), NOW, true)).toBe(true);
    expect(append(writer, line(3), NOW, true)).toBe(false);
    expect(writer.pendingLines).toBe(3);
    vi.advanceTimersByTime(200);
    expect(append(writer, line(4), NOW, true)).toBe(true);
    expect(content(writer)).toBe(lines(0, 3) + line(4));
    writer.close();
  });

  it('is no reason for a queued microtask to try at once', async () => {
    const files = createFaultFileSystem();
    const writer = open(files);
    // The one that the burst no longer covers waits for its microtask.
    for (let index = 0; index < 1025; index += 1) append(writer, line(index), NOW, false);
    expect(writer.pendingLines).toBe(1);
    files.inject(full(), full());
    append(writer, line(1025), NOW, true);
    await Promise.resolve();
    expect(files.pending).toHaveLength(1);
    vi.advanceTimersByTime(400);
    expect(content(writer)).toBe(lines(0, 1026));
    writer.close();
  });

  it('may lead to further records from within', () => {
    const files = createFaultFileSystem(full());
    const writer: LogWriter = new LogWriter({
      logDirectory: place,
      writer: 'w',
      fileSystem: files,
      onFailure: () => append(writer, line(1), NOW, true),
      onRecovery: () => append(writer, line(2), NOW, true),
    });
    append(writer, line(0), NOW, true);
    vi.advanceTimersByTime(200);
    expect(content(writer)).toBe(lines(0, 3));
    writer.close();
  });
});

describe('a batch', () => {
  it('may be longer than what is kept ready for it', () => {
    const writer = open(createFaultFileSystem(full()));
    const long = `${'ä'.repeat(50_000)}\n`;
    append(writer, line(0), NOW, true);
    append(writer, long, NOW, true);
    vi.advanceTimersByTime(200);
    append(writer, line(1), NOW, true);
    expect(content(writer)).toBe(line(0) + long + line(1));
    writer.close();
  });
});

describe('closing', () => {
  it('says how many lines are lost', () => {
    const writer = open(createFaultFileSystem(full(), full()));
    append(writer, line(0), NOW, true);
    append(writer, line(1), NOW, true);
    expect(writer.close()).toBe(2);
    expect(content(writer)).toBe('');
    expect(vi.getTimerCount()).toBe(0);
    expect(writer.drain()).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('happens once, and takes nothing more', () => {
    const writer = open();
    append(writer, line(0), NOW, true);
    expect([writer.close(), writer.close()]).toEqual([0, 0]);
    expect(append(writer, line(1), NOW, true)).toBe(false);
    expect(writer.drain()).toBe(true);
    expect(content(writer)).toBe(line(0));
  });

  it('reports a failure to release the file, and does not throw it', () => {
    const writer = open(createFaultFileSystem({ call: 'closeSync', code: 'EIO' }));
    expect(writer.close()).toBe(0);
    expect(failures).toMatchObject([{ code: 'EIO' }]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
