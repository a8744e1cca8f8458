import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRecord } from './parse-record.ts';
import { RECORD_KINDS, type RecordKind } from './record.ts';

const HEAD = { v: 1, seq: 0, time: 1_795_238_781.123 };
const BLOB = { blob: 'blobs/ab/abc.png', bytes: 33 };

type Fields = Readonly<Record<string, unknown>>;

/** Of each kind: what it must have, and what it may have. */
const EXAMPLES: Readonly<Record<RecordKind, { readonly required: Fields; readonly optional?: Fields }>> = {
  open: {
    required: { run: 'r', writer: 'w', host: 'h', pid: 1, role: 'member', config: { a: { b: 1 } } },
    optional: {
      project: 'p',
      name: 'n',
      entity: 'e',
      group: 'g',
      job_type: 'j',
      notes: 'n',
      tags: ['t'],
      argv: ['a'],
      git: { commit: 'c', branch: 'b', message: 'm', dirty: true, remote: 'r' },
      resumed: true,
      resume_step: 3,
    },
  },
  step: { required: { n: 1, step: 0, metrics: { a: 1, b: 'NaN', c: 'Infinity', d: '-Infinity' } } },
  epoch: { required: { epoch: 1, metrics: {} } },
  validation: { required: { epoch: 1, metrics: { 'val/loss': 1 } } },
  final: { required: { metrics: {} }, optional: { total_steps: 5 } },
  log: { required: { metrics: { a: 1 } }, optional: { step: 1, series: 's' } },
  hparams: { required: { hparams: { a: 1, b: 'x', c: true, d: null } } },
  config: { required: { config: {} } },
  tags: { required: { tags: ['a'] } },
  define_metric: { required: { metric: 'a/*' }, optional: { step: 'a/step', summary: 'min' } },
  summary: { required: { summary: { a: 1 } } },
  table: { required: { key: 'k', columns: ['a'], rows: [[1]] }, optional: { step: 1 } },
  bar_chart: { required: { key: 'k', bars: { a: 1 } }, optional: { step: 1 } },
  histogram: { required: { key: 'k', edges: [0, 1], counts: [2], non_finite: 0 }, optional: { step: 1 } },
  image: {
    required: { key: 'k', format: 'png', ...BLOB, sha256: 'abc' },
    optional: { width: 2, height: 3, step: 1, caption: 'c' },
  },
  text: { required: { key: 'k', text: 't' }, optional: { step: 1 } },
  file: { required: { path: 'a/b.bin', ...BLOB } },
  artifact: {
    required: { name: 'n', type: 't', files: [{ path: 'a', ...BLOB }], aliases: [], metadata: {} },
  },
  alert: { required: { title: 't', text: 't', level: 'warn' } },
  system: { required: { metrics: {} } },
  close: { required: { status: 'finished', final: false } },
};

function parse(value: unknown): unknown {
  return parseRecord(JSON.stringify(value));
}

/** A value of another type than the one given. */
function spoilt(value: unknown): unknown {
  return typeof value === 'string' ? 5 : 'spoilt';
}

describe.each(RECORD_KINDS)('a record of kind %s', (kind) => {
  const { required, optional = {} } = EXAMPLES[kind];
  const least = { ...HEAD, kind, ...required };
  const incomplete = { ok: false, problem: `is not a complete ${kind} record` };

  it('is taken with all its members, with the least of them, and with unknown ones', () => {
    for (const record of [least, { ...least, ...optional }, { ...least, added_later: [1] }])
      expect(parse(record)).toEqual({ ok: true, record });
  });

  it.each([...Object.keys(required), 'seq', 'time'])('needs %s, of its type', (name) => {
    expect(parse({ ...least, [name]: undefined })).toEqual(incomplete);
    expect(parse({ ...least, [name]: null })).toEqual(incomplete);
    expect(parse({ ...least, [name]: spoilt({ ...HEAD, ...required }[name]) })).toEqual(incomplete);
  });

  it('has optional members of their types only', () => {
    for (const [name, value] of Object.entries(optional)) {
      expect(parse({ ...least, [name]: spoilt(value) })).toEqual(incomplete);
      expect(parse({ ...least, [name]: null })).toEqual(incomplete);
    }
  });
});

describe('values within records', () => {
  it.each([
    ['step', { n: 1, step: 0.5, metrics: {} }],
    ['step', { n: -1, step: 0, metrics: {} }],
    ['step', { n: 1, step: 2 ** 53, metrics: {} }],
    ['step', { n: 1, step: 0, metrics: { a: 'x' } }],
    ['step', { n: 1, step: 0, metrics: { a: null } }],
    ['step', { n: 1, step: 0, metrics: [1] }],
    ['hparams', { hparams: { a: {} } }],
    ['tags', { tags: ['a', 1] }],
    ['table', { key: 'k', columns: ['a'], rows: [1] }],
    ['histogram', { key: 'k', edges: [0, null], counts: [1], non_finite: 0 }],
    ['define_metric', { metric: 'a', summary: 'median' }],
    ['alert', { title: 't', text: 't', level: 'fatal' }],
    ['close', { status: 'done', final: true }],
    ['image', { key: 'k', format: 'bmp', ...BLOB, sha256: 'abc' }],
    ['open', { ...EXAMPLES.open.required, role: 'guest' }],
    ['open', { ...EXAMPLES.open.required, git: { commit: 'c', dirty: 'yes' } }],
    ['open', { ...EXAMPLES.open.required, git: {} }],
  ])('of kind %s are refused where one is out of range: %o', (kind, fields) => {
    expect(parse({ ...HEAD, kind, ...fields })).toEqual({ ok: false, problem: `is not a complete ${kind} record` });
  });

  it.each(['../outside', '/etc/passwd', 'blobs/../../outside', 'blobs//a', './a', ''])(
    'are refused where the path %s could leave the run',
    (path) => {
      expect(parse({ ...HEAD, kind: 'file', path: 'a', blob: path, bytes: 1 })).toMatchObject({ ok: false });
      expect(parse({ ...HEAD, kind: 'file', path, blob: 'blobs/a', bytes: 1 })).toMatchObject({ ok: false });
      const files = [{ path, blob: 'blobs/a', bytes: 1 }];
      const artifact = { ...HEAD, kind: 'artifact', ...EXAMPLES.artifact.required, files };
      expect(parse(artifact)).toMatchObject({ ok: false });
    },
  );
});

describe('lines that are no records', () => {
  it.each([
    ['', 'is not JSON'],
    ['{"v":1,"seq":0', 'is not JSON'],
    ['{"v":1}\0\0', 'holds NUL bytes'],
    ['[]', 'is not an object'],
    ['null', 'is not an object'],
    ['"text"', 'is not an object'],
    ['{}', 'has version undefined, not 1'],
    ['{"v":2,"kind":"step"}', 'has version 2, not 1'],
    ['{"v":{"toString":1}}', 'has version an object, not 1'],
    ['{"v":1}', 'is of an unknown kind, undefined'],
    ['{"v":1,"kind":"later"}', 'is of an unknown kind, later'],
    ['{"v":1,"kind":{"toString":null}}', 'is of an unknown kind, an object'],
    [`{"v":1,"kind":"${'k'.repeat(10_000)}"}`, `is of an unknown kind, ${'k'.repeat(40)}`],
    ['{"v":1,"kind":"__proto__"}', 'is of an unknown kind, __proto__'],
  ])('%s', (line, problem) => {
    expect(parseRecord(line)).toEqual({ ok: false, problem });
  });

  it('are refused without a throw, however deep', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(parseRecord(`{"v":${deep}}`)).toMatchObject({ ok: false });
    expect(parseRecord(`{"v":1,"kind":${deep}}`)).toMatchObject({ ok: false });
  });

  it('are refused without a throw, whatever they hold', () => {
    const member = fc.oneof(fc.constantFrom(1, 0, 'step', 'open', 'table'), fc.jsonValue());
    const nearly = fc.dictionary(fc.constantFrom('v', 'kind', 'seq', 'time', 'metrics', 'rows', 'files'), member);
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      nearly.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(line, (text) => {
        expect(typeof parseRecord(text).ok).toBe('boolean');
      }),
      { numRuns: 1000 },
    );
  });
});
