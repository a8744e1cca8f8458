// What a trainer logs by mistake, all of it in one run: what is refused is told with its reason, what is odd but sound is
// shown by TensorBoard, and neither takes anything else with it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tensorboardSink } from '@runcast/tensorboard';
import { PIXEL_PNG } from '@runcast/testing';
import { createPublisher, type CloseReport, type MetricsPublisher } from 'runcast';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { missingTensorboard, READERS, startTensorboard, type TensorboardServer } from './tensorboard-server.ts';

const place = mkdtempSync(path.join(tmpdir(), 'runcast-bad-input-'));
const logDir = path.join(place, 'tb');
afterAll(() => rmSync(place, { recursive: true }));

const STEPS = [0, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1];
const NO_STEPS = [-1, -(2 ** 31), 1.5, Number.NaN, 2 ** 53, Infinity];
const TAGS = [' ', 'Größe/損失 🎉', 'new\nline', 'nul\0', '/lead', 'a//b', '__proto__', 'x'.repeat(1024)];
const NO_TAGS = ['', '\ud800', 'long'.repeat(2500)];

const HISTOGRAMS: Readonly<Record<string, readonly number[]>> = {
  empty: [],
  constant: [3, 3, 3],
  nan: [Number.NaN, Number.NaN],
  infinite: [Infinity, 1, 2, -Infinity],
  zeros: [0, 0],
  widest: [-Number.MAX_VALUE, Number.MAX_VALUE],
  narrowest: [Number.MIN_VALUE, 2 * Number.MIN_VALUE],
};

function svg(content: string, size = 'width="9" height="9"'): { readonly svg: string } {
  return { svg: `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${content}</svg>` };
}

const withoutPixels = Uint8Array.from(PIXEL_PNG, (byte, at) => (at >= 16 && at < 24 ? 0 : byte));
const NO_IMAGES: Readonly<Record<string, readonly [Uint8Array | { readonly path: string }, RegExp]>> = {
  'no image': [Buffer.from('hello'), /is not a PNG/u],
  'no bytes': [Buffer.alloc(0), /is not a PNG/u],
  'no pixels': [withoutPixels, /has no pixel/u],
  'too large': [Buffer.concat([PIXEL_PNG, Buffer.alloc(64 * 1024 * 1024)]), /at most 67108864 are allowed/u],
  'no file': [{ path: path.join(place, 'missing.png') }, /ENOENT/u],
};
const BROKEN = `<filter id="f" x="0" y="0" width="1e38" height="1e38" filterUnits="userSpaceOnUse"><feOffset dx="1e38"/>
  </filter><rect filter="url(#f)" width="9" height="9"/>`;
const UNDRAWABLE: Readonly<Record<string, readonly [{ readonly svg: string }, RegExp]>> = {
  'no size': [svg('', 'width="0" height="9"'), /invalid size/u],
  'too wide': [svg('', 'width="99999" height="9999"'), /99999 by 9999 pixels/u],
  'not in it': [svg('<image href="/etc/hostname" width="9" height="9"/>'), /refers to "\/etc\/hostname"/u],
  'no markup': [{ svg: '<svg <' }, /cannot be drawn/u],
  breaking: [svg(BROKEN), /breaks the renderer/u],
};

const rejected: string[] = [];
const sinkErrors: string[] = [];
let report: CloseReport;

function logEverything(publisher: MetricsPublisher): void {
  for (const step of [...STEPS, ...NO_STEPS]) publisher.logStep({ step, loss: 0.5 });
  for (const [index, tag] of [...TAGS, ...NO_TAGS].entries())
    publisher.log(Object.fromEntries([[tag, index]]), { step: 1 });
  for (const [name, values] of Object.entries(HISTOGRAMS)) publisher.logHistogram(`h/${name}`, values, { step: 1 });
  for (const [name, [image]] of Object.entries(NO_IMAGES)) publisher.logImage(`i/${name}`, image, { step: 1 });
  for (const [name, [image]] of Object.entries(UNDRAWABLE)) publisher.logImage(`s/${name}`, image, { step: 1 });
  publisher.logImage('s/good', svg('<rect width="5" height="5"/>'), { step: 1 });
  publisher.logBarChart('bars', { a: Number.NaN, b: -Infinity, c: 0 }, { step: 1 });
  publisher.logTable('table', { columns: [], rows: [] }, { step: 1 });
  publisher.log({ last: 1 }, { step: 1 });
}

beforeAll(async () => {
  const publisher = await createPublisher({
    run: { id: 'run', project: 'bad-input' },
    dir: path.join(place, 'runs'),
    sinks: [tensorboardSink({ logDir, logEveryNSteps: 1 })],
  });
  publisher.on('rejected', ({ call, key, reason }) => rejected.push(`${call} ${key}: ${reason}`));
  publisher.on('sinkError', ({ error }) => sinkErrors.push(error.message));
  logEverything(publisher);
  report = await publisher.close();
});

/** The reasons are those of the images, in their order. */
function expectReasons(reasons: readonly string[], images: Readonly<Record<string, readonly [unknown, RegExp]>>): void {
  const expected = Object.values(images).map(([, reason]) => reason);
  expect(reasons).toHaveLength(expected.length);
  for (const [index, reason] of expected.entries()) expect(reasons[index]).toMatch(reason);
}

describe('what cannot be recorded', () => {
  it('is rejected with its reason, once a key', () => {
    const told = (start: string): readonly string[] => rejected.filter((text) => text.startsWith(start));
    expect(told('logStep')).toEqual(['logStep step: is -1: an integer from 0 to 2^53 - 1 is needed']);
    expect(told('log ')).toEqual([
      'log : is empty',
      'log \ud800: holds a lone surrogate',
      expect.stringMatching(/has 10000 characters; at most 1024 are allowed$/u),
    ]);
    expectReasons(told('logImage'), NO_IMAGES);
    expect(told('logHistogram')).toEqual([]);
  });

  it('and what cannot be drawn is set aside with its reason; everything else is delivered', () => {
    const lines = readFileSync(path.join(place, 'runs', 'run', 'dead-letters', 'tensorboard.jsonl'), 'utf8');
    const letter = z.object({ reason: z.string() });
    const reasons = lines
      .trimEnd()
      .split('\n')
      .map((line) => letter.parse(JSON.parse(line)).reason);
    expectReasons(reasons, UNDRAWABLE);
    expect(sinkErrors.join('\n')).toMatch(/set aside in dead-letters\/tensorboard\.jsonl/u);
    expect(report.complete).toBe(true);
    expect(report.health.sinks['tensorboard']).toMatchObject({ refused: reasons.length, retries: 0, lagRecords: 0 });
  });
});

const histogramSeries = z.array(
  z.tuple([z.number(), z.number(), z.array(z.tuple([z.number(), z.number(), z.number()]))]),
);

describe.skipIf(missingTensorboard !== undefined).each(READERS)('TensorBoard, %s reader, shows', (reader) => {
  let server: TensorboardServer;

  beforeAll(async () => {
    server = await startTensorboard(logDir, reader);
    await server.poll(
      () => server.tags('scalars'),
      (tags) => tags['run']?.includes('last') === true,
    );
  });

  afterAll(() => server.stop());

  it('every step that is one', async () => {
    expect(await server.scalars('run', 'train/loss')).toEqual(STEPS.map((step) => [step, 0.5]));
  });

  it('every tag that is one', async () => {
    const tags = (await server.tags('scalars'))['run'];
    expect(tags).toEqual([...TAGS, 'train/loss', 'train/perplexity', 'last'].toSorted());
    for (const [index, tag] of TAGS.entries()) expect(await server.scalars('run', tag)).toEqual([[1, index]]);
  });

  it('every histogram, with edges that are numbers', async () => {
    for (const [name, values] of Object.entries(HISTOGRAMS)) {
      const query = new URLSearchParams({ run: 'run', tag: `h/${name}` });
      const [point] = histogramSeries.parse(
        await server.json(`/data/plugin/histograms/histograms?${query.toString()}`),
      );
      const buckets = point?.[2] ?? [];
      const finite = values.filter((value) => Number.isFinite(value));
      expect(buckets.reduce((sum, [, , count]) => sum + count, 0)).toBe(finite.length);
      expect(buckets.at(0)?.[0]).toBe(finite.length === 0 ? undefined : Math.min(...finite));
      expect(buckets.at(-1)?.[1]).toBe(finite.length === 0 ? undefined : Math.max(...finite));
    }
  });

  it('the images and texts between those that are none', async () => {
    expect(await server.tags('images')).toEqual({ run: ['bars', 's/good'] });
    const { run = [] } = z.record(z.string(), z.array(z.string())).parse(await server.json('/data/plugin/text/tags'));
    expect(run.toSorted()).toEqual(['bars/values', 'table']);
  });
});
