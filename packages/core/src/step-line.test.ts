import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRecord } from './parse-record.ts';
import type { StepRecord } from './record.ts';
import { linesOf, splitStepLine } from './step-line.ts';

const LINE = '{"v":1,"seq":17,"time":1795254381.123,"kind":"step","n":16,"step":15,"metrics":{"train/loss":0.5}}';

const lineWith = (metrics: string): string => LINE.replace('"train/loss":0.5', metrics);

it('lines are those of the very records, and of no others', () => {
  const record: StepRecord = { v: 1, seq: 0, time: 1, kind: 'step', n: 1, step: 1, metrics: { a: 1 } };
  const records = [record];
  const batch = { writer: 'w1', from: 0, to: 0, records, logged: { records, lines: [LINE] } };
  expect(linesOf(batch)).toEqual([LINE]);
  expect(linesOf({ ...batch, records: [{ ...record, metrics: {} }] })).toBeUndefined();
  expect(linesOf({ writer: 'w1', from: 0, to: 0, records })).toBeUndefined();
});

describe('a line of a step', () => {
  it('is taken apart', () => {
    expect(splitStepLine(LINE)).toEqual({
      seq: '17',
      time: '1795254381.123',
      n: '16',
      step: '15',
      metrics: '"train/loss":0.5',
    });
  });

  it.each(['"a":1,"b":-0,"c":1e-7,"d":-1.5e+300,"e":"NaN","f":"Infinity","g":"-Infinity"', '"Zürich 😀":1', '"":0'])(
    'holds %s as it is',
    (metrics) => {
      expect(splitStepLine(lineWith(metrics))?.metrics).toBe(metrics);
    },
  );

  it('is a whole record that says what its texts say', () => {
    const name = fc
      .string({ unit: 'binary' })
      .filter((text) => JSON.stringify(text) === `"${text}"` && !/[{}]/u.test(text));
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom('NaN', 'Infinity', '-Infinity'),
    );
    const count = fc.nat({ max: 999_999_999_999_999 });
    fc.assert(
      fc.property(fc.dictionary(name, value, { minKeys: 1 }), count, count, count, (values, seq, n, step) => {
        const metrics = JSON.stringify(values);
        const line = `{"v":1,"seq":${seq},"time":1.5,"kind":"step","n":${n},"step":${step},"metrics":${metrics}}`;
        expect(splitStepLine(line)).toEqual({
          seq: String(seq),
          time: '1.5',
          n: String(n),
          step: String(step),
          metrics: metrics.slice(1, -1),
        });
        expect(parseRecord(line)).toMatchObject({ ok: true, record: { kind: 'step', seq, n, step, time: 1.5 } });
      }),
    );
  });
});

describe('left to the parser', () => {
  it.each([
    ['no metrics', lineWith('')],
    ['another kind', LINE.replace('"step",', '"epoch",')],
    ['another version', LINE.replace('"v":1', '"v":2')],
    ['a further member', `${LINE.slice(0, -1)},"note":1}`],
    ['a further member before', LINE.replace('"n"', '"note":1,"n"')],
    ['metrics twice', `${LINE.slice(0, -1)},"metrics":{"a":1}}`],
    ['a second line', `${LINE}\n${LINE}`],
    ["a line's end", `${LINE}\n`],
    ['white space', LINE.replace('"n":', '"n": ')],
    ['a name with a quote', lineWith(String.raw`"a\"b":1`)],
    ['a name with a brace', lineWith('"a}b":1')],
    ['a name with a control character', lineWith('"a\u001Eb":1')],
    ['a string', lineWith('"a":"b"')],
    ['an object', lineWith('"a":{"b":1}')],
    ['null', lineWith('"a":null')],
    ['a number that is none', lineWith('"a":01')],
    ['another number that is none', lineWith('"a":1.')],
    ['a comma too many', lineWith('"a":1,')],
    ['a comma too few', lineWith('"a":1"b":2')],
    ['a fractional step', LINE.replace('"step":15', '"step":1.5')],
    ['a negative seq', LINE.replace('"seq":17', '"seq":-1')],
    ['a seq that may be beyond the safe integers', LINE.replace('"seq":17', '"seq":9007199254740993')],
    ['no text', ''],
  ])('%s', (_, line) => {
    expect(splitStepLine(line)).toBeUndefined();
  });
});
