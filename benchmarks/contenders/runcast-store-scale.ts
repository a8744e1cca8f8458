/** A run store with many runs of many metrics: what filling it takes, how large it is, and how soon it answers. */

import type { OpenRecord, StepRecord } from '@runcast/core';
import { createStoreSink, openStore, type Store } from '@runcast/store';
import { openSink } from './open-sink.ts';
import { WRITER } from './plain-entry.ts';
import { loggedBatch, stepRecord } from './step-records.ts';
import { openStorePlace } from './store-place.ts';
import { answer, readWorkload } from './workload.ts';

const KEYS = 149;
const STEPS = 100;
/** About 96 KB of a log. */
const BATCH_RECORDS = 20;
const REPETITIONS = 9;
/** Of a page that compares runs. */
const RUNS_COMPARED = 10;
const OTHER_KEY = 'objective/77';

const { directory, count: runs, args } = readWorkload();
const [installation] = args;
const place = await openStorePlace(directory, installation);

function openingOf(run: string, index: number): OpenRecord {
  return {
    v: 1,
    seq: 0,
    time: 1_790_000_000 + index * 100,
    kind: 'open',
    run,
    writer: WRITER,
    host: 'box',
    pid: 1,
    role: 'owner',
    project: 'scale',
    tags: [index % 2 === 0 ? 'even' : 'odd'],
    config: { lr: 1e-4 * (1 + (index % 50)), model: { width: 64 * (1 + (index % 8)) }, optimizer: 'adam', index },
  };
}

/** Four metrics of a trainer, and objectives up to all {@link KEYS}. */
function wideRecord(run: number, step: number): StepRecord {
  const { metrics, ...record } = stepRecord(run * STEPS + step);
  const others = Array.from({ length: KEYS - Object.keys(metrics).length }, (_, key): [string, number] => [
    `objective/${key}`,
    Math.sin(run + step * 12.9898 + key),
  ]);
  return { ...record, seq: step + 1, n: step + 1, step, metrics: { ...metrics, ...Object.fromEntries(others) } };
}

async function fill(index: number): Promise<void> {
  const run = `run-${index}`;
  const sink = await openSink(createStoreSink({ url: place.url }), run);
  const opening = openingOf(run, index);
  await sink.write({ writer: WRITER, from: 0, to: 0, records: [opening] });
  for (let first = 0; first < STEPS; first += BATCH_RECORDS) {
    const records = Array.from({ length: BATCH_RECORDS }, (_, offset) => wideRecord(index, first + offset));
    await sink.write({ writer: WRITER, from: first + 1, to: first + BATCH_RECORDS, ...loggedBatch(records) });
  }
  await sink.close({ status: 'finished', final: true });
}

/** The median of some repetitions, in milliseconds. */
async function timed(work: (store: Store) => Promise<void>): Promise<number> {
  const store = await openStore(place.url);
  const times: number[] = [];
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    const start = performance.now();
    await work(store);
    times.push(performance.now() - start);
  }
  await store.close();
  return times.toSorted((one, other) => one - other)[Math.floor(REPETITIONS / 2)] ?? 0;
}

const start = performance.now();
for (let index = 0; index < runs; index += 1) await fill(index);
const seconds = (performance.now() - start) / 1000;
const compared = Array.from({ length: Math.min(RUNS_COMPARED, runs) }, (_, index) => `run-${index}`);

const filter = await timed(async (store) => {
  const found = await store.runs({
    where: ['config.lr < 1e-3', 'config.model.width >= 256', 'summary.objective/7 > 0', 'tag = even'],
    orderBy: 'summary.train/loss',
    limit: 20,
  });
  if (found.length > 20) throw new Error(`${found.length} runs were found`);
});
const curves = async (store: Store, key: string): Promise<void> => {
  const found = await store.series(compared, key);
  if (found.size !== compared.length) throw new Error(`${found.size} curves of ${key} were found`);
};
const keyCurves = await timed(async (store) => curves(store, 'train/loss'));
const otherCurves = await timed(async (store) => curves(store, OTHER_KEY));
const bytes = await place.bytes();
await place.end();
answer({
  'runs/s': runs / seconds,
  size: bytes / 1e6,
  'bytes/value': bytes / (runs * STEPS * KEYS),
  filter,
  'key curves': keyCurves,
  'other curves': otherCurves,
});
