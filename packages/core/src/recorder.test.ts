import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonPrimitive } from './json.ts';
import type { MetricShapes } from './metrics.ts';
import { parseRecord } from './parse-record.ts';
import type { Rejection } from './publisher.ts';
import { Recorder, type BlobStore, type RecordLog } from './recorder.ts';

const NOW_MS = 1_795_238_781_123;
const HEAD = { v: 1, time: 1_795_238_781.123 };

const TOKEN = `ghp_${'a1'.repeat(18)}`;

/** A PNG's signature, the IHDR chunk's head and its first two fields. */
function png(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}

/** Blobs in memory: the files there are, by absolute path. */
function memoryBlobs(files: Readonly<Record<string, Uint8Array>> = {}): BlobStore & { readonly kept: string[] } {
  const kept: string[] = [];
  const read = (path: string): Uint8Array => {
    const bytes = files[path];
    if (bytes === undefined) throw new Error(`ENOENT: ${path}`);
    return bytes;
  };
  return {
    kept,
    put: (bytes, extension) => ({ blob: `blobs/ab/abc.${extension}`, bytes: bytes.length, sha256: 'abc' }),
    copy: (path) => {
      const { length } = read(path);
      kept.push(path);
      return { blob: `blobs/files/${kept.length}`, bytes: length };
    },
    read,
  };
}

interface Recording<Shapes extends MetricShapes> {
  readonly recorder: Recorder<Shapes>;
  readonly lines: string[];
  readonly rejections: Rejection[];
  readonly written: boolean[];
}

function record<Shapes extends MetricShapes = MetricShapes>(
  options: { readonly blobs?: BlobStore; readonly append?: RecordLog['append'] } = {},
): Recording<Shapes> {
  const lines: string[] = [];
  const rejections: Rejection[] = [];
  const written: boolean[] = [];
  const recorder = new Recorder<Shapes>({
    log: {
      append: (line, nowMs, writeNow) => {
        if (options.append?.(line, nowMs, writeNow) === false) return false;
        lines.push(line.toString());
        written.push(writeNow);
        return true;
      },
    },
    blobs: options.blobs ?? memoryBlobs(),
    nowMs: () => NOW_MS,
    onRejected: (rejection) => rejections.push(rejection),
  });
  return { recorder, lines, rejections, written };
}

/** The records of the lines, each of which has to be one. */
function parsed(lines: readonly string[]): readonly unknown[] {
  return lines.map((line) => {
    expect(line.endsWith('\n')).toBe(true);
    const result = parseRecord(line.slice(0, -1));
    return result.ok ? result.record : result.problem;
  });
}

/** Calls a method as plain JavaScript would, with whatever arguments. */
function call(recorder: object, method: string, ...args: readonly unknown[]): void {
  const body: unknown = Reflect.get(recorder, method);
  if (typeof body !== 'function') throw new TypeError(`there is no ${method}`);
  Reflect.apply(body, recorder, args);
}

describe('rows of typed metrics', () => {
  it('has what is its own, and nothing that it inherits', () => {
    const { recorder, lines, rejections } = record();
    const heir = (own: Readonly<Record<string, unknown>>): object => {
      const object = { ...own };
      Reflect.setPrototypeOf(object, { inherited: 1, loss: 'a default' });
      return object;
    };
    call(recorder, 'logStep', heir({ step: 1, lr: 2, metrics: heir({ norm: 3 }) }));
    call(recorder, 'log', heir({ lr: 4 }));
    expect(parsed(lines)).toMatchObject([{ metrics: { 'train/lr': 2, 'train/norm': 3 } }, { metrics: { lr: 4 } }]);
    expect(lines.join('')).not.toMatch(/inherited|loss/u);
    expect(rejections).toEqual([]);
  });

  it('is one line of JSON, numbers as JavaScript writes them', () => {
    const { recorder, lines } = record();
    recorder.logStep({ step: 16, loss: 0.5, metrics: { grad_norm: Number.NaN } });
    expect(lines).toEqual([
      '{"v":1,"seq":0,"time":1795238781.123,"kind":"step","n":1,"step":16,"metrics":{"train/loss":0.5,"train/perplexity":1.6487212707001282,"train/grad_norm":"NaN"}}\n',
    ]);
  });

  it('numbers records densely from 0, and steps from 1 whatever lies between', () => {
    const { recorder, lines } = record();
    recorder.logStep({ step: 0, loss: 1 });
    recorder.logEpoch({ epoch: 0, loss: 1 });
    recorder.logStep({ step: 5, loss: 1 });
    expect(parsed(lines)).toMatchObject([
      { seq: 0, kind: 'step', n: 1, step: 0 },
      { seq: 1, kind: 'epoch', epoch: 0 },
      { seq: 2, kind: 'step', n: 2, step: 5 },
    ]);
    expect(recorder).toMatchObject({ records: 3, steps: 2, rejected: 0, dropped: 0 });
  });

  it('gives epochs, validations and the final result prefixes of their own', () => {
    const { recorder, lines } = record();
    recorder.logEpoch({ epoch: 1, loss: 0, metrics: { learning_rate: 1e-3 } });
    recorder.logValidation({ epoch: 1, loss: 0 });
    recorder.logFinal({ loss: 0, total_steps: 100 });
    recorder.logFinal({ loss: 0 });
    expect(parsed(lines)).toEqual([
      {
        ...HEAD,
        seq: 0,
        kind: 'epoch',
        epoch: 1,
        metrics: { 'epoch/loss': 0, 'epoch/perplexity': 1, 'epoch/learning_rate': 1e-3 },
      },
      { ...HEAD, seq: 1, kind: 'validation', epoch: 1, metrics: { 'val/loss': 0, 'val/perplexity': 1 } },
      { ...HEAD, seq: 2, kind: 'final', total_steps: 100, metrics: { 'final/loss': 0, 'final/perplexity': 1 } },
      { ...HEAD, seq: 3, kind: 'final', metrics: { 'final/loss': 0, 'final/perplexity': 1 } },
    ]);
  });

  it.each([
    [19.999, Math.exp(19.999)],
    [20, 'Infinity'],
    [Infinity, 'Infinity'],
    [-Infinity, 0],
    [Number.NaN, 'NaN'],
  ])('derives the perplexity of a loss of %d', (loss, perplexity) => {
    const { recorder, lines } = record();
    recorder.logStep({ step: 0, loss });
    expect(parsed(lines)).toMatchObject([{ metrics: { 'train/perplexity': perplexity } }]);
  });

  it('derives no perplexity where there is no loss, or where one is given', () => {
    const { recorder, lines } = record<{ step: { reward: number }; epoch: { loss: number; perplexity: number } }>();
    recorder.logStep({ step: 0, reward: 2 });
    recorder.logEpoch({ epoch: 0, loss: 1, perplexity: 7 });
    expect(parsed(lines)).toMatchObject([
      { metrics: { 'train/reward': 2 } },
      { metrics: { 'epoch/loss': 1, 'epoch/perplexity': 7 } },
    ]);
    expect(lines.join('')).not.toContain('train/perplexity');
  });

  it('leaves out what is undefined', () => {
    const { recorder, lines, rejections } = record<{ step: { reward: number; entropy?: number | undefined } }>();
    recorder.logStep({ step: 0, reward: 2, entropy: undefined });
    expect(parsed(lines)).toEqual([{ ...HEAD, seq: 0, kind: 'step', n: 1, step: 0, metrics: { 'train/reward': 2 } }]);
    expect(rejections).toEqual([]);
  });

  it.each([
    [-0, -0],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
    [Number.NaN, 'NaN'],
    [5e-324, 5e-324],
    [1.7976931348623157e308, 1.7976931348623157e308],
    [1e21, 1e21],
  ])('keeps %d', (value, scalar) => {
    const { recorder, lines } = record();
    recorder.log({ value });
    expect(parsed(lines)).toEqual([{ ...HEAD, seq: 0, kind: 'log', metrics: { value: scalar } }]);
  });

  it('keeps a metric only once, the one beside further metrics', () => {
    const { recorder, lines, rejections } = record();
    recorder.logStep({ step: 1, loss: 0, metrics: { loss: 9, perplexity: 9, step: 9, lr: 1 } });
    expect(parsed(lines)).toMatchObject([{ metrics: { 'train/loss': 0, 'train/perplexity': 1, 'train/lr': 1 } }]);
    expect(rejections.map(({ key }) => key)).toEqual(['loss', 'perplexity', 'step']);
  });

  it('takes a metric from within where the one beside is undefined, and a perplexity where no loss was good', () => {
    const { recorder, lines, rejections } = record();
    call(recorder, 'logStep', { step: 1, loss: undefined, metrics: { loss: 2 } });
    call(recorder, 'logStep', { step: 1, loss: '2', metrics: { perplexity: 9 } });
    expect(parsed(lines)).toMatchObject([{ metrics: { 'train/loss': 2 } }, { metrics: { 'train/perplexity': 9 } }]);
    expect(rejections.map(({ key }) => key)).toEqual(['loss']);
  });

  it('takes keys that objects have by themselves', () => {
    const metrics: unknown = JSON.parse('{"__proto__":1,"constructor":2,"toString":3,"hasOwnProperty":4}');
    const { recorder, lines, rejections } = record();
    call(recorder, 'logStep', { step: 1, loss: 0, metrics });
    call(recorder, 'log', metrics);
    expect(lines[0]).toContain(
      '"train/__proto__":1,"train/constructor":2,"train/toString":3,"train/hasOwnProperty":4}}',
    );
    expect(lines[1]).toContain('"metrics":{"__proto__":1,"constructor":2,"toString":3,"hasOwnProperty":4}}');
    expect(rejections).toEqual([]);
    expect(JSON.stringify(parsed(lines)[1])).toContain('"__proto__":1,"constructor":2');
  });

  it('goes on with keys after more of them than are remembered', () => {
    const { recorder, lines, rejections } = record();
    const names = Array.from({ length: 10_001 }, (_, index) => `m${index}`);
    recorder.log(Object.fromEntries(names.map((name) => [name, 1])));
    recorder.log({ m0: 2, m10000: 3 });
    expect(rejections).toEqual([]);
    expect(parsed(lines)[1]).toMatchObject({ metrics: { m0: 2, m10000: 3 } });
  });

  it('takes a final result of nothing but the number of steps', () => {
    const { recorder, lines, rejections } = record<{ final: { reward?: number } }>();
    recorder.logFinal({ total_steps: 3 });
    expect(parsed(lines)).toEqual([{ ...HEAD, seq: 0, kind: 'final', total_steps: 3, metrics: {} }]);
    expect(rejections).toEqual([]);
  });
});

describe('free rows', () => {
  it('takes any keys, with and without a series and a step', () => {
    const { recorder, lines } = record();
    recorder.log({ 'production/iron-plate': 450.5 });
    recorder.log({ a: 1 }, { step: 3 });
    recorder.log('training/operator', { loss: 30, lr: 1 }, { step: 4 });
    recorder.log('training/operator', { loss: 30 });
    expect(parsed(lines)).toEqual([
      { ...HEAD, seq: 0, kind: 'log', metrics: { 'production/iron-plate': 450.5 } },
      { ...HEAD, seq: 1, kind: 'log', step: 3, metrics: { a: 1 } },
      {
        ...HEAD,
        seq: 2,
        kind: 'log',
        step: 4,
        series: 'training/operator',
        metrics: { 'training/operator/loss': 30, 'training/operator/lr': 1 },
      },
      { ...HEAD, seq: 3, kind: 'log', series: 'training/operator', metrics: { 'training/operator/loss': 30 } },
    ]);
  });

  it('takes more series than are remembered', () => {
    const { recorder, lines } = record();
    for (let index = 0; index < 102; index += 1) recorder.log(`s${index}`, { a: index });
    recorder.log('s0', { a: 7 });
    expect(parsed(lines)[101]).toMatchObject({ series: 's101', metrics: { 's101/a': 101 } });
    expect(parsed(lines)[102]).toMatchObject({ series: 's0', metrics: { 's0/a': 7 } });
  });

  it('asks that every kind but steps and free rows be written at once', () => {
    const { recorder, written } = record();
    recorder.logStep({ step: 0, loss: 1 });
    recorder.log({ a: 1 });
    recorder.logEpoch({ epoch: 1, loss: 1 });
    recorder.record({ kind: 'close', status: 'finished', final: true });
    expect(written).toEqual([false, false, true, true]);
  });
});

describe('configuration and summary', () => {
  it('sets hyperparameters beside their extras, scalars only, secrets redacted', () => {
    const { recorder, lines, rejections } = record();
    const hparams = {
      model_family: 'bigram',
      model_size: 'tiny',
      batch_size: 32,
      learning_rate: 3e-4,
      max_seq_len: 128,
      num_epochs: 2,
      extra: { seed: 7, api_key: 'abc', latent_tokens: 64, note: TOKEN, tuned: true, teacher: null, batch_size: 1 },
    };
    recorder.logHparams(hparams);
    expect(parsed(lines)).toEqual([
      {
        ...HEAD,
        seq: 0,
        kind: 'hparams',
        hparams: {
          model_family: 'bigram',
          model_size: 'tiny',
          batch_size: 32,
          learning_rate: 3e-4,
          max_seq_len: 128,
          num_epochs: 2,
          seed: 7,
          api_key: '[redacted]',
          latent_tokens: 64,
          note: '[redacted]',
          tuned: true,
          teacher: null,
        },
      },
    ]);
    expect(rejections).toEqual([
      { call: 'logHparams', key: 'batch_size', reason: 'is given twice: beside extra and within it' },
    ]);
  });

  it('redacts configurations at every depth', () => {
    const { recorder, lines } = record();
    recorder.updateConfig({ eval_samples: 3072, store: { password: 'x', url: 'https://me:pw@host/' }, ratio: 0.5 });
    expect(parsed(lines)).toEqual([
      {
        ...HEAD,
        seq: 0,
        kind: 'config',
        config: {
          eval_samples: 3072,
          store: { password: '[redacted]', url: 'https://[redacted]@host/' },
          ratio: 0.5,
        },
      },
    ]);
  });

  it('puts a summary under its prefix', () => {
    const { recorder, lines } = record();
    recorder.logSummary({ nrmse: 0.09, best: Number.NaN, verdict: 'good' }, { prefix: 'eval/baseline' });
    recorder.logSummary({ done: true });
    expect(parsed(lines)).toEqual([
      {
        ...HEAD,
        seq: 0,
        kind: 'summary',
        summary: { 'eval/baseline/nrmse': 0.09, 'eval/baseline/best': 'NaN', 'eval/baseline/verdict': 'good' },
      },
      { ...HEAD, seq: 1, kind: 'summary', summary: { done: true } },
    ]);
  });

  it('adds tags and defines metrics', () => {
    const { recorder, lines } = record();
    recorder.addTags(['fast-to-sota', 'lm']);
    recorder.defineMetric('training/*', { step: 'training/step', summary: 'min' });
    recorder.defineMetric('loss', {});
    expect(parsed(lines)).toEqual([
      { ...HEAD, seq: 0, kind: 'tags', tags: ['fast-to-sota', 'lm'] },
      { ...HEAD, seq: 1, kind: 'define_metric', metric: 'training/*', step: 'training/step', summary: 'min' },
      { ...HEAD, seq: 2, kind: 'define_metric', metric: 'loss' },
    ]);
  });

  it('writes nothing for an empty list of tags', () => {
    const { recorder, lines, rejections } = record();
    recorder.addTags([]);
    expect([lines, rejections]).toEqual([[], []]);
  });
});

describe('tables, charts and text', () => {
  it('records each with and without a step', () => {
    const { recorder, lines, rejections } = record();
    recorder.logTable('t', { columns: ['a', 'b\ud800'], rows: [[1, { x: [Number.NaN] }]] }, { step: 2 });
    recorder.logBarChart('physics/violations', { mass: 3, energy: Infinity }, { step: 1 });
    recorder.logBarChart('c', { mass: 3 });
    recorder.logHistogram('h', new Float32Array([0, 1, 2, Number.NaN]), { step: 9, buckets: 2 });
    recorder.logHistogram('h', [4, 4]);
    recorder.logText('samples', 'caf\u00e9 \u{1f680} \udc00', { step: 0 });
    expect(parsed(lines)).toEqual([
      { ...HEAD, seq: 0, kind: 'table', key: 't', columns: ['a', 'b\ufffd'], rows: [[1, { x: ['NaN'] }]], step: 2 },
      {
        ...HEAD,
        seq: 1,
        kind: 'bar_chart',
        key: 'physics/violations',
        step: 1,
        bars: { mass: 3, energy: 'Infinity' },
      },
      { ...HEAD, seq: 2, kind: 'bar_chart', key: 'c', bars: { mass: 3 } },
      { ...HEAD, seq: 3, kind: 'histogram', key: 'h', edges: [0, 1, 2], counts: [1, 2], non_finite: 1, step: 9 },
      { ...HEAD, seq: 4, kind: 'histogram', key: 'h', edges: [4, 4], counts: [2], non_finite: 0 },
      { ...HEAD, seq: 5, kind: 'text', key: 'samples', text: 'caf\u00e9 \u{1f680} \ufffd', step: 0 },
    ]);
    expect(rejections).toEqual([]);
  });

  it('has 30 buckets where none are asked for', () => {
    const { recorder, lines } = record();
    recorder.logHistogram('h', [0, 30]);
    expect(parsed(lines)[0]).toHaveProperty('counts.length', 30);
  });
});

describe('images and files', () => {
  it('records the format, the size and the bytes of an image', () => {
    const { recorder, lines, rejections } = record({ blobs: memoryBlobs({ 'map.png': png(4, 5) }) });
    recorder.logImage('eval/heatmap', png(2, 3), { step: 7, caption: 'after\ud800' });
    recorder.logImage('eval/map', { path: 'map.png' });
    recorder.logImage('eval/svg', { svg: '<svg xmlns="http://www.w3.org/2000/svg"/>' });
    expect(parsed(lines)).toEqual([
      {
        ...HEAD,
        seq: 0,
        kind: 'image',
        key: 'eval/heatmap',
        format: 'png',
        width: 2,
        height: 3,
        blob: 'blobs/ab/abc.png',
        bytes: 33,
        sha256: 'abc',
        caption: 'after\ufffd',
        step: 7,
      },
      {
        ...HEAD,
        seq: 1,
        kind: 'image',
        key: 'eval/map',
        format: 'png',
        width: 4,
        height: 5,
        blob: 'blobs/ab/abc.png',
        bytes: 33,
        sha256: 'abc',
      },
      {
        ...HEAD,
        seq: 2,
        kind: 'image',
        key: 'eval/svg',
        format: 'svg',
        blob: 'blobs/ab/abc.svg',
        bytes: 41,
        sha256: 'abc',
      },
    ]);
    expect(rejections).toEqual([]);
  });

  it('refuses what is no image, missing, or too large', () => {
    const { recorder, lines, rejections } = record();
    recorder.logImage('text', new TextEncoder().encode('not an image'));
    recorder.logImage('missing', { path: '/nowhere/a.png' });
    recorder.logImage('also missing', { path: '/nowhere/b.png' });
    recorder.logImage('large', new Uint8Array(64 * 1024 * 1024 + 1));
    call(recorder, 'logImage', 'null', null);
    expect(lines).toEqual([]);
    expect(rejections).toMatchObject([
      { key: 'text', reason: 'is not a PNG, JPEG, GIF, WebP or SVG image, or has no pixel' },
      { key: 'missing', reason: 'ENOENT: /nowhere/a.png' },
      { key: 'also missing', reason: 'ENOENT: /nowhere/b.png' },
      { key: 'large', reason: 'has 67108865 bytes; at most 67108864 are allowed' },
      { key: 'null' },
    ]);
  });

  it('keeps the folder of a file below its base', () => {
    const blobs = memoryBlobs({
      [resolve('checkpoints/operator.bin')]: new Uint8Array(3),
      [resolve('out/deep/er.bin')]: new Uint8Array(4),
    });
    const { recorder, lines, rejections } = record({ blobs });
    recorder.saveFile('checkpoints/operator.bin');
    recorder.saveFile('deep/er.bin', { base: 'out' });
    recorder.saveFile(resolve('out/deep/er.bin'), { base: 'out/deep' });
    expect(parsed(lines)).toEqual([
      { ...HEAD, seq: 0, kind: 'file', path: 'checkpoints/operator.bin', blob: 'blobs/files/1', bytes: 3 },
      { ...HEAD, seq: 1, kind: 'file', path: 'deep/er.bin', blob: 'blobs/files/2', bytes: 4 },
      { ...HEAD, seq: 2, kind: 'file', path: 'er.bin', blob: 'blobs/files/3', bytes: 4 },
    ]);
    expect(rejections).toEqual([]);
  });

  it('refuses files outside their base, and reports each file that is missing', () => {
    const { recorder, lines, rejections } = record();
    for (const path of ['../secret', '..', '.', '/etc/passwd', 'a.bin', 'b.bin', 'a.bin']) recorder.saveFile(path);
    expect(lines).toEqual([]);
    expect(recorder.rejected).toBe(7);
    expect(rejections.map(({ key, reason }) => `${key} ${reason}`)).toEqual([
      '../secret is not below .',
      '.. is not below .',
      '. is not below .',
      '/etc/passwd is not below .',
      `a.bin ENOENT: ${resolve('a.bin')}`,
      `b.bin ENOENT: ${resolve('b.bin')}`,
    ]);
  });

  it('records an artifact of all its files', () => {
    const blobs = memoryBlobs({ [resolve('r/a.json')]: new Uint8Array(1), [resolve('r/b.csv')]: new Uint8Array(2) });
    const { recorder, lines } = record({ blobs });
    recorder.logArtifact({
      name: 'summary',
      type: 'report',
      base: 'r',
      files: ['a.json', 'b.csv'],
      aliases: ['best'],
      metadata: { token: 'x', rows: 3 },
    });
    recorder.logArtifact({ name: 'empty', type: 'report', files: [] });
    expect(parsed(lines)).toEqual([
      {
        ...HEAD,
        seq: 0,
        kind: 'artifact',
        name: 'summary',
        type: 'report',
        files: [
          { path: 'a.json', blob: 'blobs/files/1', bytes: 1 },
          { path: 'b.csv', blob: 'blobs/files/2', bytes: 2 },
        ],
        aliases: ['best'],
        metadata: { token: '[redacted]', rows: 3 },
      },
      { ...HEAD, seq: 1, kind: 'artifact', name: 'empty', type: 'report', files: [], aliases: [], metadata: {} },
    ]);
  });

  it('records no artifact where one file is missing', () => {
    const { recorder, lines, rejections } = record({ blobs: memoryBlobs({ [resolve('a')]: new Uint8Array(1) }) });
    recorder.logArtifact({ name: 'summary', type: 'report', files: ['a', 'b'] });
    expect(lines).toEqual([]);
    expect(rejections).toEqual([{ call: 'logArtifact', key: 'b', reason: `ENOENT: ${resolve('b')}` }]);
  });
});

describe('alerts', () => {
  it('records them, of level info where none is given, secrets redacted', () => {
    const { recorder, lines } = record();
    recorder.alert({ title: 'Loss is rising', text: `with ${TOKEN}`, level: 'warn' });
    recorder.alert({ title: 'a', text: 'b' });
    expect(parsed(lines)).toEqual([
      { ...HEAD, seq: 0, kind: 'alert', title: 'Loss is rising', text: 'with [redacted]', level: 'warn' },
      { ...HEAD, seq: 1, kind: 'alert', title: 'a', text: 'b', level: 'info' },
    ]);
  });
});

describe('inputs', () => {
  it('may be deeply frozen, and are not changed', () => {
    const { recorder, lines, rejections } = record();
    const row = Object.freeze({ step: 1, loss: 0.5, metrics: Object.freeze({ lr: 1 }) });
    recorder.logStep(row);
    recorder.updateConfig(Object.freeze({ a: Object.freeze([Object.freeze({ b: 1 })]) }));
    recorder.logTable(
      't',
      Object.freeze({ columns: Object.freeze(['a']), rows: Object.freeze([Object.freeze([1])]) }),
      Object.freeze({ step: 1 }),
    );
    recorder.addTags(Object.freeze(['a']));
    expect(lines).toHaveLength(4);
    expect(rejections).toEqual([]);
    expect(row).toEqual({ step: 1, loss: 0.5, metrics: { lr: 1 } });
  });

  it('may be used again as soon as the call returns', () => {
    const { recorder, lines } = record();
    const values = new Float64Array([1, 2]);
    const config = { list: [1] };
    const row = { step: 1, loss: 0 };
    recorder.logHistogram('h', values, { buckets: 1 });
    recorder.updateConfig(config);
    recorder.logStep(row);
    values.fill(99);
    config.list.push(2);
    row.step = 2;
    expect(parsed(lines)).toMatchObject([{ edges: [1, 2] }, { config: { list: [1] } }, { step: 1 }]);
  });
});

describe('what cannot be recorded', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const long = 'k'.repeat(10_000);
  const huge = 'x'.repeat(10_000_000);
  const thrower = {
    get loss(): number {
      throw new Error('no loss today');
    },
    step: 1,
  };
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('hands off');
      },
      ownKeys: () => {
        throw new Error('hands off');
      },
    },
  );

  it.each<readonly [string, string, RegExp, readonly unknown[]]>([
    ['logStep', 'loss', /^is "0\.5": a number is needed$/, [{ step: 1, loss: '0.5' }]],
    ['logStep', 'loss', /^is 5: a number is needed$/, [{ step: 1, loss: 5n }]],
    ['logStep', 'loss', /^is "x{40}": a number/, [{ step: 1, loss: huge }]],
    ['logStep', 'loss', /^is "x{20} \[redacted\]": a number/, [{ step: 1, loss: `${'x'.repeat(20)} ${TOKEN}` }]],
    ['logStep', 'loss', /^is null: a number/, [{ step: 1, loss: null }]],
    ['logStep', 'loss', /^is an object: a number/, [{ step: 1, loss: [1] }]],
    ['logStep', 'loss', /^is a function: a number/, [{ step: 1, loss: () => 1 }]],
    ['logStep', 'step', /^is 1\.5: an integer from 0 to 2\^53 - 1 is needed$/, [{ step: 1.5, loss: 1 }]],
    ['logStep', 'step', /^is -1/, [{ step: -1, loss: 1 }]],
    ['logStep', 'step', /^is 9007199254740992/, [{ step: 2 ** 53, loss: 1 }]],
    ['logStep', 'step', /^is NaN/, [{ step: Number.NaN, loss: 1 }]],
    ['logStep', 'step', /^is "1"/, [{ step: '1', loss: 1 }]],
    ['logStep', 'step', /^is undefined/, [{ loss: 1 }]],
    ['logStep', 'step', /^is undefined/, [null]],
    ['logStep', 'step', /^is undefined/, []],
    ['logStep', '', /^holds no value$/, [{ step: 1 }]],
    ['logStep', '', /^holds no value$/, [{ step: 1, metrics: {} }]],
    ['logStep', 'metrics', /^is 5: an object of named values is needed$/, [{ step: 1, metrics: 5 }]],
    ['logStep', '', /^no loss today$/, [thrower]],
    ['logStep', '', /^hands off$/, [hostile]],
    ['logStep', '', /^is an object: an object of named values/, [Object.assign([], { step: 1 })]],
    ['logEpoch', 'epoch', /^is 0\.5/, [{ epoch: 0.5, loss: 1 }]],
    ['logEpoch', '', /^holds no value$/, [{ epoch: 0 }]],
    ['logValidation', '', /^hands off$/, [hostile]],
    ['logFinal', '', /^holds no value$/, [{}]],
    ['logFinal', '', /^is null/, [null]],
    ['log', '', /^is empty$/, [{ '': 1 }]],
    ['log', `${'k'.repeat(100)}…`, /^has 10000 characters; at most 1024 are allowed$/, [{ [long]: 1 }]],
    ['log', '\ud800', /^holds a lone surrogate$/, [{ '\ud800': 1 }]],
    ['log', '', /^holds no value$/, [{}]],
    ['log', '', /^is null/, [null]],
    ['log', 'series', /^is undefined: an object of named values/, ['series']],
    ['log', 'series', /^holds no value$/, ['series', {}]],
    ['log', '', /^is empty$/, ['', { a: 1 }]],
    ['log', '', /^has 5 for options: an object such as \{ step \} is needed$/, [{ a: 1 }, 5]],
    ['log', 'series', /^has 5 for options/, ['series', { a: 1 }, 5]],
    ['log', 'step', /^is 0\.5/, [{ a: 1 }, { step: 0.5 }]],
    ['logHparams', 'nested', /^is an object: a string, number, boolean or null is needed$/, [{ nested: { a: 1 } }]],
    ['logHparams', 'f', /^is a function: a string/, [{ f: () => 1 }]],
    ['logHparams', 'extra', /^is 5: an object/, [{ extra: 5 }]],
    ['logHparams', '', /^is null/, [null]],
    ['logHparams', '', /^holds no value$/, [{ extra: {} }]],
    ['logSummary', '', /^holds no value$/, [{ a: undefined }]],
    ['logSummary', 'a', /^is an object: a string/, [{ a: [1] }]],
    ['logSummary', '', /^is empty$/, [{ a: 1 }, { prefix: '' }]],
    ['logSummary', '', /^is a number, not a key$/, [{ a: 1 }, { prefix: 5 }]],
    ['logSummary', `${'p'.repeat(100)}…`, /^has 1026 characters/, [{ a: 1 }, { prefix: 'p'.repeat(1024) }]],
    ['logSummary', '', /^is null/, [null]],
    ['updateConfig', '', /^\$\.self is circular$/, [circular]],
    ['updateConfig', '', /^is not an object$/, [[1]]],
    ['updateConfig', '', /hands off$/, [hostile]],
    ['addTags', '', /^is a number, not a key$/, [['ok', 5]]],
    ['addTags', '', /^is a undefined, not a key$/, [Array.from({ length: 1 })]],
    ['addTags', '', /^is "baseline": an array of tags is needed$/, ['baseline']],
    ['defineMetric', '', /^is empty$/, ['', {}]],
    ['defineMetric', '', /^is empty$/, ['a', { step: '' }]],
    ['defineMetric', 'a', /^is "median": one of last, min, max, mean, first, none/, ['a', { summary: 'median' }]],
    ['defineMetric', 'a', /null/, ['a', null]],
    ['logTable', 't', /^row 0 does not have 1 cells$/, ['t', { columns: ['a'], rows: [[1, 2]] }]],
    ['logTable', 't', /^row 0 does not have 1 cells$/, ['t', { columns: ['a'], rows: [5] }]],
    ['logTable', 't', /^has rows that are not an array$/, ['t', { columns: ['a'], rows: { length: 0 } }]],
    ['logTable', 't', /circular$/, ['t', { columns: ['a'], rows: [[circular]] }]],
    ['logTable', 't', /toWellFormed/, ['t', { columns: [5], rows: [] }]],
    ['logTable', '', /^is a number, not a key$/, [5, { columns: [], rows: [] }]],
    ['logTable', 'step', /^is -1/, ['t', { columns: [], rows: [] }, { step: -1 }]],
    ['logBarChart', 'c', /^holds no value$/, ['c', {}]],
    ['logBarChart', 'c', /^is an object: an object of named values/, ['c', [1]]],
    ['logBarChart', '', /^is a undefined, not a key$/, [undefined, { a: 1 }]],
    ['logHistogram', 'h', /^buckets is 0: an integer from 1 to 1000 is needed$/, ['h', [1], { buckets: 0 }]],
    ['logHistogram', 'h', /^buckets is Symbol\(b\)/, ['h', [1], { buckets: Symbol('b') }]],
    ['logHistogram', 'h', /^values are not an array of numbers$/, ['h', null]],
    ['logHistogram', 'h', /^values are not an array of numbers$/, ['h', { length: Infinity }]],
    ['logHistogram', 'h', /^values are not an array of numbers$/, ['h', { length: 2.5 }]],
    ['logHistogram', 'h', /^values are not an array of numbers$/, ['h', 'abc']],
    ['logHistogram', '', /^is empty$/, ['', [1]]],
    ['logImage', '', /^is empty$/, ['', png(1, 1)]],
    ['logText', 't', /^is 5: text is needed$/, ['t', 5]],
    ['logText', '', /^is empty$/, ['', 'text']],
    ['logText', 't', /^has 671088\d\d bytes as JSON; at most 67108864/, ['t', 'x'.repeat(64 * 1024 * 1024)]],
    ['saveFile', '', /path/, [5]],
    ['logArtifact', 'a', /^has files or aliases that are not an array$/, [{ name: 'a', type: 't', files: 'abc' }]],
    ['logArtifact', 'a', /^has files or aliases/, [{ name: 'a', type: 't', files: [], aliases: 'x' }]],
    ['logArtifact', '', /^is a number, not a key$/, [{ name: 'a', type: 't', files: [], aliases: [5] }]],
    ['logArtifact', 'a', /^metadata is not an object$/, [{ name: 'a', type: 't', files: [], metadata: [1] }]],
    ['logArtifact', 'a', /circular$/, [{ name: 'a', type: 't', files: [], metadata: circular }]],
    ['logArtifact', '', /^is empty$/, [{ name: '', type: 't', files: [] }]],
    ['logArtifact', '', /^is a undefined, not a key$/, [{ name: 'a', files: [] }]],
    ['logArtifact', '', /^hands off$/, [hostile]],
    ['alert', 'text', /^is undefined: text is needed$/, [{ title: 'a' }]],
    ['alert', 'title', /^is undefined: text is needed$/, [{ text: 'a' }]],
    ['alert', 'level', /^is "fatal": one of info, warn, error is needed$/, [{ title: 'a', text: 'b', level: 'fatal' }]],
    ['alert', '', /null/, [null]],
  ])('%s rejects “%s”, which %s', (method, key, reason, args) => {
    const { recorder, lines, rejections } = record();
    call(recorder, method, ...args);
    call(recorder, method, ...args);
    expect(rejections).toMatchObject([{ call: method, key }]);
    expect(rejections[0]?.reason).toMatch(reason);
    expect(recorder.rejected).toBe(2);
    expect(recorder.records).toBe(lines.length);
    expect(lines.filter((line) => !line.includes('"tags"'))).toEqual([]);
  });

  it('does not keep the rest of a row from being recorded', () => {
    const { recorder, lines, rejections } = record();
    call(recorder, 'logStep', { step: 1, loss: 1, metrics: { bad: 'x', good: 2, '': 3 } });
    expect(parsed(lines)).toMatchObject([{ metrics: { 'train/loss': 1, 'train/good': 2 } }]);
    expect(rejections.map(({ key }) => key)).toEqual(['bad', '']);
  });

  it('survives values that throw when they are shown', () => {
    const { recorder, rejections } = record();
    const thrown = {
      step: 1,
      get loss(): number {
        // A library may throw what no String() can take.
        throw Object.create(null);
      },
    };
    recorder.logStep(thrown);
    expect(rejections).toEqual([{ call: 'logStep', key: '', reason: 'an error that cannot be shown' }]);
  });

  it('survives free rows that throw when they are read', () => {
    const { recorder, rejections } = record();
    const row = {
      get loss(): number {
        throw new Error('not now');
      },
    };
    recorder.log(row);
    recorder.log('eval', row);
    recorder.log({ loss: 1 });
    expect(rejections).toEqual(['', 'eval'].map((key) => ({ call: 'log', key, reason: 'not now' })));
    expect(recorder.records).toBe(1);
  });

  it('reports up to a thousand keys and counts all', () => {
    const { recorder, rejections } = record();
    for (let index = 0; index < 1500; index += 1) call(recorder, 'log', { [`k${index}`]: 'x' });
    expect(rejections).toHaveLength(1000);
    expect(recorder.rejected).toBe(1500);
  });

  it('is everything after the end', () => {
    const { recorder, lines, rejections } = record();
    recorder.end();
    const methods = [
      'logStep',
      'logEpoch',
      'logValidation',
      'logFinal',
      'logHparams',
      'log',
      'logSummary',
      'updateConfig',
      'addTags',
      'defineMetric',
      'logTable',
      'logBarChart',
      'logHistogram',
      'logImage',
      'logText',
      'saveFile',
      'logArtifact',
      'alert',
    ];
    for (const method of methods) {
      call(recorder, method, { step: 1, loss: 1 });
      call(recorder, method, { step: 1, loss: 1 });
    }
    expect(lines).toEqual([]);
    expect(recorder.rejected).toBe(2 * methods.length);
    expect(rejections).toEqual(methods.map((method) => ({ call: method, key: '', reason: 'the publisher is closed' })));
  });

  it('throws only for records of the writer itself', () => {
    const { recorder } = record();
    const config: Record<string, JsonPrimitive> = { note: 'x'.repeat(64 * 1024 * 1024) };
    expect(() => recorder.record({ kind: 'config', config })).toThrow(RangeError);
  });
});

describe('a log that drops records', () => {
  it('takes no number for them, and counts them', () => {
    let full = false;
    const { recorder, lines } = record({ append: () => !full });
    recorder.logStep({ step: 0, loss: 1 });
    full = true;
    recorder.logStep({ step: 1, loss: 1 });
    recorder.log({ a: 1 });
    full = false;
    recorder.logStep({ step: 2, loss: 1 });
    expect(parsed(lines)).toMatchObject([
      { seq: 0, n: 1, step: 0 },
      { seq: 1, n: 2, step: 2 },
    ]);
    expect(recorder).toMatchObject({ records: 2, steps: 2, dropped: 2, rejected: 0 });
  });

  it('may lead to further calls from within', () => {
    const lines: string[] = [];
    let failing = true;
    const recorder: Recorder = new Recorder({
      log: {
        append: (line) => {
          lines.push(line.toString());
          if (failing) {
            failing = false;
            recorder.alert({ title: 'The log fails', text: 'for now' });
            recorder.logStep({ step: 1, loss: 1 });
          }
          return true;
        },
      },
      blobs: memoryBlobs(),
      nowMs: () => NOW_MS,
      onRejected: () => undefined,
    });
    recorder.logStep({ step: 0, loss: 1 });
    recorder.logStep({ step: 2, loss: 1 });
    expect(parsed(lines)).toMatchObject([
      { seq: 0, n: 1, step: 0 },
      { seq: 1, kind: 'alert' },
      { seq: 2, n: 2, step: 1 },
      { seq: 3, n: 3, step: 2 },
    ]);
  });
});
