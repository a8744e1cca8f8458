import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { closeRecord } from '@runcast/testing';
import { expect, test } from 'vitest';
import { makeRun, type RunOnDisk } from '../test/run-on-disk.ts';
import { CursorStore } from './cursor-store.ts';
import { removeDeliveredLogs } from './delivered-logs.ts';

function deliver(run: RunOnDisk, sink: string, seqs: Readonly<Record<string, number>>): void {
  const delivered = new Map(Object.entries(seqs).map(([writer, seq]) => [writer, { seq, offset: 1 }] as const));
  new CursorStore(run.directory, sink).write({ delivered, position: undefined, intent: undefined });
}

test('a log that was ended and delivered to every sink is removed', () => {
  const run = makeRun();
  run.append('w1', [closeRecord({ seq: 0 })]);
  deliver(run, 'jsonl', { w1: 0 });
  deliver(run, 'tensorboard', { w1: 0 });
  removeDeliveredLogs(run.directory, ['jsonl', 'tensorboard']);
  expect(readdirSync(run.directory.logDirectory)).toEqual([]);
});

test('the blobs go with the last log', () => {
  const run = makeRun();
  run.append('w1', [closeRecord({ seq: 0 })]);
  run.append('w2', [closeRecord({ seq: 0 })]);
  mkdirSync(join(run.directory.blobDirectory, 'files'), { recursive: true });
  deliver(run, 'jsonl', { w1: 0 });
  removeDeliveredLogs(run.directory, ['jsonl']);
  expect(existsSync(run.directory.blobDirectory)).toBe(true);
  deliver(run, 'jsonl', { w2: 0 });
  removeDeliveredLogs(run.directory, ['jsonl']);
  expect(existsSync(run.directory.blobDirectory)).toBe(false);
});

test('the log of a writer that may go on stays, whatever was delivered of it', () => {
  const run = makeRun();
  run.steps('w1', 0, 3);
  run.appendText('w2', '');
  deliver(run, 'jsonl', { w1: 2 });
  removeDeliveredLogs(run.directory, ['jsonl']);
  expect(readdirSync(run.directory.logDirectory)).toEqual(['w1.jsonl', 'w2.jsonl']);
});

test('a log of which one sink lacks the last record stays', () => {
  const run = makeRun();
  run.steps('w1', 0, 3);
  run.append('w1', [closeRecord({ seq: 3 })]);
  deliver(run, 'jsonl', { w1: 3 });
  deliver(run, 'tensorboard', { w1: 2 });
  removeDeliveredLogs(run.directory, ['jsonl', 'tensorboard']);
  expect(readdirSync(run.directory.logDirectory)).toEqual(['w1.jsonl']);
});
