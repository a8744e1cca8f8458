import * as fc from 'fast-check';
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type RunRecord,
  type Scalar,
  toJson,
  toScalar,
} from '@runcast/core';
import {
  alertRecord,
  artifactRecord,
  barChartRecord,
  closeRecord,
  configRecord,
  defineMetricRecord,
  epochRecord,
  fileRecord,
  finalRecord,
  histogramRecord,
  hparamsRecord,
  imageRecord,
  logRecord,
  openRecord,
  SAMPLE_TIME,
  stepRecord,
  summaryRecord,
  systemRecord,
  tableRecord,
  tagsRecord,
  textRecord,
  validationRecord,
} from '@runcast/testing';
import { assert, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { encodeRow } from './encode.ts';

/** A row's columns as a reader gets them, names such as `__proto__` too. */
function columnsOf(row: string): ReadonlyMap<string, unknown> {
  const parsed: unknown = JSON.parse(row);
  if (typeof parsed !== 'object' || parsed === null) throw new Error(`${row} is no object`);
  return new Map(Object.entries(parsed));
}

/** What a row says beyond its leading columns. */
function bodyOf(record: RunRecord): unknown {
  const leading = ['kind', 'time', 'writer', 'seq'];
  return Object.fromEntries([...columnsOf(encodeRow('w1', record))].filter(([name]) => !leading.includes(name)));
}

describe('leading columns', () => {
  it('are kind, time, writer, seq, then n and step, before the metrics', () => {
    const row = encodeRow(
      'w1',
      stepRecord({ seq: 17, n: 16, step: 15, metrics: { 'train/loss': 0.5, 'train/grad_norm': 'NaN' } }),
    );
    expect(row).toBe(
      `{"kind":"step","time":${SAMPLE_TIME},"writer":"w1","seq":17,"n":16,"step":15,"train/loss":0.5,"train/grad_norm":"NaN"}`,
    );
  });

  it('are what is left of a kind from a later version', () => {
    const record = z.custom<RunRecord>().parse({ ...stepRecord({ seq: 3 }), kind: 'hologram' });
    expect(encodeRow('w1', record)).toBe(`{"kind":"hologram","time":${SAMPLE_TIME},"writer":"w1","seq":3}`);
  });

  it('hold any writer', () => {
    expect(columnsOf(encodeRow('a"b\n', closeRecord())).get('writer')).toBe('a"b\n');
  });
});

describe('every kind', () => {
  it.each<[RunRecord, unknown]>([
    [stepRecord({ metrics: {} }), { n: 1, step: 1 }],
    [epochRecord(), { epoch: 1, 'epoch/loss': 0.5 }],
    [validationRecord(), { epoch: 1, 'val/loss': 0.5 }],
    [finalRecord(), { 'final/loss': 0.5 }],
    [finalRecord({ total_steps: 9 }), { total_steps: 9, 'final/loss': 0.5 }],
    [logRecord(), { 'production/iron-plate': 450.5 }],
    [
      logRecord({ step: 3, series: 'training/operator', metrics: { 'training/operator/loss': 1 } }),
      { step: 3, series: 'training/operator', 'training/operator/loss': 1 },
    ],
    [systemRecord(), { 'system/cpu': 0.25 }],
    [hparamsRecord({ hparams: { seed: 7, family: null } }), { 'hparams/seed': 7, 'hparams/family': null }],
    [
      configRecord({ config: { model: { width: 2, layers: [1, { a: 1 }] }, empty: {} } }),
      { 'config/model/width': 2, 'config/model/layers': [1, { a: 1 }], 'config/empty': {} },
    ],
    [summaryRecord(), { 'summary/eval/nrmse': 0.09 }],
    [tagsRecord({ tags: ['a', 'b'] }), { tags: ['a', 'b'] }],
    [
      defineMetricRecord({ summary: 'min' }),
      { metric: 'training/operator/*', step_metric: 'training/operator/step', summary: 'min' },
    ],
    [
      tableRecord({ step: 2 }),
      {
        step: 2,
        key: 'eval/comparison',
        columns: ['model', 'nrmse'],
        rows: [
          ['baseline', 0.12],
          ['ttc', 0.09],
        ],
      },
    ],
    [
      barChartRecord({ bars: { mass: 3, energy: 'NaN' } }),
      { key: 'physics/violations', 'bars/mass': 3, 'bars/energy': 'NaN' },
    ],
    [
      histogramRecord({ step: 4 }),
      { step: 4, key: 'weights/dense_1', edges: [-1, 0, 1], counts: [3, 5], non_finite: 0 },
    ],
    [
      imageRecord({ blob: 'blobs/a.png', bytes: 3, sha256: 'ab', caption: 'c', step: 1 }),
      {
        step: 1,
        key: 'eval/heatmap',
        format: 'png',
        width: 1,
        height: 1,
        caption: 'c',
        blob: 'blobs/a.png',
        bytes: 3,
        sha256: 'ab',
      },
    ],
    [textRecord({ text: 'Zürich\n\u2028' }), { key: 'samples', text: 'Zürich\n\u2028' }],
    [
      fileRecord({ blob: 'blobs/a.bin', bytes: 3 }),
      { path: 'checkpoints/operator.bin', blob: 'blobs/a.bin', bytes: 3 },
    ],
    [
      artifactRecord({
        files: [{ path: 'p', blob: 'blobs/a.bin', bytes: 3 }],
        metadata: { nested: { a: 1 } },
      }),
      {
        name: 'summary',
        type: 'report',
        files: [{ path: 'p', blob: 'blobs/a.bin', bytes: 3 }],
        aliases: ['latest'],
        'metadata/nested/a': 1,
      },
    ],
    [alertRecord(), { title: 'Loss is rising', text: 'for 100 steps', level: 'warn' }],
    [closeRecord({ status: 'failed', final: false }), { status: 'failed', final: false }],
    [openRecord({ config: {} }), { run: 'run-1', host: 'trainer', pid: 4711, role: 'owner' }],
    [
      openRecord({
        project: 'demo',
        name: 'baseline',
        entity: 'team',
        group: 'g',
        job_type: 'train',
        notes: 'n',
        tags: ['lm'],
        argv: ['--seed', '7'],
        resumed: true,
        resume_step: 12,
        git: { commit: 'abc', branch: 'main', message: 'm', dirty: true, remote: 'https://example.com/r' },
        config: { latent_dim: 32 },
      }),
      {
        run: 'run-1',
        host: 'trainer',
        pid: 4711,
        role: 'owner',
        project: 'demo',
        name: 'baseline',
        entity: 'team',
        group: 'g',
        job_type: 'train',
        notes: 'n',
        tags: ['lm'],
        argv: ['--seed', '7'],
        resumed: true,
        resume_step: 12,
        'git/commit': 'abc',
        'git/branch': 'main',
        'git/message': 'm',
        'git/dirty': true,
        'git/remote': 'https://example.com/r',
        'config/latent_dim': 32,
      },
    ],
  ])('$kind', (record, expected) => {
    expect(bodyOf(record)).toEqual(expected);
  });
});

describe('names that meet', () => {
  it('moves a metric aside that is called like a leading column', () => {
    const metrics = { step: 1, seq: 2, 'metrics/step': 3, 'metrics/mAP50': 4, 'metrics/metrics/n': 5 };
    expect(bodyOf(logRecord({ step: 9, metrics }))).toEqual({
      step: 9,
      'metrics/step': 1,
      'metrics/seq': 2,
      'metrics/metrics/step': 3,
      'metrics/mAP50': 4,
      'metrics/metrics/metrics/n': 5,
    });
  });

  it('keeps both of two configuration members that flatten to one name', () => {
    const config = { a: { b: 1 }, 'a/b': 2, 'a/b#2': 3 };
    expect(bodyOf(configRecord({ config }))).toEqual({ 'config/a/b': 1, 'config/a/b#2': 2, 'config/a/b#2#2': 3 });
  });

  it('keeps __proto__, constructor and the empty name', () => {
    const metrics: Readonly<Record<string, Scalar>> = { ['__proto__']: 1, constructor: 2, '': 3 };
    const columns = columnsOf(encodeRow('w', systemRecord({ metrics })));
    expect([...columns].slice(4)).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
      ['', 3],
    ]);
    const config: JsonObject = { ['__proto__']: { ['__proto__']: 1 } };
    expect(bodyOf(configRecord({ config }))).toEqual({ 'config/__proto__/__proto__': 1 });
  });
});

describe('properties', () => {
  const scalar = fc.double().map(toScalar);
  const name = fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
    fc.constantFrom('step', 'metrics/step', 'kind', '__proto__', 'train/loss'),
  );
  const metrics = fc
    .uniqueArray(fc.tuple(name, scalar), { selector: ([key]) => key })
    .map((entries): Readonly<Record<string, Scalar>> => Object.fromEntries(entries));

  it('a row is one line, and every metric is in it under a name of its own', () => {
    fc.assert(
      fc.property(metrics, (logged) => {
        const row = encodeRow('w', logRecord({ step: 1, metrics: logged }));
        expect(row).not.toMatch(/[\n\r]/u);
        const leading = ['kind', 'time', 'writer', 'seq', 'step'];
        const held = [...columnsOf(row)].flatMap(([name, value]) => (leading.includes(name) ? [] : [String(value)]));
        expect(held.toSorted()).toEqual(Object.values(logged).map(String).toSorted());
      }),
    );
  });

  it('a metric that needs no moving keeps its key', () => {
    const leading = /(?:^|\/)(?:step|kind|time|writer|seq|n|epoch|series|total_steps)$/u;
    fc.assert(
      fc.property(metrics, (logged) => {
        const row = columnsOf(encodeRow('w', systemRecord({ metrics: logged })));
        const unmoved = Object.entries(logged).filter(([key]) => !leading.test(key));
        expect(unmoved.map(([key]) => String(row.get(key)))).toEqual(unmoved.map(([, value]) => String(value)));
      }),
    );
  });

  it('flattening keeps as many leaves as the configuration has', () => {
    const leaves = (value: JsonValue): number => {
      if (!isJsonObject(value)) return 1;
      const counts = Object.values(value).map(leaves);
      return counts.length === 0 ? 1 : counts.reduce((sum, count) => sum + count, 0);
    };
    const config = fc.dictionary(fc.constantFrom('a', 'b', 'a/b', '', '/', '__proto__'), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(config, (given) => {
        const root = toJson(given);
        assert(root.ok);
        const row = columnsOf(encodeRow('w', configRecord({ config: { root: root.value } })));
        expect(row.size).toBe(4 + leaves(root.value));
      }),
    );
  });

  it('a number that is not finite is never null', () => {
    expect(bodyOf(systemRecord({ metrics: { a: Number.NaN, b: -Infinity, c: 'NaN' } }))).toEqual({
      a: 'NaN',
      b: '-Infinity',
      c: 'NaN',
    });
  });
});

describe('a row with its line of the log', () => {
  it.each<[string, RunRecord]>([
    ['a step', stepRecord({ seq: 17, n: 16, step: 15, metrics: { 'train/loss': 1e-7, 'train/grad_norm': 'NaN' } })],
    ['a step with a reserved name', stepRecord({ metrics: { step: 3, 'train/loss': 0.5 } })],
    ['a step with a name in need of quoting', stepRecord({ metrics: { 'a"b': 1 } })],
    ['a step without metrics', stepRecord({ metrics: {} })],
    ['another kind', epochRecord()],
  ])('is for %s what it is without', (_, record) => {
    expect(encodeRow('w"1', record, JSON.stringify(record))).toBe(encodeRow('w"1', record));
  });

  it('has its digits', () => {
    const negativeZero = stepRecord({ metrics: { 'train/loss': -0 } });
    const logged = JSON.stringify(negativeZero).replace('"train/loss":0', '"train/loss":-0');
    expect(encodeRow('w1', negativeZero, logged)).toBe(encodeRow('w1', negativeZero));
    expect(encodeRow('w1', epochRecord({ metrics: { a: -0 } }))).toContain('"a":-0}');

    const record = stepRecord({ metrics: { 'train/loss': 0.1 } });
    const line = JSON.stringify(record).replace('0.1', '0.10');
    expect(encodeRow('w1', record, line)).toContain('"train/loss":0.10}');
  });
});
