import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAppendFile } from '@runcast/append-file';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFaultFileSystem, type FaultFileSystem, FileFaultError } from './fault-file-system.ts';

let place = '';
let path = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'runcast-faults-'));
  path = join(place, 'file');
});

afterEach(() => {
  rmSync(place, { recursive: true });
});

it('is the real file system where nothing is injected', () => {
  const file = openAppendFile(path, { mode: 'create', fileSystem: createFaultFileSystem() });
  file.appendText('row\n');
  file.sync();
  file.close();
  openAppendFile(path, { mode: 'reopen', length: 2, fileSystem: createFaultFileSystem() }).close();
  expect(readFileSync(path, 'utf8')).toBe('ro');
});

it('fails the call it is told to, after those that are to succeed, and only that one', () => {
  const fileSystem = createFaultFileSystem({ call: 'writeSync', code: 'ENOSPC', after: 2 });
  const file = openAppendFile(path, { mode: 'create', fileSystem });
  file.appendText('1');
  file.appendText('2');
  expect(fileSystem.pending).toHaveLength(1);
  expect(() => file.appendText('3')).toThrow(new FileFaultError('ENOSPC', 'write'));
  expect(fileSystem.pending).toEqual([]);
  file.appendText('4');
  file.close();
  expect(readFileSync(path, 'utf8')).toBe('124');
});

it('takes a part of a write, or nothing of it', () => {
  const fileSystem = createFaultFileSystem({ call: 'writeSync', takes: 1 });
  const file = openAppendFile(path, { mode: 'create', fileSystem });
  file.appendText('row');
  fileSystem.inject({ call: 'writeSync', takes: 0 });
  expect(() => file.appendText('row')).toThrow('takes no more bytes');
  file.close();
  expect(readFileSync(path, 'utf8')).toBe('row');
});

function useEveryCall(fileSystem: FaultFileSystem): void {
  const file = openAppendFile(path, { mode: 'either', length: 0, fileSystem });
  fileSystem.inject({ call: 'writeSync', takes: 0 });
  expect(() => file.appendText('row')).toThrow('takes no more bytes');
  file.appendText('row');
  file.sync();
  file.close();
}

it.each(['openSync', 'fstatSync', 'fsyncSync', 'closeSync'] as const)('fails %s', (call) => {
  const fileSystem = createFaultFileSystem({ call, code: 'EIO' });
  expect(() => useEveryCall(fileSystem)).toThrow(`EIO: injected fault, ${call.replace('Sync', '')}`);
  expect(fileSystem.pending.filter((fault) => fault.call === call)).toEqual([]);
});

it('fails ftruncateSync', () => {
  const fileSystem = createFaultFileSystem(
    { call: 'ftruncateSync', code: 'EIO' },
    { call: 'ftruncateSync', code: 'EROFS' },
  );
  expect(() => useEveryCall(fileSystem)).toThrow('EROFS: injected fault, ftruncate');
});
