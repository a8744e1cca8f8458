import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { SinkSpec } from '@runcast/core';
import { InlineHost, systemScheduler } from '@runcast/delivery';
import { acquireLease, prepareRunDirectory, readManifest, runDirectory } from '@runcast/runlog';
import { openRecord, stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RunDeliveries } from './run-deliveries.ts';

const RUNS = 70;
const MOST = 64;

let dir = '';
let laterMs = 0;
let deliveries: RunDeliveries;

function open(specs: readonly SinkSpec[]): RunDeliveries {
  return new RunDeliveries({
    dir,
    specs,
    cursors: { read: async () => undefined, keep: async () => undefined },
    scheduler: { ...systemScheduler, nowMs: () => Date.now() + laterMs },
    onEvent: () => undefined,
  });
}

/** The sink that this test's module is: it takes everything, and keeps nothing. */
const TAKES_ALL: SinkSpec = {
  name: 'takes-all',
  module: new URL(`../test/takes-all-sink${extname(import.meta.url)}`, import.meta.url).href,
  config: {},
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'runcast-deliveries-'));
  laterMs = 0;
  deliveries = open([TAKES_ALL]);
});

afterEach(async () => {
  await deliveries.close(undefined);
  rmSync(dir, { recursive: true });
});

function begin(run: string): void {
  const manifest = { v: 1, run, created: 0, sinks: [], settled: false } as const;
  const { directory } = prepareRunDirectory(dir, run, 'allow', () => true, manifest);
  const lines = [openRecord({ run }), stepRecord({ seq: 1 })].map((record) => `${JSON.stringify(record)}\n`);
  appendFileSync(join(directory.logDirectory, 'w1.jsonl'), lines.join(''));
}

const settled = (): number =>
  readdirSync(dir).filter((run) => readManifest(runDirectory(dir, run))?.settled === true).length;

async function delivered(): Promise<void> {
  await vi.waitFor(() => expect(deliveries.backlog()).toEqual([{ sink: 'takes-all', records: 0, bytes: 0 }]));
}

it('makes room for runs that wait, and lets go of those from which nothing comes', async () => {
  for (let run = 0; run < RUNS; run += 1) begin(`run-${run}`);
  deliveries.findUnsettled();
  await deliveries.advance(true);
  expect(deliveries.openRuns).toBe(MOST);
  await delivered();
  laterMs = 1_000;
  await deliveries.advance(true);
  expect(deliveries.openRuns).toBe(RUNS - MOST);
  expect(settled()).toBe(MOST);
  await delivered();
  laterMs = 2_000;
  await deliveries.advance(true);
  expect(deliveries.openRuns).toBe(RUNS - MOST);
  laterMs = 100_000;
  await deliveries.advance(true);
  expect(deliveries.openRuns).toBe(0);
  expect(settled()).toBe(RUNS);
  deliveries.touch('run-3', 0);
  deliveries.touch('run-3', 0);
  await deliveries.advance(true);
  expect(deliveries.openRuns).toBe(1);
  deliveries.touch('run-3', 0);
  laterMs = 101_000;
  await deliveries.advance(true);
  expect(deliveries.openRuns).toBe(1);
});

it('delivers at once what is much, and leaves less to the next look', async () => {
  const wake = vi.spyOn(InlineHost.prototype, 'wake');
  begin('run-1');
  deliveries.touch('run-1', 200_000);
  await deliveries.advance(true);
  await delivered();
  for (let times = 0; times < 3; times += 1) deliveries.touch('run-1', 30_000);
  expect(wake).toHaveBeenCalledTimes(1);
  deliveries.touch('run-1', 30_000);
  expect(wake).toHaveBeenCalledTimes(1);
  deliveries.touch('run-1', 40_000);
  expect(wake).toHaveBeenCalledTimes(2);
  wake.mockRestore();
});

it('waits for a run that somebody else delivers', async () => {
  begin('run-1');
  const lease = acquireLease(runDirectory(dir, 'run-1').leaseFile);
  deliveries.touch('run-1', 0);
  await deliveries.advance(true);
  expect(deliveries.openRuns).toBe(0);
  lease?.release();
  await deliveries.advance(true);
  expect(deliveries.openRuns).toBe(0);
  laterMs = 1_000;
  await deliveries.advance(true);
  expect(deliveries.openRuns).toBe(1);
  expect(await deliveries.close(1_000)).toBe(0);
});

it('says how many runs it leaves behind', async () => {
  begin('run-1');
  begin('run-2');
  deliveries.touch('run-1', 0);
  await deliveries.advance(true);
  deliveries.touch('run-2', 0);
  expect(await deliveries.close(1_000)).toBe(1);
});

it('opens nothing where no sink is on', async () => {
  begin('run-1');
  const none = open([]);
  none.findUnsettled();
  await none.advance(true);
  expect([none.openRuns, none.backlog(), await none.close(0)]).toEqual([0, [], 0]);
});
