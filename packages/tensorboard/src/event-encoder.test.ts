import type { RunRecord, Scalar } from '@runcast/core';
import {
  alertRecord,
  artifactRecord,
  barChartRecord,
  closeRecord,
  configRecord,
  defineMetricRecord,
  fileRecord,
  histogramRecord,
  imageRecord,
  systemRecord,
  tableRecord,
  textRecord,
  epochRecord,
  finalRecord,
  hparamsRecord,
  logRecord,
  openRecord,
  PIXEL_PNG,
  SAMPLE_TIME,
  stepRecord,
  summaryRecord,
  tagsRecord,
  validationRecord,
} from '@runcast/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decodeEvents, decodeSession, type DecodedEvent, type DecodedSession } from '../test/decode-events.ts';
import { frame } from '../test/event-bytes.ts';
import { EventEncoder } from './event-encoder.ts';
import { encoderStateSchema } from './run-state.ts';
import { chartLayout, MAX_CHARTS, type Chart } from './series-layout.ts';

const MAIN = 'events.out.tfevents.1795254381.trainer.4711.0';

/** Encodes and commits, and adds what each file got to `files`. */
function encodeInto(files: Map<string, Buffer>, encoder: EventEncoder, records: readonly RunRecord[]): void {
  for (const { path, replaces, bytes } of encoder.encode(records)) {
    files.set(path, Buffer.concat([(replaces ? undefined : files.get(path)) ?? Buffer.alloc(0), bytes]));
  }
  encoder.commit();
}

function encode(...records: readonly RunRecord[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  encodeInto(files, new EventEncoder(), records);
  return files;
}

function eventsOf(files: ReadonlyMap<string, Buffer>, path: string = MAIN): DecodedEvent[] {
  return decodeEvents(files.get(path) ?? Buffer.alloc(0));
}

/** `[tag, step, value]` of every scalar in a file. */
function pointsOf(files: ReadonlyMap<string, Buffer>, path: string = MAIN): unknown[] {
  return eventsOf(files, path).flatMap(({ step, values }) =>
    values.flatMap(({ tag, simpleValue }) => (simpleValue === undefined ? [] : [[tag, step, simpleValue]])),
  );
}

function sessionsOf(
  files: ReadonlyMap<string, Buffer>,
  path: string = MAIN,
): { tag: string; wallTime: number; session: DecodedSession }[] {
  return eventsOf(files, path).flatMap(({ wallTime, values }) =>
    values.flatMap(({ tag, plugin, content }) =>
      plugin === 'hparams' ? [{ tag, wallTime, session: decodeSession(content) }] : [],
    ),
  );
}

function step(at: number, metrics: Readonly<Record<string, Scalar>> = { 'train/loss': at }): RunRecord {
  return stepRecord({ step: at, metrics });
}

function stepless(metrics: Readonly<Record<string, number>>): RunRecord {
  return logRecord({ metrics });
}

function series(at: number): RunRecord {
  return logRecord({ step: at, series: 's', metrics: { 's/loss': at } });
}

function resume(resumeStep: number, time: number = SAMPLE_TIME + 100): RunRecord {
  return openRecord({ writer: 'w2', host: 'other', pid: 12, time, resumed: true, resume_step: resumeStep });
}

describe('a file', () => {
  it('is named after the open record and begins with the version and a session start', () => {
    const files = encode(openRecord(), step(1));
    expect([...files.keys()]).toEqual([MAIN]);
    expect(eventsOf(files).slice(0, 2)).toEqual([
      { wallTime: SAMPLE_TIME, step: 0, fileVersion: 'brain.Event:2', sessionStatus: undefined, values: [] },
      { wallTime: SAMPLE_TIME, step: 0, fileVersion: undefined, sessionStatus: 1, values: [] },
    ]);
  });

  it('has these bytes', () => {
    const files = encode(
      openRecord({ time: 1_700_000_000.5 }),
      stepRecord({ time: 1_700_000_001, step: 300, metrics: { t: 1, zero: 0 } }),
    );
    // Written by TensorBoard's own Python classes: Event messages through its RecordWriter.
    const expected = [
      '1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110',
      '0d000000000000003c37b8340900002040fc54d9413a020801a870fdd5',
      '2500000000000000eabc36f30900004040fc54d94110ac022a170a080a0174150000803f0a0b0a047a65726f15000000008c9e13c5',
    ];
    expect(files.get('events.out.tfevents.1700000000.trainer.4711.0')?.toString('hex')).toBe(expected.join(''));
  });

  it('is not begun before there is something to write', () => {
    expect(encode(openRecord(), configRecord(), tagsRecord())).toEqual(new Map());
  });

  it('keeps its name when another writer opens', () => {
    const files = encode(
      openRecord(),
      step(1),
      openRecord({ writer: 'w2', host: 'other', pid: 1, role: 'member' }),
      step(2),
    );
    expect([...files.keys()]).toEqual([MAIN]);
  });

  it.each([
    ['a/b c', 'a_b_c'],
    ['', 'unknown'],
    ['x'.repeat(300), 'x'.repeat(64)],
  ])('is named in a way that any file system takes (%j)', (host, part) => {
    expect([...encode(openRecord({ host }), step(1)).keys()]).toEqual([
      `events.out.tfevents.1795254381.${part}.4711.0`,
    ]);
  });

  it.each([
    [-5, '0000000000'],
    [Number.NaN, '0000000000'],
    [1e12, '9999999999'],
    [42, '0000000042'],
  ])('has ten digits of seconds for the time %d', (time, digits) => {
    expect([...encode(openRecord({ time }), step(1)).keys()]).toEqual([`events.out.tfevents.${digits}.trainer.4711.0`]);
  });

  it('takes its name from the first record where the log has lost its start', () => {
    expect([...encode(step(1)).keys()]).toEqual(['events.out.tfevents.1795254381.unknown.0.0']);
  });
});

describe('scalars', () => {
  it('are written at the step or epoch, one event a record', () => {
    const files = encode(
      openRecord(),
      stepRecord({ step: 3, metrics: { 'train/loss': 0.5, 'train/grad_norm': 2 } }),
      epochRecord({ epoch: 1, metrics: { 'epoch/loss': 0.25 } }),
      validationRecord({ epoch: 2, metrics: { 'val/loss': 0.125 } }),
      logRecord({ step: 7, metrics: { 'production/iron': 450.5 } }),
    );
    expect(pointsOf(files)).toEqual([
      ['train/loss', 3, 0.5],
      ['train/grad_norm', 3, 2],
      ['epoch/loss', 1, 0.25],
      ['val/loss', 2, 0.125],
      ['production/iron', 7, 450.5],
    ]);
    expect(eventsOf(files)).toHaveLength(6);
  });

  it('keep zero, minus zero, NaN and the infinities', () => {
    const files = encode(openRecord(), step(1, { a: 0, b: -0, c: 'NaN', d: 'Infinity', e: '-Infinity', f: 1e40 }));
    expect(pointsOf(files).map((point) => JSON.stringify(point) && point)).toEqual([
      ['a', 1, 0],
      ['b', 1, -0],
      ['c', 1, Number.NaN],
      ['d', 1, Infinity],
      ['e', 1, -Infinity],
      ['f', 1, Infinity],
    ]);
  });

  it('may have any key, well-formed in the file', () => {
    const metrics: Record<string, Scalar> = Object.fromEntries(
      ['__proto__', '', '\ud800', '\ufffd', 'Größe/π', 'constructor'].map((key, index) => [key, index + 1]),
    );
    expect(pointsOf(encode(openRecord(), step(1, metrics)))).toEqual([
      ['__proto__', 1, 1],
      ['', 1, 2],
      ['\ufffd', 1, 3],
      ['\ufffd', 1, 4],
      ['Größe/π', 1, 5],
      ['constructor', 1, 6],
    ]);
  });

  it('of the system are counted', () => {
    const system = (cpu: number): RunRecord => systemRecord({ metrics: { 'system/cpu': cpu } });
    expect(pointsOf(encode(openRecord(), step(7), system(20), step(8), system(30)))).toEqual([
      ['train/loss', 7, 7],
      ['system/cpu', 0, 20],
      ['train/loss', 8, 8],
      ['system/cpu', 1, 30],
    ]);
  });

  it('without a step get the next one of their tag', () => {
    expect(
      pointsOf(
        encode(openRecord(), stepless({ a: 1 }), stepless({ a: 2, b: 3 }), step(9, { a: 4 }), stepless({ a: 5, b: 6 })),
      ),
    ).toEqual([
      ['a', 0, 1],
      ['a', 1, 2],
      ['b', 0, 3],
      ['a', 9, 4],
      ['a', 10, 5],
      ['b', 1, 6],
    ]);
  });

  it('have no event where there are none', () => {
    expect(encode(openRecord(), step(1, {}), logRecord({ metrics: {} }))).toEqual(new Map());
  });

  it('are never stamped with a time that readers give up on', () => {
    const events = eventsOf(
      encode(openRecord(), stepRecord({ time: Number.NaN }), stepRecord({ step: 2, time: Infinity })),
    );
    expect(events.map((event) => event.wallTime)).toEqual([SAMPLE_TIME, SAMPLE_TIME, SAMPLE_TIME, SAMPLE_TIME]);
  });

  it('are read back as they were, up to float32, however the rows follow each other', () => {
    const scalar = fc.oneof(
      fc.double().map((value): Scalar => (Number.isFinite(value) ? value : 'NaN')),
      fc.constantFrom<Scalar>('Infinity', '-Infinity'),
    );
    const row = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 6 }), scalar, {
      maxKeys: 6,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), (rows) => {
        const files = encode(openRecord(), ...rows.map((metrics, index) => step(index, metrics)));
        const expected = rows.flatMap((metrics, index) =>
          Object.entries(metrics).map(([key, value]) => [key.toWellFormed(), index, Math.fround(Number(value))]),
        );
        expect(pointsOf(files)).toEqual(expected);
      }),
    );
  });
});

describe('results', () => {
  it('are one scalar each at the greatest step', () => {
    const files = encode(
      openRecord(),
      step(40),
      logRecord({ step: 60, metrics: { x: 1 } }),
      logRecord({ step: 900, series: 'training/op', metrics: { 'training/op/loss': 1 } }),
      epochRecord({ epoch: 2000 }),
      step(50),
      finalRecord({ metrics: { 'final/loss': 0.5, 'final/perplexity': 1.5 }, total_steps: 61 }),
      summaryRecord({
        summary: { 'eval/nrmse': 0.25, note: 'good', ok: true, missing: null, 'eval/worst': 'Infinity' },
      }),
    );
    expect(pointsOf(files).slice(5)).toEqual([
      ['final/total_steps', 60, 61],
      ['final/loss', 60, 0.5],
      ['final/perplexity', 60, 1.5],
      ['eval/nrmse', 60, 0.25],
      ['eval/worst', 60, Infinity],
    ]);
  });

  it('lie at step 0 in a run without steps', () => {
    expect(pointsOf(encode(openRecord(), finalRecord()))).toEqual([['final/loss', 0, 0.5]]);
  });
});

describe('HParams', () => {
  it('gets hyperparameters with the configuration known by then, and the end of the run', () => {
    const files = encode(
      openRecord({
        config: { latent_dim: 32, optimizer: { name: 'adam', betas: [0.9, 0.99], warm: { steps: 10 } }, lr: 1 },
      }),
      configRecord({ config: { seed: 7, lr: 2, optimizer: { name: 'sgd' } } }),
      hparamsRecord({ time: SAMPLE_TIME + 1, hparams: { lr: 0.5, model: '', deep: false, nothing: null } }),
      closeRecord({ time: SAMPLE_TIME + 9 }),
    );
    expect([...files.keys()]).toEqual([MAIN]);
    expect(sessionsOf(files)).toEqual([
      {
        tag: '_hparams_/session_start_info',
        wallTime: SAMPLE_TIME + 1,
        session: {
          hparams: { latent_dim: 32, 'optimizer.name': 'sgd', lr: 0.5, seed: 7, model: '', deep: false },
          groupName: undefined,
          startTime: SAMPLE_TIME,
          status: undefined,
          endTime: undefined,
        },
      },
      {
        tag: '_hparams_/session_end_info',
        wallTime: SAMPLE_TIME + 9,
        session: { hparams: {}, groupName: undefined, startTime: undefined, status: 1, endTime: SAMPLE_TIME + 9 },
      },
    ]);
  });

  const AMENDED = '0-hparams.tfevents';

  it('gets what is added later from a file that is read first', () => {
    const files = encode(
      openRecord(),
      hparamsRecord({ hparams: { lr: 0.5 } }),
      configRecord({ config: { late: 1, lr: 0.5 } }),
      hparamsRecord({ hparams: { lr: 0.25 } }),
      closeRecord({ time: SAMPLE_TIME + 9 }),
    );
    expect([...files.keys()].toSorted()).toEqual([AMENDED, MAIN]);
    expect(sessionsOf(files)).toMatchObject([{ session: { hparams: { lr: 0.5 } } }, { session: { status: 1 } }]);
    expect(eventsOf(files, AMENDED)[0]?.fileVersion).toBe('brain.Event:2');
    expect(sessionsOf(files, AMENDED)).toMatchObject([
      {
        tag: '_hparams_/session_start_info',
        session: { hparams: { latent_dim: 32, lr: 0.25, late: 1 }, startTime: SAMPLE_TIME },
      },
      { tag: '_hparams_/session_end_info', session: { status: 1, endTime: SAMPLE_TIME + 9 } },
    ]);
  });

  it('gets no such file where nothing differs', () => {
    const again = [configRecord({ config: { latent_dim: 32 } }), hparamsRecord(), openRecord({ resumed: true })];
    expect([...encode(openRecord(), hparamsRecord(), ...again, closeRecord()).keys()]).toEqual([MAIN]);
    expect([...encode(openRecord(), closeRecord(), openRecord({ role: 'member' })).keys()]).toEqual([MAIN]);
    expect(encode(openRecord({ config: {} }), closeRecord(), openRecord({ config: {} }))).toEqual(new Map());
  });

  it('has the end taken back where the run goes on, and given where it ends again', () => {
    const records = [openRecord(), hparamsRecord(), closeRecord({ status: 'failed' }), openRecord({ resumed: true })];
    const goingOn = encode(...records);
    expect(sessionsOf(goingOn).at(-1)?.session.status).toBe(2);
    expect(sessionsOf(goingOn, AMENDED).at(-1)?.session).toMatchObject({ status: 0, endTime: 0 });
    const ended = encode(...records, closeRecord({ time: SAMPLE_TIME + 5 }), closeRecord({ status: 'crashed' }));
    expect(sessionsOf(ended).map(({ tag }) => tag)).toHaveLength(2);
    expect(sessionsOf(ended, AMENDED).at(-1)?.session).toMatchObject({ status: 1, endTime: SAMPLE_TIME + 5 });
  });

  it('gets the configuration at the end where there are no hyperparameters', () => {
    const sessions = sessionsOf(encode(openRecord(), configRecord(), closeRecord({ status: 'failed' })));
    expect(sessions.map(({ session }) => [session.hparams, session.status])).toEqual([
      [{ latent_dim: 32, eval_samples: 3072 }, undefined],
      [{}, 2],
    ]);
  });

  it('gets nothing of a run without either', () => {
    expect(encode(openRecord({ config: { list: [1] } }), closeRecord())).toEqual(new Map());
  });

  it.each([
    ['finished', 1],
    ['failed', 2],
    ['crashed', 2],
    ['unknown', 0],
  ] as const)('knows the status %s as %d', (status, expected) => {
    expect(sessionsOf(encode(openRecord(), hparamsRecord(), closeRecord({ status }))).at(-1)?.session.status).toBe(
      expected,
    );
  });

  it('hears of the end when the run ends, once, not when a member leaves', () => {
    const tags = sessionsOf(
      encode(
        openRecord(),
        hparamsRecord(),
        closeRecord({ final: false }),
        closeRecord(),
        closeRecord({ status: 'failed' }),
      ),
    ).map(({ tag }) => tag);
    expect(tags).toEqual(['_hparams_/session_start_info', '_hparams_/session_end_info']);
  });

  it('has these bytes', () => {
    const files = encode(
      openRecord({ time: 1, config: {} }),
      hparamsRecord({ time: 1, hparams: { b: false } }),
      closeRecord({ time: 2 }),
    );
    const contents = eventsOf(files, 'events.out.tfevents.0000000001.trainer.4711.0').flatMap(({ values }) =>
      values.map(({ content }) => Buffer.from(content).toString('hex')),
    );
    expect(contents).toEqual(['1a120a070a01621202200029000000000000f03f', '220b0801110000000000000040']);
  });
});

describe('steps that go back', () => {
  const REWIND_1 = `rewind-1/${MAIN}`;
  const REWIND_2 = `rewind-2/${MAIN}`;

  it('go to a sub-run, and stay there', () => {
    const files = encode(openRecord(), step(1), step(5), step(3), step(4), step(9));
    expect(pointsOf(files)).toEqual([
      ['train/loss', 1, 1],
      ['train/loss', 5, 5],
    ]);
    expect(pointsOf(files, REWIND_1)).toEqual([
      ['train/loss', 3, 3],
      ['train/loss', 4, 4],
      ['train/loss', 9, 9],
    ]);
    expect(eventsOf(files, REWIND_1)).toMatchObject([
      { fileVersion: 'brain.Event:2' },
      { sessionStatus: 1 },
      {},
      {},
      {},
    ]);
  });

  it('go to a sub-run of their own each time', () => {
    const files = encode(openRecord(), step(5), step(3), step(2), step(1));
    expect([...files.keys()]).toEqual([MAIN, REWIND_1, REWIND_2, `rewind-3/${MAIN}`]);
  });

  it('are no repeats: those stay', () => {
    expect(pointsOf(encode(openRecord(), step(5), step(5)))).toEqual([
      ['train/loss', 5, 5],
      ['train/loss', 5, 5],
    ]);
  });

  it('move the tags concerned only, and together', () => {
    const files = encode(
      openRecord(),
      step(5, { a: 1, b: 2, c: 3 }),
      step(9, { c: 4 }),
      step(3, { a: 5, b: 6, new: 7 }),
      step(9, { a: 8, c: 9 }),
    );
    expect(pointsOf(files)).toEqual([
      ['a', 5, 1],
      ['b', 5, 2],
      ['c', 5, 3],
      ['c', 9, 4],
      ['new', 3, 7],
      ['c', 9, 9],
    ]);
    expect(pointsOf(files, REWIND_1)).toEqual([
      ['a', 3, 5],
      ['b', 3, 6],
      ['a', 9, 8],
    ]);
  });

  it('take a tag that goes back for the first time to the newest sub-run', () => {
    const files = encode(
      openRecord(),
      step(5, { a: 1, b: 1 }),
      step(4, { a: 2 }),
      step(3, { a: 3 }),
      step(2, { b: 4 }),
    );
    expect(pointsOf(files, REWIND_2)).toEqual([
      ['a', 3, 3],
      ['b', 2, 4],
    ]);
  });

  it('are decided tag by tag: an epoch is no step', () => {
    expect([...encode(openRecord(), step(1000), epochRecord({ epoch: 0 }), step(1001)).keys()]).toEqual([MAIN]);
  });
});

describe('a run resumed from a step', () => {
  const SECOND = 'events.out.tfevents.1795254481.other.12.1';

  it('goes on in a new file that tells readers what to drop', () => {
    const files = encode(openRecord(), step(1), step(9), resume(5), step(5), step(6));
    expect([...files.keys()]).toEqual([MAIN, SECOND]);
    expect(eventsOf(files, SECOND).slice(0, 2)).toMatchObject([
      { wallTime: SAMPLE_TIME + 100, fileVersion: 'brain.Event:2' },
      { wallTime: SAMPLE_TIME + 100, step: 5, sessionStatus: 1 },
    ]);
    expect(pointsOf(files, SECOND)).toEqual([
      ['train/loss', 5, 5],
      ['train/loss', 6, 6],
    ]);
  });

  it('has names in order, whatever the clock says', () => {
    const files = encode(
      openRecord(),
      step(1),
      resume(1, SAMPLE_TIME - 1000),
      step(1),
      resume(1, SAMPLE_TIME - 1000),
      step(2),
    );
    expect([...files.keys()]).toEqual([
      MAIN,
      'events.out.tfevents.1795254382.other.12.1',
      'events.out.tfevents.1795254383.other.12.2',
    ]);
  });

  it('drops from the least step where nothing was written between', () => {
    const files = encode(openRecord(), step(9), resume(5), resume(7), step(7));
    expect(eventsOf(files, SECOND)[1]?.step).toBe(5);
  });

  it('takes steps from there on only: an earlier one is a rewind', () => {
    const files = encode(openRecord(), step(1), step(9), resume(5), step(3));
    expect(pointsOf(files, 'rewind-1/events.out.tfevents.1795254481.other.12.0')).toEqual([['train/loss', 3, 3]]);
  });

  it('takes any step of tags with axes of their own', () => {
    const files = encode(
      openRecord(),
      step(100),
      epochRecord({ epoch: 9 }),
      series(8),
      resume(50),
      epochRecord({ epoch: 2 }),
      series(3),
    );
    expect(pointsOf(files, SECOND)).toEqual([
      ['epoch/loss', 2, 0.5],
      ['s/loss', 3, 3],
    ]);
  });

  it('leaves tags alone that are not there yet', () => {
    const files = encode(openRecord(), step(2, { early: 1 }), step(9), resume(5), step(1, { early: 2 }));
    expect([...files.keys()].at(-1)).toMatch(/^rewind-1/u);
  });

  it('has its results where it has got to', () => {
    const files = encode(openRecord(), step(9), resume(5), step(6), finalRecord());
    expect(pointsOf(files, SECOND).at(-1)).toEqual(['final/loss', 6, 0.5]);
  });

  it('goes on in the same file without a step to resume from', () => {
    expect([...encode(openRecord(), step(1), openRecord({ writer: 'w2', resumed: true }), step(2)).keys()]).toEqual([
      MAIN,
    ]);
  });

  it('starts as any run where nothing was written before', () => {
    const files = encode(openRecord(), resume(5), step(5));
    expect(eventsOf(files, 'events.out.tfevents.1795254481.other.12.0')[1]?.step).toBe(0);
  });
});

describe('the state', () => {
  const records: readonly RunRecord[] = [
    openRecord(),
    configRecord(),
    step(1, { a: 1, b: 2 }),
    logRecord({ metrics: { free: 1 } }),
    epochRecord({ epoch: 3 }),
    step(9, { a: 1, b: 2 }),
    step(4, { a: 1 }),
    openRecord({ time: SAMPLE_TIME + 50, resume_step: 3, resumed: true }),
    hparamsRecord(),
    step(3, { a: 1, b: 2 }),
    epochRecord({ epoch: 1 }),
    logRecord({ metrics: { free: 2 } }),
    defineMetricRecord({ metric: 'd/*', step: 'd/step' }),
    series(1),
    logRecord({ step: 1, metrics: { 'd/loss': 1 } }),
    configRecord({ config: { late: [1], later: { still: 1 } } }),
    step(2, { b: 9 }),
    finalRecord(),
    closeRecord(),
    openRecord({ time: SAMPLE_TIME + 60, resumed: true, resume_step: 1 }),
    configRecord({ config: { last: true } }),
    step(1, { a: 1 }),
    closeRecord({ time: SAMPLE_TIME + 70, status: 'failed' }),
  ];

  it('survives as JSON at any point: the same bytes follow', () => {
    const whole = encode(...records);
    for (let cut = 0; cut <= records.length; cut += 1) {
      const files = new Map<string, Buffer>();
      const first = new EventEncoder();
      encodeInto(files, first, records.slice(0, cut));
      encodeInto(
        files,
        new EventEncoder(encoderStateSchema.parse(JSON.parse(JSON.stringify(first.position())))),
        records.slice(cut),
      );
      expect(files).toEqual(whole);
    }
  });

  it('forgets what nobody committed', () => {
    const whole = encode(...records);
    for (let cut = 0; cut < records.length; cut += 1) {
      const files = new Map<string, Buffer>();
      const encoder = new EventEncoder();
      encodeInto(files, encoder, records.slice(0, cut));
      const before = encoder.position();
      encoder.encode(records.slice(cut));
      expect(encoder.position()).toEqual(before);
      encodeInto(files, encoder, records.slice(cut));
      expect(files).toEqual(whole);
    }
  });

  it('does not depend on how the records are cut into batches', () => {
    const files = new Map<string, Buffer>();
    const encoder = new EventEncoder();
    for (const record of records) encodeInto(files, encoder, [record]);
    expect(files).toEqual(encode(...records));
  });
});

describe('payloads', () => {
  it('are tensors with the metadata of their plugin', () => {
    const files = new Map<string, Buffer>();
    const encoder = new EventEncoder();
    for (const { path, bytes } of encoder.encode(
      [
        openRecord(),
        tableRecord({ step: 2 }),
        barChartRecord({ step: 2 }),
        histogramRecord({ step: 2 }),
        imageRecord({ step: 2 }),
        textRecord({ step: 2 }),
      ],
      () => PIXEL_PNG,
    )) {
      files.set(path, Buffer.from(bytes));
    }
    const events = eventsOf(files).slice(2);
    expect(events.map((event) => event.step)).toEqual([2, 2, 2, 2, 2, 2]);
    expect(events.flatMap(({ values }) => values)).toMatchObject([
      { tag: 'eval/comparison', plugin: 'text', tensor: { dtype: 7, shape: [] } },
      { tag: 'physics/violations', plugin: 'images', tensor: { shape: [3] } },
      {
        tag: 'physics/violations/values',
        plugin: 'text',
        tensor: { strings: ['| bar | value |\n| --- | --- |\n| mass | 3 |\n| energy | 1 |'] },
      },
      { tag: 'weights/dense_1', plugin: 'histograms', tensor: { shape: [2, 3], doubles: [-1, 0, 3, 0, 1, 5] } },
      {
        tag: 'eval/heatmap',
        plugin: 'images',
        tensor: { strings: ['1', '1', Buffer.from(PIXEL_PNG).toString('latin1')] },
      },
      { tag: 'samples', plugin: 'text', tensor: { strings: ['**once** upon a time'] } },
    ]);
  });

  it('without a step get the next one of their tag, and move where steps go back', () => {
    const text = (at?: number): RunRecord => textRecord(at === undefined ? {} : { step: at });
    const files = encode(openRecord(), text(), text(), text(5), text(4));
    expect(
      eventsOf(files)
        .slice(2)
        .map((event) => event.step),
    ).toEqual([0, 1, 5]);
    expect(
      eventsOf(files, `rewind-1/${MAIN}`)
        .slice(2)
        .map((event) => event.step),
    ).toEqual([4]);
  });

  it('are well-formed text', () => {
    const files = encode(openRecord(), textRecord({ text: 'a\ud800b' }));
    expect(eventsOf(files).at(-1)?.values[0]?.tensor?.strings).toEqual([Buffer.from('a\ufffdb').toString('latin1')]);
  });

  it('are passed on where the file of an image turns out to be none', () => {
    const [encoded] = new EventEncoder().encode([openRecord(), imageRecord()], () => Buffer.from('damaged'));
    expect(decodeEvents(Buffer.from(encoded?.bytes ?? [])).at(-1)?.values[0]?.tensor?.strings).toEqual([
      '0',
      '0',
      'damaged',
    ]);
  });

  it('are left out where an image has no file', () => {
    expect(encode(openRecord(), imageRecord())).toEqual(new Map());
  });
});

describe('series', () => {
  /** Every layout in a file, as its lines of text. */
  const layouts = (files: ReadonlyMap<string, Buffer>, path: string = MAIN): unknown[] =>
    eventsOf(files, path).flatMap(({ step: at, values }) =>
      values.flatMap(({ tag, plugin, dataClass, tensor }) =>
        plugin === 'custom_scalars' ? [[tag, at, dataClass, tensor?.dtype, tensor?.shape, tensor?.strings[0]]] : [],
      ),
    );
  const layout = (...charts: readonly Chart[]): unknown => {
    const value = decodeEvents(frame(chartLayout(charts)))[0]?.values[0];
    return ['custom_scalars__config__', 0, 2, 7, [], value?.tensor?.strings[0]];
  };
  const chart = (group: string, metric: string, staged: boolean = true): Chart => ({ group, metric, staged });
  const row = (name: string, ...metrics: readonly string[]): RunRecord =>
    logRecord({
      step: 1,
      series: name,
      metrics: Object.fromEntries(metrics.map((metric) => [`${name}/${metric}`, 1])),
    });

  it('have a chart for each metric, in a layout that is written where one is new', () => {
    const files = encode(
      openRecord(),
      row('a/x', 'loss'),
      row('a/y', 'loss'),
      row('a/y', 'loss', 'lr'),
      row('b', 'lr'),
    );
    const charts = [chart('a', 'loss'), chart('a', 'lr'), chart('b', 'lr', false)];
    expect(layouts(files)).toEqual([1, 2, 3].map((count) => layout(...charts.slice(0, count))));
  });

  it('are also those that were defined', () => {
    const files = encode(
      openRecord(),
      defineMetricRecord({ metric: 'a/x/*', step: 'a/x/step' }),
      defineMetricRecord({ metric: 'b/only', step: 'b/step' }),
      { v: 1, seq: 0, time: SAMPLE_TIME, kind: 'define_metric', metric: 'stepless/*' },
      defineMetricRecord({ metric: 'flat', step: 'step' }),
      logRecord({
        step: 1,
        metrics: { 'a/x/loss': 1, 'a/x/step': 1, 'b/only': 1, 'b/other': 1, 'stepless/c': 1, flat: 1 },
      }),
    );
    expect(layouts(files)).toEqual([layout(chart('a', 'loss'), chart('b', 'only', false))]);
  });

  it('have no more charts than a layout may have', () => {
    const metrics = Array.from({ length: MAX_CHARTS + 5 }, (_, index) => `m${index}`);
    const files = encode(openRecord(), row('a/x', ...metrics), row('a/x', 'one more'));
    expect(layouts(files)).toEqual([layout(...metrics.slice(0, MAX_CHARTS).map((metric) => chart('a', metric)))]);
  });

  it('have their layout in the file that a resumed run goes on in', () => {
    const files = encode(openRecord(), row('a/x', 'loss'), resume(0), row('a/x', 'loss'));
    expect(layouts(files, 'events.out.tfevents.1795254481.other.12.1')).toEqual([layout(chart('a', 'loss'))]);
  });
});

describe('kinds that TensorBoard cannot show', () => {
  it('are those of later versions, too', () => {
    const record = z.custom<RunRecord>().parse({ ...step(1), kind: 'hologram' });
    expect(encode(openRecord(), record, step(2))).toEqual(encode(openRecord(), step(2)));
  });

  it('leave no trace', () => {
    const others = [tagsRecord(), defineMetricRecord(), fileRecord(), artifactRecord(), alertRecord()];
    expect(new EventEncoder().encode(others)).toEqual([]);
  });
});
