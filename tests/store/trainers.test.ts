// Trainers with a run store, as processes of their own: killed, several at once, read while they write, begun again and taken
// back. What the store holds is read by SQL.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { describeOnPostgres } from '../support/describe-on-postgres.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { queryStore, storedRecords, storedRun } from '../support/stored-rows.ts';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';

const BIN = path.join(import.meta.dirname, '..', '..', 'packages', 'runcast', 'src', 'bin.ts');
const TRAINER = 'stepping-trainer.ts';
const WAIT = { timeout: 60_000, interval: 20 };

interface StoredTraining extends TrainingPlace {
  readonly url: string;
  /** What a trainer of this run finds in its environment. */
  readonly withStore: (runId: string) => Readonly<Record<string, string>>;
}

async function makePlace(storeUrl: (root: string) => Promise<string>): Promise<StoredTraining> {
  const place = makeTrainingPlace('worker');
  onTestFinished(place.remove);
  const url = await storeUrl(place.root);
  const withStore = (runId: string): Readonly<Record<string, string>> => ({
    RUNCAST__RUN_ID: runId,
    TENSORBOARD__ENABLED: 'false',
    STORE__ENABLED: 'true',
    STORE__URL: url,
  });
  return { ...place, url, withStore };
}

/** Whether records of the run are there without gaps, and how many, as of one moment. */
async function heldOf(url: string, runId: string): Promise<{ readonly count: number; readonly dense: boolean }> {
  const [row] = await queryStore(
    url,
    `SELECT count(*) AS count, max(seq) AS last
     FROM (SELECT seq FROM history WHERE run_id = ? UNION ALL SELECT seq FROM records WHERE run_id = ?) AS held`,
    runId,
    runId,
  ).catch(() => []);
  const count = Number(row?.['count'] ?? 0);
  return { count, dense: count === 0 || Number(row?.['last']) === count - 1 };
}

async function statusOf(url: string, runId: string): Promise<unknown> {
  return (await storedRun(url, runId))?.row['status'];
}

/** Steps of the log and of the store, each as the other has them. */
async function expectComplete(place: StoredTraining, runId: string): Promise<void> {
  const stored = await storedRecords(place.url, runId);
  const seqs = (records: readonly { readonly seq?: unknown; readonly writer?: unknown }[]): readonly unknown[] =>
    records.map(({ seq }) => seq).toSorted((one, other) => Number(one) - Number(other));
  expect(seqs(stored)).toEqual(seqs(place.logged(runId)));
}

function describeTrainers(storeUrl: (root: string) => Promise<string>, atOnce: number): void {
  it('a killed trainer’s run is completed by runcast sync, and has crashed', async () => {
    const place = await makePlace(storeUrl);
    const env = place.withStore('run-1');
    const trainer = place.start(TRAINER, ['1'], env);
    await vi.waitFor(async () => expect((await heldOf(place.url, 'run-1')).count).toBeGreaterThan(50), WAIT);
    trainer.process.kill('SIGKILL');
    await trainer.ended;
    expect(await statusOf(place.url, 'run-1')).toBe('running');
    const runDirectory = path.join(place.root, 'runs', 'run-1');
    const sync = await place.start(path.relative(FIXTURES, BIN), ['sync', runDirectory], env).ended;
    expect(sync).toMatchObject({ code: 0, stderr: '' });
    await expectComplete(place, 'run-1');
    expect(await statusOf(place.url, 'run-1')).toBe('crashed');
  });

  it(`${atOnce} trainers write to one store at once, and none is owed anything`, async () => {
    const place = await makePlace(storeUrl);
    const runIds = Array.from({ length: atOnce }, (_, index) => `run-${index}`);
    const trainers = runIds.map((runId) => place.start(TRAINER, ['1', '300'], place.withStore(runId)));
    for (const { ended } of trainers) expect(await ended).toMatchObject({ code: 0, stderr: '' });
    for (const runId of runIds) {
      await expectComplete(place, runId);
      expect(await statusOf(place.url, runId)).toBe('finished');
      const run = await storedRun(place.url, runId);
      expect(run?.summary).toMatchObject({ 'train/loss': 1 / 300 });
    }
  });

  it('whoever reads a run while it is written sees whole batches', async () => {
    const place = await makePlace(storeUrl);
    const trainer = place.start(TRAINER, ['1'], place.withStore('run-1'));
    const seen = new Set<number>();
    await vi.waitFor(async () => {
      const { count, dense } = await heldOf(place.url, 'run-1');
      if (!dense) throw new Error(`there are gaps in ${count} records`);
      seen.add(count);
      expect(seen.size).toBeGreaterThan(10);
    }, WAIT);
    trainer.process.kill('SIGKILL');
    await trainer.ended;
  });

  it('a later run of the same id replaces one whose directory was deleted', async () => {
    const place = await makePlace(storeUrl);
    const env = place.withStore('run-1');
    expect(await place.start(TRAINER, ['1', '100'], env).ended).toMatchObject({ code: 0, stderr: '' });
    rmSync(path.join(place.root, 'runs'), { recursive: true });
    expect(await place.start(TRAINER, ['1', '20'], env).ended).toMatchObject({ code: 0, stderr: '' });
    await expectComplete(place, 'run-1');
    const steps = await queryStore(place.url, 'SELECT step FROM key_metrics ORDER BY step');
    expect(steps.map(({ step }) => Number(step))).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect((await storedRun(place.url, 'run-1'))?.row['status']).toBe('finished');
  });

  it('one that may still be running is left alone, and the trainer told', async () => {
    const place = await makePlace(storeUrl);
    const env = place.withStore('run-1');
    const killed = place.start(TRAINER, ['1'], env);
    await vi.waitFor(async () => expect((await heldOf(place.url, 'run-1')).count).toBeGreaterThan(50), WAIT);
    killed.process.kill('SIGKILL');
    await killed.ended;
    const before = await heldOf(place.url, 'run-1');
    rmSync(path.join(place.root, 'runs'), { recursive: true });
    const next = await place.start(TRAINER, ['1', '20'], env).ended;
    expect(next.code).toBe(0);
    expect(next.stderr).toMatch(/holds a run "run-1" that goes on elsewhere.*choose another run id/su);
    expect(await heldOf(place.url, 'run-1')).toEqual(before);
  });

  it('what was logged at or after the step that a later process goes back to is superseded', async () => {
    const place = await makePlace(storeUrl);
    const env = { ...place.withStore('run-1'), RUNCAST__RESUME: 'allow' };
    expect(await place.start(TRAINER, ['1', '100'], env).ended).toMatchObject({ code: 0, stderr: '' });
    expect(await place.start(TRAINER, ['61', '80', '61'], env).ended).toMatchObject({ code: 0, stderr: '' });
    const superseded = await queryStore(place.url, 'SELECT step FROM history WHERE superseded ORDER BY step');
    expect(superseded.map(({ step }) => Number(step))).toEqual(Array.from({ length: 40 }, (_, index) => index + 61));
    const curve = await queryStore(
      place.url,
      "SELECT step, value FROM key_metrics WHERE run_id = 'run-1' AND key = 'train/loss' ORDER BY step",
    );
    expect(curve.map(({ step, value }) => [Number(step), value])).toEqual(
      Array.from({ length: 80 }, (_, index) => [index + 1, 1 / (index + 1)]),
    );
    expect(await statusOf(place.url, 'run-1')).toBe('finished');
    expect((await storedRecords(place.url, 'run-1')).filter(({ kind }) => kind === 'step')).toHaveLength(120);
  });
}

/** What {@link makeTrainingPlace} starts scripts from. */
const FIXTURES = path.join(import.meta.dirname, '..', 'publisher', 'fixtures');

describe('in one SQLite file', () => {
  describeTrainers((root) => Promise.resolve(`sqlite:${path.join(root, 'store', 'runcast.db')}`), 4);
});

describeOnPostgres((program) => {
  describeTrainers(async () => {
    const server = await PostgresServer.start(program);
    onTestFinished(() => server.end());
    return server.urlOf();
  }, 8);
});
