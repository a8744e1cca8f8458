import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRecord, SAMPLE_TIME, stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOG_START } from './log-reader.ts';
import { RunLogs } from './run-logs.ts';

let place = '';
let logs: RunLogs;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'runcast-logs-'));
  logs = new RunLogs(place);
});

afterEach(() => {
  logs.close();
  rmSync(place, { recursive: true });
});

/** A log that was begun `begun` seconds after the sample time, with so many steps. */
function writeLog(writer: string, begun: number, count = 0): void {
  const open = openRecord({ writer, time: SAMPLE_TIME + begun });
  const steps = Array.from({ length: count }, (_, index) => stepRecord({ seq: index + 1 }));
  writeFileSync(
    join(place, `${writer}.jsonl`),
    [open, ...steps].map((record) => `${JSON.stringify(record)}\n`).join(''),
  );
}

describe('the writers of a run', () => {
  it('are found oldest first, and those that come later after them', () => {
    writeLog('b', 1);
    writeLog('c', 0);
    writeLog('a', 2);
    writeFileSync(join(place, '0.jsonl'), '');
    writeFileSync(join(place, 'notes.txt'), '');
    expect(logs.writers).toEqual([]);
    logs.refresh();
    expect(logs.writers).toEqual(['c', 'b', 'a', '0']);
    writeLog('later', -100);
    logs.refresh();
    expect(logs.writers).toEqual(['c', 'b', 'a', '0', 'later']);
    expect(logs.reader('b').read(LOG_START, { maxBytes: 1000 }).records).toMatchObject([{ writer: 'b' }]);
  });

  it('are known by name only', () => {
    expect(() => logs.reader('none')).toThrow(RangeError);
  });

  it('are found even where another log cannot be opened or read', () => {
    writeLog('a', 0);
    mkdirSync(join(place, 'b.jsonl'));
    symlinkSync(join(place, 'nowhere'), join(place, 'c.jsonl'));
    expect(() => logs.refresh()).toThrow('ENOENT');
    expect(logs.writers).toEqual(['a', 'b']);
    expect(() => logs.reader('b').read(LOG_START, { maxBytes: 10 })).toThrow('EISDIR');
  });

  it('cannot be found where there is no directory', () => {
    const none = new RunLogs(join(place, 'none'));
    expect(() => none.refresh()).toThrow('ENOENT');
    none.close();
  });
});

describe('what is owed', () => {
  it('counts bytes and records behind each position, never less than none', () => {
    writeLog('a', 0, 3);
    writeLog('b', 1, 1);
    logs.refresh();
    const size = logs.reader('a').size() + logs.reader('b').size();
    expect(logs.bytesAfter(() => LOG_START)).toBe(size);
    expect(logs.recordsAfter(() => LOG_START)).toBe(6);
    const first = (writer: string) => (writer === 'a' ? { seq: 2, offset: 100 } : LOG_START);
    expect(logs.bytesAfter(first)).toBe(size - 100);
    expect(logs.recordsAfter(first)).toBe(3);
    const beyond = { seq: 99, offset: 1_000_000 };
    expect([logs.bytesAfter(() => beyond), logs.recordsAfter(() => beyond)]).toEqual([0, 0]);
  });
});

it('forgets its readers when it is closed', () => {
  writeLog('a', 0);
  logs.refresh();
  const reader = logs.reader('a');
  logs.close();
  expect(logs.writers).toEqual([]);
  expect(() => reader.size()).toThrow('EBADF');
});
