// What TensorBoard shows of a run as a whole: charts over the stages of its series, and its line on the HParams page,
// whenever its configuration came and however often it ended.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunRecord } from '@runcast/core';
import { createTensorboardSink, type TensorboardSink } from '@runcast/tensorboard';
import {
  batchOf,
  closeRecord,
  configRecord,
  defineMetricRecord,
  finalRecord,
  hparamsRecord,
  logRecord,
  openRecord,
  SAMPLE_TIME,
  stepRecord,
} from '@runcast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  missingTensorboard,
  READERS,
  startTensorboard,
  type SessionGroup,
  type TensorboardServer,
} from './tensorboard-server.ts';

const place = mkdtempSync(path.join(tmpdir(), 'runcast-sessions-'));
afterAll(() => rmSync(place, { recursive: true }));

function openRun(logDir: string, runId: string): TensorboardSink {
  const sink = createTensorboardSink({ logDir, logEveryNSteps: 1 });
  sink.open({ runId, runDirectory: place, position: undefined });
  return sink;
}

function writeRun(logDir: string, runId: string, ...records: readonly RunRecord[]): void {
  const sink = openRun(logDir, runId);
  sink.write(batchOf('w1', records));
  sink.close();
}

function series(name: string, step: number, metrics: Readonly<Record<string, number>>): RunRecord {
  const named = Object.entries(metrics).map(([metric, value]) => [`${name}/${metric}`, value] as const);
  return logRecord({ step, series: name, metrics: Object.fromEntries(named) });
}

const layoutSchema = z.object({
  category: z.array(
    z.object({
      title: z.string(),
      chart: z.array(z.object({ title: z.string(), multiline: z.object({ tag: z.array(z.string()) }) })),
    }),
  ),
});
const pointsOfTags = z.object({
  regex_valid: z.boolean(),
  tag_to_events: z.record(z.string(), z.array(z.tuple([z.number(), z.number(), z.number()]))),
});

/** Category, chart and expression of each chart. */
async function chartsOf(server: TensorboardServer): Promise<readonly (readonly string[])[]> {
  const layout = layoutSchema.safeParse(await server.json('/data/plugin/custom_scalars/layout'));
  if (!layout.success) return [];
  return layout.data.category.flatMap(({ title, chart }) =>
    chart.map((found) => [title, found.title, found.multiline.tag.join()]),
  );
}

/** The points of a chart, as its page asks for them. */
async function chartPoints(server: TensorboardServer, run: string, tag: string): Promise<Record<string, unknown>> {
  const query = new URLSearchParams({ run, tag });
  const found = pointsOfTags.parse(await server.json(`/data/plugin/custom_scalars/scalars?${query.toString()}`));
  expect(found.regex_valid).toBe(true);
  return Object.fromEntries(
    Object.entries(found.tag_to_events).map(([name, points]) => [name, points.map(([, step, value]) => [step, value])]),
  );
}

describe.skipIf(missingTensorboard !== undefined).each(READERS)('Custom Scalars, %s reader', (reader) => {
  const logDir = path.join(place, `series-${reader}`);
  let server: TensorboardServer;
  let live: TensorboardSink;

  beforeAll(async () => {
    writeRun(
      logDir,
      'pipeline',
      openRecord({ config: {} }),
      series('training/operator', 1, { loss: 1 }),
      series('training/operator', 2, { loss: 0.5, 'grad (l2)': 3 }),
      series('training/decoder', 1, { loss: 4 }),
      series('eval', 1, { 'nrmse[%]': 9 }),
      defineMetricRecord({ metric: 'tuning/*', step: 'tuning/step' }),
      logRecord({ step: 5, metrics: { 'tuning/lr': 0.25, other: 1 } }),
    );
    writeRun(logDir, 'plain', openRecord({ config: {} }), stepRecord());
    writeRun(logDir, 'again', openRecord({ config: {} }), series('training/operator', 1, { loss: 2, accuracy: 1 }));
    writeRun(
      logDir,
      'rewritten',
      openRecord({ config: {} }),
      series('stage/a', 3, { kept: 1 }),
      openRecord({ writer: 'w2', time: SAMPLE_TIME + 9, resumed: true, resume_step: 0 }),
      series('stage/a', 1, { kept: 2 }),
    );
    live = openRun(logDir, 'live');
    live.write(batchOf('w1', [openRecord({ config: {} }), series('growing/a', 1, { first: 1 })]));
    server = await startTensorboard(logDir, reader);
    await server.poll(
      () => chartsOf(server),
      (charts) => charts.length === 7,
    );
  });

  afterAll(async () => {
    live.close();
    await server.stop();
  });

  it('has a chart for each metric of a group, over all stages and runs', async () => {
    const charts = await chartsOf(server);
    expect(charts.map((chart) => chart.join(' | ')).toSorted()).toEqual([
      String.raw`eval | nrmse[%] | eval/nrmse\[%\]$`,
      'growing | first | growing/[^/]+/first$',
      'stage | kept | stage/[^/]+/kept$',
      'training | accuracy | training/[^/]+/accuracy$',
      String.raw`training | grad (l2) | training/[^/]+/grad \(l2\)$`,
      'training | loss | training/[^/]+/loss$',
      'tuning | lr | tuning/lr$',
    ]);
  });

  it('finds the points of each chart', async () => {
    expect(await chartPoints(server, 'pipeline', 'training/[^/]+/loss$')).toEqual({
      'training/operator/loss': [
        [1, 1],
        [2, 0.5],
      ],
      'training/decoder/loss': [[1, 4]],
    });
    expect(await chartPoints(server, 'pipeline', String.raw`training/[^/]+/grad \(l2\)$`)).toEqual({
      'training/operator/grad (l2)': [[2, 3]],
    });
    expect(await chartPoints(server, 'pipeline', String.raw`eval/nrmse\[%\]$`)).toEqual({ 'eval/nrmse[%]': [[1, 9]] });
    expect(await chartPoints(server, 'again', 'training/[^/]+/loss$')).toEqual({ 'training/operator/loss': [[1, 2]] });
    expect(await chartPoints(server, 'rewritten', 'stage/[^/]+/kept$')).toEqual({ 'stage/a/kept': [[1, 2]] });
  });

  it('has a new stage at once, and a new metric with its first point', async () => {
    live.write(batchOf('w1', [series('growing/b', 1, { first: 2 }), series('growing/b', 2, { second: 3 })]));
    const charts = await server.poll(
      () => chartsOf(server),
      (found) => found.length === 8,
    );
    expect(charts).toContainEqual(['growing', 'second', 'growing/[^/]+/second$']);
    expect(
      await server.poll(
        () => chartPoints(server, 'live', 'growing/[^/]+/first$'),
        (points) => Object.keys(points).length === 2,
      ),
    ).toEqual({ 'growing/a/first': [[1, 1]], 'growing/b/first': [[1, 2]] });
  });
});

function resumed(time: number): RunRecord {
  return openRecord({ writer: 'w2', time: SAMPLE_TIME + time, resumed: true, config: {} });
}

describe.skipIf(missingTensorboard !== undefined).each(READERS)('HParams, %s reader', (reader) => {
  const logDir = path.join(place, `hparams-${reader}`);
  let server: TensorboardServer;
  let lines: Readonly<Record<string, SessionGroup>>;

  beforeAll(async () => {
    const start = [openRecord({ config: { latent_dim: 32 } }), hparamsRecord({ hparams: { lr: 0.5 } }), stepRecord()];
    const ended = (status: 'finished' | 'failed' | 'crashed', time: number): RunRecord =>
      closeRecord({ status, time: SAMPLE_TIME + time });
    for (const [runId, records] of Object.entries<readonly RunRecord[]>({
      once: [...start, ended('finished', 50)],
      late: [
        ...start,
        configRecord({ config: { eval: { samples: 3072 } } }),
        hparamsRecord({ hparams: { lr: 0.25, warmup: true } }),
        finalRecord({ metrics: { 'final/loss': 0.125 } }),
        ended('failed', 60),
      ],
      running: [...start, configRecord({ config: { seed: 7 } })],
      resumed: [
        ...start,
        ended('failed', 50),
        resumed(60),
        stepRecord({ step: 2, metrics: { 'train/loss': 0.25 } }),
        ended('finished', 99),
      ],
      'going on': [...start, ended('finished', 50), resumed(60)],
      crashed: [...start, ended('crashed', 50)],
    }))
      writeRun(logDir, runId, ...records);
    server = await startTensorboard(logDir, reader);
    const groups = await server.poll(
      () => server.sessionGroups(),
      (found) => found.length === 6 && found.every(({ metricValues }) => metricValues.length > 0),
    );
    lines = Object.fromEntries(groups.map((group) => [group.sessions.map(({ name }) => name).join(), group]));
  });

  afterAll(() => server.stop());

  it('has one file of a run whose configuration was complete when it began', () => {
    expect(readdirSync(path.join(logDir, 'once'))).toEqual([expect.stringMatching(/^events\.out\.tfevents\./u)]);
    expect(readdirSync(path.join(logDir, 'late'))).toEqual([
      '0-hparams.tfevents',
      expect.stringMatching(/^events\.out\.tfevents\./u),
    ]);
  });

  it('has every parameter, also those added later, with the metrics beside them', () => {
    expect(lines['once']?.hparams).toEqual({ latent_dim: 32, lr: 0.5 });
    expect(lines['late']?.hparams).toEqual({ latent_dim: 32, lr: 0.25, 'eval.samples': 3072, warmup: true });
    expect(lines['late']?.metricValues.map(({ name, value }) => [name.group, name.tag, value]).toSorted()).toEqual([
      ['', 'final/loss', 0.125],
      ['', 'train/loss', 0.5],
      ['', 'train/perplexity', Math.fround(Math.exp(0.5))],
    ]);
    expect(lines['running']?.hparams).toEqual({ latent_dim: 32, lr: 0.5, seed: 7 });
  });

  it('has the status in which each run ended the last time', () => {
    const ends = Object.entries(lines).map(([name, { sessions }]) => {
      const { status = '', endTimeSecs = 0 } = sessions[0] ?? {};
      return [name, endTimeSecs === 0 ? status : `${status} after ${Math.round(endTimeSecs - SAMPLE_TIME)} s`] as const;
    });
    expect(Object.fromEntries(ends)).toEqual({
      once: 'STATUS_SUCCESS after 50 s',
      late: 'STATUS_FAILURE after 60 s',
      running: 'STATUS_UNKNOWN',
      resumed: 'STATUS_SUCCESS after 99 s',
      'going on': 'STATUS_UNKNOWN',
      crashed: 'STATUS_FAILURE after 50 s',
    });
  });
});
