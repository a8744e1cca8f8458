// Event files read back by TensorBoard itself, through both of its readers: the only judge that counts.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunRecord, Scalar } from '@runcast/core';
import { createTensorboardSink, type TensorboardSink } from '@runcast/tensorboard';
import {
  batchOf,
  closeRecord,
  configRecord,
  epochRecord,
  finalRecord,
  hparamsRecord,
  logRecord,
  openRecord,
  SAMPLE_TIME,
  stepRecord,
  summaryRecord,
  validationRecord,
} from '@runcast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTensorboard, READERS, startTensorboard, type TensorboardServer } from './tensorboard-server.ts';

const place = mkdtempSync(path.join(tmpdir(), 'runcast-tensorboard-'));
const logDir = path.join(place, 'tb');

function openRun(runId: string): TensorboardSink {
  const sink = createTensorboardSink({ logDir, logEveryNSteps: 1 });
  sink.open({ runId, runDirectory: place, position: undefined });
  return sink;
}

function writeRun(runId: string, ...records: readonly RunRecord[]): void {
  const sink = openRun(runId);
  sink.write(batchOf('w1', records));
  sink.close();
}

function step(at: number, metrics: Readonly<Record<string, Scalar>> = { 'train/loss': at }): RunRecord {
  return stepRecord({ step: at, time: SAMPLE_TIME + at, metrics });
}

function resume(resumeStep: number): RunRecord {
  return openRecord({ writer: 'w2', time: SAMPLE_TIME + 1000, resumed: true, resume_step: resumeStep });
}

const STEPS = Array.from({ length: 300 }, (_, index) => index);
const STRANGE_TAGS = ['Größe/π', 'emoji/🎉', 'a b/c d', '__proto__', '../up', 'x'.repeat(500), 'new\nline'];

beforeAll(() => {
  mkdirSync(logDir);
  writeRun(
    'full',
    openRecord({ config: { latent_dim: 32, optimizer: { name: 'adam', betas: [1, 2] } } }),
    configRecord({ config: { seed: 7 } }),
    hparamsRecord({
      hparams: {
        model_family: 'bigram',
        batch_size: 32,
        learning_rate: 3e-4,
        zero: 0,
        empty: '',
        shuffle: false,
        ünï: 'ö',
      },
    }),
    ...STEPS.map((at) =>
      step(at, { 'train/loss': 1 / (at + 1), 'train/perplexity': Math.exp(1 / (at + 1)), 'train/zero': 0 }),
    ),
    epochRecord({ epoch: 0, metrics: { 'epoch/loss': 0.5 } }),
    epochRecord({ epoch: 1, metrics: { 'epoch/loss': 0.25 } }),
    validationRecord({ epoch: 1, metrics: { 'val/loss': 0.125 } }),
    logRecord({ step: 7, metrics: { 'production/iron-plate': 450.5 } }),
    logRecord({ step: 3, series: 'training/op', metrics: { 'training/op/loss': 2 } }),
    logRecord({ metrics: { free: 1 } }),
    logRecord({ metrics: { free: 2 } }),
    finalRecord({ metrics: { 'final/loss': 0.5, 'final/perplexity': 'Infinity' }, total_steps: 300 }),
    summaryRecord({ summary: { 'eval/nrmse': 0.25, 'eval/note': 'good' } }),
    closeRecord({ time: SAMPLE_TIME + 400 }),
  );
  writeRun(
    'special',
    openRecord(),
    step(1, { a: 'NaN', b: 'Infinity', c: '-Infinity', d: -0 }),
    step(2, { a: 1, b: 2, c: 3, d: 4 }),
    step(2 ** 53 - 1, { late: 1 }),
    closeRecord({ status: 'failed' }),
  );
  writeRun(
    'tags',
    openRecord({ config: {} }),
    step(1, Object.fromEntries(STRANGE_TAGS.map((tag, index) => [tag, index]))),
  );
  writeRun('broken text', openRecord({ config: {} }), step(1, { '\ud800': 1 }), step(2, { after: 2 }));
  writeRun('resumed', openRecord({ config: {} }), ...[0, 4, 9].map((at) => step(at)), resume(5), step(5), step(6));
  writeRun('rewound', openRecord({ config: {} }), ...[0, 5, 9, 4, 6, 2].map((at) => step(at)));
  writeRun(
    'repeated',
    openRecord({ config: {} }),
    step(1),
    step(2, { 'train/loss': 20 }),
    step(2, { 'train/loss': 21 }),
    step(3),
  );
  writeRun('running', openRecord({ config: {} }), hparamsRecord(), step(1));
});

afterAll(() => rmSync(place, { recursive: true }));

describe.skipIf(missingTensorboard !== undefined).each(READERS)('TensorBoard, %s reader', (reader) => {
  let server: TensorboardServer;

  beforeAll(async () => {
    server = await startTensorboard(logDir, reader);
    await server.poll(
      () => server.tags('scalars'),
      (tags) => Object.keys(tags).length === 10 && tags['full']?.length === 12,
    );
  });

  afterAll(() => server.stop());

  it('has every run and every tag', async () => {
    expect(await server.tags('scalars')).toEqual({
      full: [
        'epoch/loss',
        'eval/nrmse',
        'final/loss',
        'final/perplexity',
        'final/total_steps',
        'free',
        'production/iron-plate',
        'train/loss',
        'train/perplexity',
        'train/zero',
        'training/op/loss',
        'val/loss',
      ],
      special: ['a', 'b', 'c', 'd', 'late'],
      tags: STRANGE_TAGS.toSorted(),
      'broken text': ['after', '\ufffd'],
      resumed: ['train/loss'],
      rewound: ['train/loss'],
      'rewound/rewind-1': ['train/loss'],
      'rewound/rewind-2': ['train/loss'],
      repeated: ['train/loss'],
      running: ['train/loss'],
    });
  });

  it('has every value at its step', async () => {
    expect(await server.scalars('full', 'train/loss')).toEqual(STEPS.map((at) => [at, Math.fround(1 / (at + 1))]));
    expect(await server.scalars('full', 'train/perplexity')).toEqual(
      STEPS.map((at) => [at, Math.fround(Math.exp(1 / (at + 1)))]),
    );
    expect(await server.scalars('full', 'train/zero')).toEqual(STEPS.map((at) => [at, 0]));
    expect(await server.scalars('full', 'epoch/loss')).toEqual([
      [0, 0.5],
      [1, 0.25],
    ]);
    expect(await server.scalars('full', 'val/loss')).toEqual([[1, 0.125]]);
    expect(await server.scalars('full', 'production/iron-plate')).toEqual([[7, 450.5]]);
    expect(await server.scalars('full', 'training/op/loss')).toEqual([[3, 2]]);
    expect(await server.scalars('full', 'free')).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(await server.scalars('full', 'final/loss')).toEqual([[299, 0.5]]);
    expect(await server.scalars('full', 'final/perplexity')).toEqual([[299, 'Infinity']]);
    expect(await server.scalars('full', 'final/total_steps')).toEqual([[299, 300]]);
    expect(await server.scalars('full', 'eval/nrmse')).toEqual([[299, 0.25]]);
  });

  it('has NaN, the infinities, and steps up to 2^53 - 1', async () => {
    expect(await server.scalars('special', 'a')).toEqual([
      [1, 'NaN'],
      [2, 1],
    ]);
    expect(await server.scalars('special', 'b')).toEqual([
      [1, 'Infinity'],
      [2, 2],
    ]);
    expect(await server.scalars('special', 'c')).toEqual([
      [1, '-Infinity'],
      [2, 3],
    ]);
    expect(await server.scalars('special', 'd')).toEqual([
      [1, -0],
      [2, 4],
    ]);
    expect(await server.scalars('special', 'late')).toEqual([[2 ** 53 - 1, 1]]);
  });

  it('has any tag, and goes on after text that is not well-formed', async () => {
    for (const [index, tag] of STRANGE_TAGS.entries()) expect(await server.scalars('tags', tag)).toEqual([[1, index]]);
    expect(await server.scalars('broken text', '\ufffd')).toEqual([[1, 1]]);
    expect(await server.scalars('broken text', 'after')).toEqual([[2, 2]]);
  });

  it('drops what a resumed run supersedes', async () => {
    expect(await server.scalars('resumed', 'train/loss')).toEqual([
      [0, 0],
      [4, 4],
      [5, 5],
      [6, 6],
    ]);
  });

  it('keeps everything of a run whose steps go back', async () => {
    expect(await server.scalars('rewound', 'train/loss')).toEqual([
      [0, 0],
      [5, 5],
      [9, 9],
    ]);
    expect(await server.scalars('rewound/rewind-1', 'train/loss')).toEqual([
      [4, 4],
      [6, 6],
    ]);
    expect(await server.scalars('rewound/rewind-2', 'train/loss')).toEqual([[2, 2]]);
  });

  it('has the last of repeated steps, the Python reader all', async () => {
    const repeats =
      reader === 'fast'
        ? [[2, 21]]
        : [
            [2, 20],
            [2, 21],
          ];
    expect(await server.scalars('repeated', 'train/loss')).toEqual([[1, 1], ...repeats, [3, 3]]);
  });
});

describe.skipIf(missingTensorboard !== undefined).each(READERS)('HParams, %s reader', (reader) => {
  // A directory of its own: one run with a step over 2^31 makes the page fail for all.
  const hparamsDir = path.join(place, `hparams-${reader}`);
  let server: TensorboardServer;

  beforeAll(async () => {
    for (const [runId, records] of Object.entries<readonly RunRecord[]>({
      first: [
        openRecord({ config: { latent_dim: 32, optimizer: { name: 'adam' } } }),
        hparamsRecord({ hparams: { lr: 3e-4, family: 'bigram', zero: 0, empty: '', shuffle: false } }),
        step(1),
        step(2),
        finalRecord({ metrics: { 'final/loss': 0.5 } }),
        closeRecord({ time: SAMPLE_TIME + 400 }),
      ],
      second: [
        openRecord({ config: { latent_dim: 64 } }),
        configRecord({ config: { seed: 7 } }),
        step(5),
        closeRecord({ status: 'failed' }),
      ],
      third: [openRecord({ config: {} }), hparamsRecord({ hparams: { lr: 1 } }), step(7)],
      unknown: [openRecord({ config: {} }), hparamsRecord({ hparams: { lr: 2 } }), closeRecord({ status: 'unknown' })],
      rewound: [openRecord({ config: {} }), hparamsRecord({ hparams: { lr: 3 } }), step(7), step(3)],
      none: [openRecord({ config: {} }), step(1), closeRecord()],
    })) {
      const sink = createTensorboardSink({ logDir: hparamsDir });
      sink.open({ runId, runDirectory: place, position: undefined });
      sink.write(batchOf('w1', records));
      sink.close();
    }
    server = await startTensorboard(hparamsDir, reader);
    await server.poll(
      () => server.tags('scalars'),
      (tags) => Object.keys(tags).length === 6,
    );
  });

  afterAll(() => server.stop());

  it('has every session with its parameters, status, times and metrics', async () => {
    const groups = await server.poll(
      () => server.sessionGroups(),
      (answer) => answer.length === 5,
    );
    const byName = Object.fromEntries(groups.map((group) => [group.sessions.map(({ name }) => name).join(), group]));
    expect(Object.keys(byName).toSorted()).toEqual(['first', 'rewound', 'second', 'third', 'unknown']);
    expect(byName['first']).toMatchObject({
      hparams: {
        latent_dim: 32,
        'optimizer.name': 'adam',
        lr: 3e-4,
        family: 'bigram',
        zero: 0,
        empty: '',
        shuffle: false,
      },
      sessions: [{ status: 'STATUS_SUCCESS', startTimeSecs: SAMPLE_TIME, endTimeSecs: SAMPLE_TIME + 400 }],
    });
    expect(byName['first']?.metricValues.toSorted((a, b) => (a.name.tag < b.name.tag ? -1 : 1))).toMatchObject([
      { name: { group: '', tag: 'final/loss' }, value: 0.5, trainingStep: 2 },
      { name: { group: '', tag: 'train/loss' }, value: 2, trainingStep: 2 },
    ]);
    expect(byName['second']).toMatchObject({
      hparams: { latent_dim: 64, seed: 7 },
      metricValues: [{ name: { tag: 'train/loss' }, value: 5, trainingStep: 5 }],
      sessions: [{ status: 'STATUS_FAILURE', startTimeSecs: SAMPLE_TIME, endTimeSecs: SAMPLE_TIME }],
    });
    expect(byName['third']).toMatchObject({
      hparams: { lr: 1 },
      metricValues: [{ value: 7, trainingStep: 7 }],
      sessions: [{ status: 'STATUS_UNKNOWN', endTimeSecs: 0 }],
    });
    expect(byName['unknown']).toMatchObject({ sessions: [{ status: 'STATUS_UNKNOWN', endTimeSecs: SAMPLE_TIME }] });
    expect(byName['rewound']?.metricValues.map(({ name, value }) => [name.group, value]).toSorted()).toEqual([
      ['', 7],
      ['rewind-1', 3],
    ]);
  });
});

describe.skipIf(missingTensorboard !== undefined).each(READERS)('a TensorBoard that is open, %s reader', (reader) => {
  it('reads on after a crash: the file is cut and what is sent again follows', async () => {
    const liveDir = path.join(place, `live-${reader}`);
    const sinkOf = (): TensorboardSink => createTensorboardSink({ logDir: liveDir });
    const run = { runId: 'live', runDirectory: place };
    const first = sinkOf();
    first.open({ ...run, position: undefined });
    first.write(batchOf('w1', [openRecord(), step(1), step(2)]));
    const position = first.position();
    first.write(batchOf('w1', [step(3), step(4), step(5)]));
    const server = await startTensorboard(liveDir, reader);
    try {
      const points = (): Promise<readonly unknown[]> => server.scalars('live', 'train/loss').catch(() => []);
      const seen = await server.poll(points, (answer) => answer.length === 5);
      expect(seen).toEqual([1, 2, 3, 4, 5].map((at) => [at, at]));
      const second = sinkOf();
      second.open({ ...run, position });
      second.write(batchOf('w1', [step(3)]));
      second.write(batchOf('w1', [step(4), step(5), step(6)]));
      expect(await server.poll(points, (answer) => answer.length >= 6)).toEqual(
        [1, 2, 3, 4, 5, 6].map((at) => [at, at]),
      );
      second.write(batchOf('w1', [step(7)]));
      second.close();
      first.close();
      expect(await server.poll(points, (answer) => answer.length >= 7)).toEqual(
        [1, 2, 3, 4, 5, 6, 7].map((at) => [at, at]),
      );
    } finally {
      await server.stop();
    }
  });
});
