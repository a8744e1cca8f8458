import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordBatch } from '@runcast/core';
import { runDirectory, type RunDirectory } from '@runcast/runlog';
import { stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DeliveryEngine } from './delivery-engine.ts';
import { systemScheduler } from './scheduler.ts';

let dir = '';
let directory: RunDirectory;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'runcast-order-'));
  directory = runDirectory(dir, 'run-1');
  mkdirSync(directory.logDirectory, { recursive: true });
  mkdirSync(directory.cursorDirectory, { recursive: true });
});

afterEach(() => rmSync(dir, { recursive: true }));

/** Records of `bytes` each, one at each of `times`. */
function append(writer: string, times: readonly number[], bytes: number): void {
  const lines = times.map((time, seq) => {
    const record = stepRecord({ seq, n: seq + 1, step: time, time, metrics: {} });
    return `${JSON.stringify({ ...record, padding: 'x'.repeat(bytes) })}\n`;
  });
  appendFileSync(join(directory.logDirectory, `${writer}.jsonl`), lines.join(''));
}

async function deliverAll(): Promise<readonly RecordBatch[]> {
  const batches: RecordBatch[] = [];
  const engine = new DeliveryEngine({
    directory,
    scheduler: systemScheduler,
    onEvent: () => undefined,
    sinks: [
      {
        name: 'memory',
        traits: { kinds: ['step'], guarantee: 'exactly-once', locality: 'local' },
        write: (batch) => void batches.push(batch),
        flush: () => undefined,
        close: () => undefined,
      },
    ],
  });
  await engine.open();
  engine.endNow({ status: 'finished', final: true });
  return batches;
}

it('delivers a resumed run in the order it was logged, whatever its writers are called', async () => {
  // Each log is several batches long.
  append('zz', [1, 2, 3, 4, 5], 200_000);
  append('aa', [6, 7, 8, 9, 10], 200_000);
  append('mm', [11, 12], 200_000);
  const batches = await deliverAll();
  expect(batches.flatMap(({ records }) => records.map(({ time }) => time))).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
  ]);
});

it('lets no writer that logs at the same time wait for another to end', async () => {
  append('aa', [1, 3, 5, 7, 9, 11, 13, 15], 40_000);
  append('zz', [2, 4, 6, 8, 10, 12, 14, 16], 40_000);
  const batches = await deliverAll();
  expect(batches.map(({ writer }) => writer)).toEqual(['aa', 'zz', 'aa', 'zz', 'aa', 'zz', 'aa', 'zz']);
});

it('is not held up by a torn line, nor by lines that are no records', async () => {
  append('bb', [5, 6], 10);
  appendFileSync(join(directory.logDirectory, 'aa.jsonl'), 'no record\n{"v":1,"seq"');
  appendFileSync(join(directory.logDirectory, 'cc.jsonl'), '{"v":1,"seq"');
  const batches = await deliverAll();
  expect(batches.flatMap(({ records }) => records.map(({ time }) => time))).toEqual([5, 6]);
});
