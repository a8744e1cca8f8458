import { parseRecord, type RunRecord } from '@runcast/core';
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
  stepRecord,
  summaryRecord,
  systemRecord,
  tableRecord,
  tagsRecord,
  textRecord,
  validationRecord,
} from '@runcast/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendCalls, positionsKey } from './append-script.ts';
import { decodeEntry } from './decode.ts';
import { encodeEntry, packRecords } from './encode.ts';

const EVERY_KIND: readonly RunRecord[] = [
  openRecord({ tags: ['lm'], git: { commit: 'abc', dirty: true }, resumed: true, resume_step: 3 }),
  stepRecord(),
  epochRecord(),
  validationRecord(),
  finalRecord({ total_steps: 5 }),
  logRecord(),
  logRecord({ step: 0, series: 'training/operator', metrics: { 'training/operator/loss': 'NaN' } }),
  hparamsRecord(),
  configRecord(),
  tagsRecord(),
  defineMetricRecord({ step: 'training/operator/step' }),
  summaryRecord(),
  tableRecord({ step: 4 }),
  barChartRecord(),
  histogramRecord(),
  imageRecord({ caption: 'before\nafter' }),
  textRecord({ text: 'lines\r\n and \u0000 \u001E \u001F \u2028 😀' }),
  fileRecord(),
  artifactRecord(),
  alertRecord(),
  systemRecord(),
  closeRecord(),
];

function back(record: RunRecord): unknown {
  const decoded = decodeEntry(encodeEntry('run-1', 'w1', record));
  return decoded.ok ? { ...decoded, line: parsedLine(decoded.line) } : decoded;
}

function parsedLine(line: string): RunRecord | undefined {
  const parsed = parseRecord(line);
  return parsed.ok ? parsed.record : undefined;
}

describe('an entry', () => {
  it('is flat text', () => {
    const record = stepRecord({ seq: 17, n: 16, step: 16, metrics: { 'train/loss': 0.5, 'train/grad_norm': 'NaN' } });
    expect(encodeEntry('run-1', 'w1', record)).toEqual(
      [
        ['kind', 'step'],
        ['run', 'run-1'],
        ['writer', 'w1'],
        ['seq', '17'],
        ['time', '1795254381.123'],
        ['n', '16'],
        ['step', '16'],
        ['metrics', '{"train/loss":0.5,"train/grad_norm":"NaN"}'],
      ].flat(),
    );
    expect(encodeEntry('run-1', 'w1', closeRecord({ seq: 3 })).slice(-2)).toEqual([
      'data',
      '{"status":"finished","final":true}',
    ]);
  });

  it.each(EVERY_KIND.map((record) => ({ kind: record.kind, record })))(
    'of kind $kind holds the whole record',
    ({ record }) => {
      expect(back(record)).toEqual({ ok: true, run: 'run-1', writer: 'w1', seq: record.seq, record, line: record });
    },
  );

  it('holds members that a later version adds to a step', () => {
    const record = { ...stepRecord(), epoch_fraction: 0.25 };
    expect(back(record)).toMatchObject({ ok: true, record });
  });

  it('holds metrics of any name and number', () => {
    const metrics = fc.dictionary(fc.string({ unit: 'binary' }), fc.double({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(
        metrics,
        fc.nat(),
        fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
        (values, seq, time) => {
          const record = stepRecord({ seq, step: seq, time, metrics: values });
          expect(back(record)).toMatchObject({ ok: true, record, line: record });
        },
      ),
    );
  });

  it('writes numbers that are none as the record format does', () => {
    const fields = encodeEntry(
      'run-1',
      'w1',
      epochRecord({ metrics: { 'epoch/loss': NaN, 'epoch/low': -Infinity, a: 1 } }),
    );
    expect(fields.at(-1)).toBe('{"epoch/loss":"NaN","epoch/low":"-Infinity","a":1}');
    expect(encodeEntry('r', 'w', stepRecord({ metrics: { a: Infinity, b: 'NaN' } })).at(-1)).toBe(
      '{"a":"Infinity","b":"NaN"}',
    );
  });
});

describe('an entry of somebody else', () => {
  const STEP = ['kind', 'step', 'run', 'r', 'writer', 'w', 'seq', '1', 'time', '2', 'n', '1', 'step', '1'] as const;

  it.each([
    [[], 'has no kind, run or writer'],
    [['temperature', '21'], 'has no kind, run or writer'],
    [['kind'], 'has no kind, run or writer'],
    [[...STEP], 'is not a complete step record'],
    [[...STEP, 'metrics', '{'], 'is not JSON'],
    [[...STEP, 'metrics', '[]'], 'is not a complete step record'],
    [[...STEP, 'metrics', '{},"kind":"epoch","epoch":1'], 'contradicts itself'],
    [[...STEP, 'metrics', '{},"seq":7'], 'contradicts itself'],
    [['kind', 'close', 'run', 'r', 'writer', 'w', 'data', '{}'], 'is not JSON'],
    [['kind', 'dance', 'run', 'r', 'writer', 'w', 'seq', '1', 'time', '2'], 'is of an unknown kind, dance'],
    [['kind', 'step', 'run', '../r', 'writer', 'w'], 'has a run that'],
    [['kind', 'step', 'run', 'r', 'writer', 'a/b'], 'has a writer that'],
  ])('%j is said to be none', (fields, problem) => {
    const decoded = decodeEntry(fields);
    expect(decoded.ok ? 'a record' : decoded.problem).toContain(problem);
  });

  it('may have white space in its JSON, and becomes one line', () => {
    const decoded = decodeEntry([...STEP, 'metrics', '{\n  "train/loss": 1\r\n}']);
    expect(decoded).toMatchObject({ ok: true, record: { metrics: { 'train/loss': 1 } } });
    expect(decoded.ok && decoded.line).toBe(
      '{"v":1,"seq":1,"time":2,"kind":"step","n":1,"step":1,"metrics":{"train/loss":1}}',
    );
  });
});

describe('calls of the script', () => {
  const TARGET = { stream: 's', maxLen: null, run: 'run-1' };

  it('take 500 records each, and go on from one another to the end of the batch', () => {
    const records = Array.from({ length: 1001 }, (_, index) => stepRecord({ seq: 10 + index }));
    const calls = [...appendCalls(TARGET, { writer: 'w1', from: 10, to: 1020, records }, 9)];
    expect(calls.map(({ expected }) => expected)).toEqual([9, 509, 1009]);
    expect(calls.map(({ args }) => args.slice(1, -1))).toEqual(
      [
        [9, 509],
        [509, 1009],
        [1009, 1020],
      ].map((range) => [2, 's', '{s}:positions', 'run-1/w1', 'run-1', 'w1', ...range]),
    );
    expect(calls[2]?.args.at(-1)).toBe(packRecords(records.slice(1000), undefined));
  });

  it('trim where there is a length to trim to', () => {
    const batch = { writer: 'w1', from: 0, to: 0, records: [stepRecord({ seq: 0 })] };
    const [plain, trimming] = [null, 1000].map((maxLen) => [...appendCalls({ ...TARGET, maxLen }, batch, -1)][0]?.args);
    expect(plain?.[0]).not.toContain('MAXLEN');
    expect(trimming?.[0]).toContain("'MAXLEN', '~', ARGV[7], '*'");
    // Behind the script, the number of keys and the keys.
    expect(trimming?.slice(4)).toEqual([...(plain?.slice(4) ?? []), 1000]);
  });

  it('put both keys into one slot of a cluster', () => {
    expect(positionsKey('metrics')).toBe('{metrics}:positions');
    expect(positionsKey('{a}metrics')).toBe('{a}metrics:positions');
  });
});

describe('packed', () => {
  const step = stepRecord({ seq: 7, metrics: { 'train/loss': 0.25 } });

  it('a step is its line, where that is in the form of the log', () => {
    const line = JSON.stringify(step);
    const braced = stepRecord({ seq: 8, metrics: { 'train/{loss}': 1 } });
    expect(packRecords([step, braced, closeRecord()], [line, JSON.stringify(braced), '{}']).split('\u001E')).toEqual([
      line,
      ['step', '8', '1795254381.123', '1', '1', '', '{"train/{loss}":1}', ''].join('\u001F'),
      ['close', '0', '1795254381.123', '', '', '', '', '{"status":"finished","final":true}'].join('\u001F'),
      '',
    ]);
  });

  it('a step without a line is columns', () => {
    expect(packRecords([step], undefined)).toBe(
      `${['step', '7', '1795254381.123', '1', '1', '', '{"train/loss":0.25}', ''].join('\u001F')}\u001E`,
    );
  });

  it('is what JSON can hold: control characters are escaped in it, and none ends a column', () => {
    const packed = packRecords([textRecord({ text: '\u001E\u001F' })], undefined);
    expect(packed.split('\u001E')).toHaveLength(2);
    expect(packed.split('\u001F')).toHaveLength(8);
  });
});
