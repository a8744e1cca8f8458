// Histograms, images, texts and tables as TensorBoard serves them, and files of the summary writer.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readImageHeader } from '@runcast/core';
import { createTensorboardSink, openSummaryWriter } from '@runcast/tensorboard';
import {
  barChartRecord,
  batchOf,
  histogramRecord,
  imageRecord,
  openRecord,
  PIXEL_PNG,
  stepRecord,
  tableRecord,
  textRecord,
  writeBlob,
} from '@runcast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { missingTensorboard, READERS, startTensorboard, type TensorboardServer } from './tensorboard-server.ts';

const place = mkdtempSync(path.join(tmpdir(), 'runcast-payloads-'));
const logDir = path.join(place, 'tb');
const STRANGE_CELLS = [
  'a|b',
  '*x*',
  '`y`',
  '__z__',
  '<b>h</b>',
  'a_b_c',
  '\\',
  '[u](http://v)',
  'Größe 🎉',
  '# 1.',
  '- x',
  '~~s~~',
  '&amp;',
];

const DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><text y="20">loss</text></svg>';

const histograms = z.array(z.tuple([z.number(), z.number(), z.array(z.array(z.number()))]));
const texts = z.array(z.object({ step: z.number(), text: z.string() }));
const images = z.array(z.object({ step: z.number(), query: z.string() }));

function writeRun(): void {
  const sink = createTensorboardSink({ logDir });
  sink.open({ runId: 'run', runDirectory: place, position: undefined });
  sink.write(
    batchOf('w1', [
      openRecord({ config: {} }),
      stepRecord({ step: 3, metrics: { 'train/loss': 0.5 } }),
      histogramRecord({ key: 'weights', step: 1, edges: [-1, 0, 2.5], counts: [3, 5] }),
      histogramRecord({ key: 'weights', step: 2, edges: [0.1, 0.1], counts: [7] }),
      histogramRecord({ key: 'weights', step: 3, edges: [], counts: [], non_finite: 4 }),
      imageRecord({ key: 'heatmap', step: 1, caption: 'a **pixel**', ...writeBlob(place, PIXEL_PNG, '.png') }),
      imageRecord({ key: 'heatmap', step: 2, ...writeBlob(place, PIXEL_PNG, '.png') }),
      imageRecord({ key: 'drawing', step: 1, format: 'svg', ...writeBlob(place, Buffer.from(DRAWING), '.svg') }),
      textRecord({ key: 'samples', step: 1, text: '# Title\n\n**once** <b>upon</b> a \ud800 time' }),
      textRecord({ key: 'samples', step: 2, text: 'second' }),
      tableRecord({
        key: 'comparison',
        step: 1,
        columns: ['model', 'nrmse'],
        rows: [
          ['baseline', 0.12],
          ['ttc', null],
        ],
      }),
      tableRecord({ key: 'strange', step: 1, columns: ['cell', 'x|y'], rows: STRANGE_CELLS.map((cell) => [cell, 1]) }),
      barChartRecord({ key: 'violations', bars: { mass: 3, energy_total: 'NaN' } }),
    ]),
  );
  sink.close();
}

function writeWithSummaryWriter(): void {
  using writer = openSummaryWriter(path.join(logDir, 'written'));
  writer.addScalar('loss', 0.5, 1);
  writer.addScalars('acc', { train: 0.25, val: 0.75 }, 1);
  writer.addHistogram('weights', [0, 1, 2, 3], 1, 2);
  writer.addImage('pixel', PIXEL_PNG, 1);
  writer.addText('note', '*hello*', 1);
  writer.addHparams({ lr: 0.1, model: 'm' }, { accuracy: 0.75 });
}

/** What the cells of a table say, without markup, row by row. */
function cellsOf(html: string): readonly (readonly string[])[] {
  return [...html.matchAll(/<tr>(.*?)<\/tr>/gsu)].map(([, row = '']) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gsu)].map(([, cell = '']) => cell),
  );
}

function unescaped(html: string): string {
  return html.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

beforeAll(() => {
  writeRun();
  writeWithSummaryWriter();
});

afterAll(() => rmSync(place, { recursive: true }));

describe.skipIf(missingTensorboard !== undefined).each(READERS)('TensorBoard, %s reader', (reader) => {
  let server: TensorboardServer;

  const series = async <T>(
    schema: z.ZodType<T>,
    plugin: string,
    route: string,
    tag: string,
    run = 'run',
  ): Promise<T> => {
    const query = new URLSearchParams({ run, tag });
    return schema.parse(await server.json(`/data/plugin/${plugin}/${route}?${query.toString()}`));
  };
  const textOf = (tag: string): Promise<z.infer<typeof texts>> => series(texts, 'text', 'text', tag);

  beforeAll(async () => {
    server = await startTensorboard(logDir, reader);
    await server.poll(
      async () => ({ text: await server.tags('text'), scalars: await server.tags('scalars') }),
      ({ text, scalars }) => text['run']?.length === 4 && scalars['written']?.length === 4,
    );
  });

  afterAll(() => server.stop());

  it('has histograms with their buckets, also constant and empty ones', async () => {
    expect(await server.tags('histograms')).toEqual({ run: ['weights'], written: ['weights'] });
    expect(
      (await series(histograms, 'histograms', 'histograms', 'weights')).map(([, step, buckets]) => [step, buckets]),
    ).toEqual([
      [
        1,
        [
          [-1, 0, 3],
          [0, 2.5, 5],
        ],
      ],
      [2, [[0.1, 0.1, 7]]],
      [3, []],
    ]);
  });

  it('has images, byte for byte', async () => {
    expect(await server.tags('images')).toEqual({
      run: ['drawing', 'heatmap', 'violations'],
      written: ['pixel'],
    });
    const found = await series(images, 'images', 'images', 'heatmap');
    expect(found.map(({ step }) => step)).toEqual([1, 2]);
    for (const { query } of found) {
      const response = await server.fetch(`/data/plugin/images/individualImage?${query}`);
      expect(response.headers.get('content-type')).toBe('image/png');
      expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(PIXEL_PNG));
    }
  });

  it.each([
    ['drawing', { width: 40, height: 30 }],
    ['violations', { width: 720, height: 90 }],
  ])('has what was drawn as PNG: %s', async (tag, size) => {
    const [drawn] = await series(images, 'images', 'images', tag);
    const response = await server.fetch(`/data/plugin/images/individualImage?${drawn?.query}`);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(readImageHeader(new Uint8Array(await response.arrayBuffer()))).toEqual({ format: 'png', ...size });
  });

  it('has text as Markdown', async () => {
    const [first, second] = await textOf('samples');
    expect(first?.step).toBe(1);
    expect(first?.text).toContain('<h1>Title</h1>');
    expect(first?.text).toContain('<strong>once</strong> &lt;b&gt;upon&lt;/b&gt; a \ufffd time');
    expect(second).toEqual({ step: 2, text: '<p>second</p>' });
  });

  it('has tables, and the values of bar charts, as tables', async () => {
    const [comparison] = await textOf('comparison');
    expect(cellsOf(comparison?.text ?? '')).toEqual([
      ['model', 'nrmse'],
      ['baseline', '0.12'],
      ['ttc', ''],
    ]);
    const [violations] = await textOf('violations/values');
    expect(cellsOf(violations?.text ?? '')).toEqual([
      ['bar', 'value'],
      ['mass', '3'],
      ['energy_total', 'NaN'],
    ]);
  });

  it('shows the text of a cell as it is', async () => {
    const [strange] = await textOf('strange');
    const [header, ...rows] = cellsOf(strange?.text ?? '');
    expect(header).toEqual(['cell', 'x|y']);
    expect(rows.map(([cell = '']) => unescaped(cell))).toEqual(STRANGE_CELLS);
  });

  it('has everything of the summary writer, and its scalars as metrics of its session', async () => {
    expect((await server.tags('scalars'))['written']).toEqual(['acc/train', 'acc/val', 'accuracy', 'loss']);
    expect(await server.scalars('written', 'acc/val')).toEqual([[1, 0.75]]);
    expect(
      (await series(histograms, 'histograms', 'histograms', 'weights', 'written')).map(([, , buckets]) => buckets),
    ).toEqual([
      [
        [0, 1.5, 2],
        [1.5, 3, 2],
      ],
    ]);
    expect(await series(texts, 'text', 'text', 'note', 'written')).toMatchObject([{ text: '<p><em>hello</em></p>' }]);
    const [group] = await server.poll(
      () => server.sessionGroups(),
      (groups) => groups.length === 1,
    );
    expect(group).toMatchObject({
      hparams: { lr: 0.1, model: 'm' },
      sessions: [{ name: 'written', status: 'STATUS_SUCCESS' }],
    });
    expect(group?.metricValues.map(({ name, value }) => [name.tag, value]).toSorted()).toEqual([
      ['acc/train', 0.25],
      ['acc/val', 0.75],
      ['accuracy', 0.75],
      ['loss', 0.5],
    ]);
  });
});
