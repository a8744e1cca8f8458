import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRecord } from '@runcast/core';
import type { StreamRecord } from '@runcast/redis';
import { readManifest, runDirectory } from '@runcast/runlog';
import { openRecord, stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RelayedLogs } from './relayed-logs.ts';

let dir = '';
let logs: RelayedLogs;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'runcast-relayed-'));
  logs = new RelayedLogs(dir, () => 5_000);
});

afterEach(() => rmSync(dir, { recursive: true }));

function relayed(records: readonly RunRecord[]): readonly StreamRecord[] {
  return records.map((record) => ({
    run: 'run-1',
    writer: 'w1',
    seq: record.seq,
    record,
    line: JSON.stringify(record),
  }));
}

const steps = (from: number, to: number): readonly RunRecord[] =>
  Array.from({ length: to - from }, (_, index) => stepRecord({ seq: from + index }));

const logged = (): readonly string[] =>
  readFileSync(join(runDirectory(dir, 'run-1').logDirectory, 'w1.jsonl'), 'utf8')
    .split('\n')
    .slice(0, -1);

it('writes many records in order, and none that is there', async () => {
  expect(logs.append(relayed(steps(0, 1_000)))).toEqual({ appended: 1_000, repeated: 0, refused: [] });
  expect(logs.append(relayed(steps(500, 1_500)))).toEqual({ appended: 500, repeated: 500, refused: [] });
  expect(logs.append(relayed(steps(0, 10)))).toEqual({ appended: 0, repeated: 10, refused: [] });
  await logs.sync();
  expect(logged()).toEqual(relayed(steps(0, 1_500)).map(({ line }) => line));
  // Another relay of this directory finds the log's end.
  expect(new RelayedLogs(dir, () => 0).append(relayed(steps(1_400, 1_501)))).toMatchObject({ appended: 1 });
});

it('says of a run what its first record says', () => {
  logs.append(relayed([openRecord({ run: 'run-1', time: 7, project: 'demo', name: 'baseline' })]));
  expect(readManifest(runDirectory(dir, 'run-1'))).toMatchObject({ created: 7, project: 'demo', name: 'baseline' });
});

it('keeps a run whose first record was trimmed', () => {
  logs.append(relayed(steps(10, 12)));
  expect(readManifest(runDirectory(dir, 'run-1'))).toMatchObject({ run: 'run-1', created: 5 });
  expect(logged()).toHaveLength(2);
});

it('is not durable while the disk refuses, and tries again', async () => {
  logs.append(relayed(steps(0, 3)));
  const path = join(runDirectory(dir, 'run-1').logDirectory, 'w1.jsonl');
  renameSync(path, `${path}.away`);
  await expect(logs.sync()).rejects.toThrow('ENOENT');
  await expect(logs.sync()).rejects.toThrow('ENOENT');
  writeFileSync(path, '');
  await expect(logs.sync()).rejects.toThrow('has 0 bytes');
  renameSync(`${path}.away`, path);
  await logs.sync();
  // Nothing is left to be forced to the disk.
  rmSync(path);
  await logs.sync();
});
