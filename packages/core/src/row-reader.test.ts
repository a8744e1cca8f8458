import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedBlobs } from '../test/fixed-blobs.ts';
import { parseRecord } from './parse-record.ts';
import { Recorder } from './recorder.ts';
import { RowReader } from './row-reader.ts';

const STEP = '{"v":1,"seq":17,"time":1795254381.123,"kind":"step","n":16,"step":15,"metrics":{"train/loss":0.5}}';
const ROW = '{"v":1,"seq":18,"time":1795254381.5,"kind":"log","step":15,"metrics":{"loss":0.5,"lr":"NaN"}}';

/** What is read of the lines one after the other, each of them a text of one byte a character. */
function read(...lines: readonly string[]): readonly unknown[] {
  const rows = new RowReader();
  rows.bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  let start = 0;
  return lines.map((line) => {
    const record = rows.read(start);
    start += Buffer.byteLength(line) + 1;
    return record;
  });
}

function parse(line: string): unknown {
  const parsed = parseRecord(line);
  return parsed.ok ? parsed.record : parsed.problem;
}

describe('rows', () => {
  it.each([
    ['a step', STEP],
    ['a free row with a step', ROW],
    ['non-finite numbers', STEP.replace('0.5', '"NaN","b":"Infinity","c":"-Infinity"')],
    ['all kinds of numbers', STEP.replace('0.5', '-0,"b":1e-7,"c":1795254381.123,"d":0.1')],
    ['a key twice', STEP.replace('0.5', '1,"b":2,"train/loss":3')],
    ['keys that are numbers', STEP.replace('0.5', '1,"10":2,"9":3')],
    ['an empty key', STEP.replace('train/loss', '')],
    ['a name from the object', STEP.replace('train/loss', 'constructor')],
  ])('are read as the parser reads them: %s', (_, line) => {
    expect(read(line)).toStrictEqual([parse(line)]);
    // Members are in the same order, too.
    expect(JSON.stringify(read(line))).toBe(JSON.stringify([parse(line)]));
  });

  it('may have other keys than the one before, more and fewer', () => {
    const lines = ['"a":1', '"b":1,"a":2', '"b":1', '"ba":1,"a":2,"c":3', '"b":1,"a":2'].map((members) =>
      STEP.replace('"train/loss":0.5', members),
    );
    expect(read(...lines)).toStrictEqual(lines.map(parse));
  });

  it('may have the time of the one before, or another that begins or ends as it does', () => {
    const lines = [1.5, 1.5, 1.55, 1.5, 21.5, 1, 1].map((time) => STEP.replace('1795254381.123', String(time)));
    expect(read(...lines)).toStrictEqual(lines.map(parse));
  });

  it('are read beside lines that are not', () => {
    const lines = [STEP, '{"v":1,"seq":3,"time":1,"kind":"tags","tags":["a"]}', ROW, 'no record', STEP];
    expect(read(...lines)).toStrictEqual([parse(STEP), undefined, parse(ROW), undefined, parse(STEP)]);
  });

  it('are all that a recorder writes of them, whatever the values', () => {
    const lines: string[] = [];
    const recorder = new Recorder({
      log: { append: (line) => lines.push(line.toString().trimEnd()) > 0 },
      blobs: fixedBlobs,
      nowMs: () => 1_795_238_781_123,
      onRejected: () => undefined,
    });
    const key = fc
      .stringMatching(/^[!#-[\]-~]{1,12}$/u)
      .filter((name) => !['__proto__', 'loss', 'perplexity'].includes(name));
    fc.assert(
      fc.property(fc.nat(), fc.dictionary(key, fc.double(), { minKeys: 1, noNullPrototype: true }), (step, metrics) => {
        lines.length = 0;
        recorder.log(metrics, { step });
        recorder.logStep({ step, loss: 1, metrics });
        expect(read(...lines)).toStrictEqual(lines.map(parse));
      }),
    );
  });
});

describe('left to the parser is a line with', () => {
  it.each([
    ['another kind', STEP.replace('"step",', '"epoch",')],
    ['another version', STEP.replace('"v":1', '"v":2')],
    ['no metrics', STEP.replace('"train/loss":0.5', '')],
    ['a further member', `${STEP.slice(0, -1)},"note":1}`],
    ['a member before', STEP.replace('"n"', '"note":1,"n"')],
    ['a series', ROW.replace('"metrics"', '"series":"a","metrics"')],
    ['no step', ROW.replace('"step":15,', '')],
    ['white space', STEP.replace('"n":', '"n": ')],
    ['nothing behind the head', STEP.slice(0, 12)],
    ['nothing behind the seq', STEP.slice(0, 15)],
    ['nothing behind the time', STEP.slice(0, 40)],
    ['nothing behind the step', STEP.slice(0, 72)],
    ['nothing behind a key', STEP.slice(0, 90)],
    ['nothing behind a number', STEP.slice(0, -2)],
    ['an escape in a key', STEP.replace('loss', String.raw`lo\u0073s`)],
    ['a control character in a key', STEP.replace('loss', 'lo\tss')],
    ['a key that is not ASCII', STEP.replace('loss', 'Verlust für alle')],
    ['a key that would be the prototype', STEP.replace('train/loss', '__proto__')],
    ['a key that does not end', STEP.replace('loss":0.5}}', 'loss')],
    ['no colon', STEP.replace('loss":', 'loss" ')],
    ['no key', STEP.replace('"train/loss":', '')],
    ['a string', STEP.replace('0.5', '"b"')],
    ['an object', STEP.replace('0.5', '{}')],
    ['a number that is none', STEP.replace('0.5', '00.5')],
    ['a comma too many', STEP.replace('0.5', '0.5,')],
    ['a comma too few', STEP.replace('0.5', '0.5"b":1')],
    ['a fractional step', STEP.replace('"step":15', '"step":1.5')],
    ['a negative step', STEP.replace('"step":15', '"step":-1')],
    ['a step that starts with a zero', STEP.replace('"step":15', '"step":015')],
    ['no step behind its name', STEP.replace('"step":15', '"step":')],
    ['no count', STEP.replace('"n":16', '"n":')],
    ['no time', STEP.replace('1795254381.123', '"now"')],
    ['a seq that may be beyond the safe integers', STEP.replace('"seq":17', '"seq":9007199254740993')],
    ['no text', ''],
  ])('%s', (_, line) => {
    expect(read(line)).toEqual([undefined]);
    // Nor does what comes first change what comes next.
    expect(read(STEP, line, STEP)).toStrictEqual([parse(STEP), undefined, parse(STEP)]);
  });
});
