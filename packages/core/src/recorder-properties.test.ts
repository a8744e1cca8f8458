import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedBlobs } from '../test/fixed-blobs.ts';
import { parseRecord } from './parse-record.ts';
import { Recorder } from './recorder.ts';
import { toScalar } from './scalar.ts';

interface Recording {
  readonly recorder: Recorder;
  readonly lines: string[];
}

/** A recorder whose log drops every record whose turn in `dropped` says so. */
function record(dropped: readonly boolean[] = []): Recording {
  const lines: string[] = [];
  let turn = 0;
  const recorder = new Recorder({
    log: {
      append: (line) => {
        const drop = dropped[turn] ?? false;
        turn += 1;
        if (!drop) lines.push(line.toString());
        return !drop;
      },
    },
    blobs: fixedBlobs,
    nowMs: () => 1_795_238_781_123,
    onRejected: () => undefined,
  });
  return { recorder, lines };
}

function call(recorder: object, method: string, args: readonly unknown[]): void {
  const body: unknown = Reflect.get(recorder, method);
  if (typeof body !== 'function') throw new TypeError(`there is no ${method}`);
  Reflect.apply(body, recorder, args);
}

const METHODS = [
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

const names = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', 'loss', 'perplexity', 'step', 'epoch', 'metrics', 'extra', '\ud800'),
);
const metricValue = fc.oneof(fc.double(), fc.integer());
const anyValue = fc.anything({
  key: names,
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSparseArray: true,
  withTypedArray: true,
  maxDepth: 3,
});
const anyArguments = fc.array(fc.oneof(anyValue, names, fc.record({ step: fc.oneof(fc.nat(), anyValue) })), {
  maxLength: 3,
});
const step = fc.maxSafeNat();
/** Arguments of which a good part is recorded. */
const plausibleCall: fc.Arbitrary<readonly [string, readonly unknown[]]> = fc.oneof(
  fc.tuple(fc.constantFrom(...METHODS), anyArguments),
  fc.tuple(
    fc.constantFrom('logStep', 'logEpoch', 'logValidation', 'logFinal'),
    fc.tuple(
      fc.record(
        { step, epoch: step, total_steps: step, loss: metricValue, metrics: fc.dictionary(names, metricValue) },
        { requiredKeys: [] },
      ),
    ),
  ),
  fc.tuple(fc.constant('log'), fc.tuple(names, fc.dictionary(names, anyValue), fc.record({ step }))),
  fc.tuple(fc.constant('updateConfig'), fc.tuple(fc.dictionary(names, anyValue))),
  fc.tuple(
    fc.constant('logTable'),
    fc.tuple(names, fc.record({ columns: fc.array(names), rows: fc.array(fc.array(anyValue)) })),
  ),
  fc.tuple(fc.constant('logHistogram'), fc.tuple(names, fc.array(fc.double({ min: -1e100, max: 1e100 })))),
);

describe('for any calls with any arguments', () => {
  it('throws nothing, and every line is a record of the next seq', () => {
    fc.assert(
      fc.property(fc.array(plausibleCall, { maxLength: 20 }), fc.array(fc.boolean()), (calls, dropped) => {
        const { recorder, lines } = record(dropped);
        for (const [method, args] of calls) call(recorder, method, args);
        const seqs = lines.map((line) => {
          const result = parseRecord(line.slice(0, -1));
          expect(result).toMatchObject({ ok: true });
          expect(line.indexOf('\n')).toBe(line.length - 1);
          return result.ok ? result.record.seq : -1;
        });
        expect(seqs).toEqual(seqs.map((_, index) => index));
        expect(recorder.records).toBe(lines.length);
      }),
      { numRuns: 500 },
    );
  });

  it('records, drops or rejects each call', () => {
    fc.assert(
      fc.property(plausibleCall, fc.array(fc.boolean()), ([method, args], dropped) => {
        const { recorder } = record(dropped);
        call(recorder, method, args);
        const offersNothing = method === 'addTags' && Array.isArray(args[0]) && args[0].length === 0;
        expect(recorder.records + recorder.dropped + recorder.rejected > 0 || offersNothing).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('for any row', () => {
  it('parses back to the numbers given, and accounts for each of them', () => {
    fc.assert(
      fc.property(step, fc.dictionary(names, fc.oneof(metricValue, fc.string())), (at, row) => {
        const { recorder, lines } = record();
        call(recorder, 'log', [row, { step: at }]);
        const numbers = Object.entries(row).filter(
          ([key, value]) => typeof value === 'number' && key !== '' && key.isWellFormed() && key.length <= 1024,
        );
        const offered = Object.keys(row).length;
        // A row of nothing is rejected as such.
        expect(recorder.rejected).toBe(offered === 0 ? 1 : offered - numbers.length);
        const metrics = Object.fromEntries(numbers.map(([key, value]) => [key, toScalar(Number(value))]));
        const expected = { v: 1, seq: 0, time: 1_795_238_781.123, kind: 'log', step: at, metrics };
        expect(lines.map((line) => parseRecord(line.slice(0, -1)))).toStrictEqual(
          numbers.length === 0 ? [] : [{ ok: true, record: expected }],
        );
      }),
    );
  });
});
