import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseRecord, type RunRecord } from '@runcast/core';
import { batchOf, closeRecord, openRecord, PIXEL_PNG, stepRecord, systemRecord } from '@runcast/testing';
import { createWandbSink } from '@runcast/wandb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publisherFromEnv } from '../publisher-from-env.ts';
import { makeWorkplace, type Workplace } from './captured-run.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

/** Records of a run, every line a valid one. */
function records(run: string): readonly RunRecord[] {
  const directory = place.path('runs', run, 'log');
  const [log = ''] = readdirSync(directory);
  return readFileSync(path.join(directory, log), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const parsed = parseRecord(line);
      if (!parsed.ok) throw new Error(`${parsed.problem}: ${line}`);
      return parsed.record;
    });
}

function offlineRun(): string {
  const [directory = ''] = readdirSync(place.path('wandb'));
  return place.path('wandb', directory);
}

async function logOffline(): Promise<void> {
  const publisher = await publisherFromEnv({
    env: {
      RUNCAST__DIR: place.path('first'),
      RUNCAST__HOST: 'inline',
      WANDB__ENABLED: 'true',
      WANDB__MODE: 'offline',
      WANDB_DIR: place.cwd,
    },
    run: { id: 'run-1', project: 'demo', name: 'baseline', tags: ['lm'], config: { model: { width: 2 } } },
  });
  publisher.defineMetric('train/loss', { summary: 'min' });
  publisher.logStep({ step: 1, loss: 3 });
  publisher.logStep({ step: 2, loss: Number.NaN });
  publisher.logSummary({ nrmse: 0.09, best: true });
  publisher.logHistogram('weights', [1, 2, 3], { buckets: 2, step: 3 });
  publisher.logTable('compared', { columns: ['a'], rows: [[1]] }, { step: 4 });
  publisher.logImage('picture', PIXEL_PNG, { caption: 'a pixel', step: 5 });
  publisher.logText('samples', 'words', { step: 6 });
  writeFileSync(place.path('model.bin'), 'weights');
  publisher.saveFile('model.bin', { base: place.cwd });
  publisher.logArtifact({ name: 'model', type: 'model', files: ['model.bin'], base: place.cwd, aliases: ['best'] });
  publisher.alert({ title: 'Loss', text: 'is rising', level: 'warn' });
  await publisher.close({ status: 'failed' });
}

describe('an offline run', () => {
  it('becomes a run with everything that a log has a record for', async () => {
    await logOffline();
    const { code, stdout, stderr } = await place.runcast(['import', 'wandb', offlineRun()]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^run-1: \d+ records of "baseline", without 1 html-file\n$/u);
    const found = records('run-1');
    expect(found[0]).toMatchObject({ kind: 'open', project: 'demo', name: 'baseline' });
    // In which order rows and the rest stand, depends on the batches in which they came.
    const rest = found.filter(({ kind }) => !['open', 'log', 'define_metric'].includes(kind));
    expect(Object.fromEntries(rest.map((record) => [record.kind, record]))).toMatchObject({
      config: { config: { model: { width: 2 } } },
      tags: { tags: ['lm'] },
      file: { path: 'model.bin', bytes: 7 },
      artifact: { name: 'model', type: 'model', aliases: ['best'], files: [{ path: 'model.bin', bytes: 7 }] },
      alert: { title: 'Loss', text: 'is rising', level: 'warn' },
      histogram: { key: 'weights', edges: [1, 2, 3], counts: [1, 2], step: 3 },
      table: { key: 'compared', columns: ['a'], rows: [[1]], step: 4 },
      image: { key: 'picture', caption: 'a pixel', width: 1, step: 5 },
      summary: { summary: { nrmse: 0.09, best: true } },
      close: { status: 'failed', final: true },
    });
    expect(rest).toHaveLength(10);
    expect(found.filter(({ kind }) => kind === 'log')).toMatchObject([
      { step: 1, metrics: { 'train/loss': 3, 'train/step': 1 } },
      { step: 2, metrics: { 'train/loss': 'NaN', 'train/step': 2 } },
    ]);
    expect(found.filter(({ kind }) => kind === 'define_metric')).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ metric: 'train/loss', summary: 'min' }),
        expect.objectContaining({ metric: 'train/*', step: 'train/step' }),
      ]),
    );
  });

  it('whose files are gone has the rest', async () => {
    await logOffline();
    rmSync(path.join(offlineRun(), 'files'), { recursive: true });
    rmSync(path.join(offlineRun(), 'artifacts'), { recursive: true });
    const { stdout } = await place.runcast(['import', 'wandb', 'wandb', '--project', 'other', '--json']);
    const result: unknown = JSON.parse(stdout);
    expect(result).toMatchObject({
      damaged: 0,
      runs: [
        {
          id: 'run-1',
          status: 'failed',
          skipped: {
            'image-file': 1,
            'table-file': 1,
            'html-file': 1,
            'missing file': 1,
            'artifact whose files are missing': 1,
          },
        },
      ],
    });
    expect(records('run-1')[0]).toMatchObject({ project: 'other' });
  });

  it('that is cut off has what is whole, and says so', async () => {
    await logOffline();
    const file = path.join(offlineRun(), 'run-run-1.wandb');
    truncateSync(file, readFileSync(file).length - 5);
    const { code, stderr } = await place.runcast(['import', 'wandb', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/run-run-1\.wandb: the last record is cut off \(byte [\d,]+\)/u);
    expect(records('run-1').at(-1)).toMatchObject({ kind: 'close', status: 'unknown' });
  });

  it('has its system metrics', async () => {
    const sink = createWandbSink({ mode: 'offline', dir: place.cwd });
    const runDirectory = place.path('first');
    mkdirSync(runDirectory);
    await sink.open?.({
      runId: 'run-2',
      runDirectory,
      position: undefined,
      uploadPosition: undefined,
      signal: new AbortController().signal,
      notify: () => undefined,
    });
    await sink.write(
      batchOf('w1', [openRecord(), systemRecord({ seq: 1 }), stepRecord({ seq: 2 }), closeRecord({ seq: 3 })]),
    );
    await sink.close({ status: 'finished', final: true });
    await place.runcast(['import', 'wandb', 'wandb']);
    expect(records('run-2')).toMatchObject([
      { kind: 'open', name: 'run-2' },
      { kind: 'config', config: { latent_dim: 32 } },
      { kind: 'define_metric' },
      { kind: 'define_metric' },
      { kind: 'system', metrics: { 'system/cpu': 0.25 } },
      { kind: 'log' },
      { kind: 'close', status: 'finished' },
    ]);
  });
});

describe('nothing', () => {
  it('is imported where there is none', async () => {
    mkdirSync(place.path('empty'));
    expect(await place.runcast(['import', 'wandb', 'empty'])).toMatchObject({ code: 1, stderr: 'no runs in empty\n' });
    writeFileSync(place.path('empty', 'x.wandb'), 'not a log');
    expect(await place.runcast(['import', 'wandb', 'empty'])).toMatchObject({
      code: 1,
      stderr: 'empty/x.wandb: this is no .wandb file (byte 0)\nno runs in empty\n',
    });
    const { code, stderr } = await place.runcast(['import', 'wandb']);
    expect(code).toBe(2);
    expect(stderr).toContain('name a directory or .wandb file');
  });
});
