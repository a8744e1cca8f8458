import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseRecord, type RunRecord } from '@runcast/core';
import { systemScheduler } from '@runcast/delivery';
import { readManifest } from '@runcast/runlog';
import { openSummaryWriter, readEvents, type SummaryWriter } from '@runcast/tensorboard';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';
import { importedRunId } from './import-run-id.ts';
import { ImportedRun } from './import-run.ts';

const FIXTURES = path.join(import.meta.dirname, '../../../../tests/tensorboard/fixtures');
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

function write(run: string, add: (writer: SummaryWriter) => void): void {
  const writer = openSummaryWriter(place.path('logs', run), { now: () => 1_795_238_781_250, host: 'h', pid: 1 });
  add(writer);
  writer.close();
}

/** Records of a run, every line a valid one. */
function records(run: string): readonly RunRecord[] {
  const directory = place.path('runs', run, 'log');
  const [log = ''] = readdirSync(directory);
  const lines = readFileSync(path.join(directory, log), 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const parsed = parseRecord(line);
    if (!parsed.ok) throw new Error(`${parsed.problem}: ${line}`);
    return parsed.record;
  });
}

describe('a log directory', () => {
  it('becomes a run for each of its runs, closed, with names, times and rows', async () => {
    write('.', (writer) => writer.addScalar('top', 1, 0));
    write('group/a b', (writer) => {
      writer.addScalars('train', { loss: 0.5, special: Number.NaN }, 1);
      writer.addScalar('train/zero', -0, 1);
      writer.addScalar('train/loss', 0.25, 1);
      writer.addScalar('train/loss', Infinity, 2);
      writer.addHistogram('weights', [0, 1, 2, 4], 2, 2);
      writer.addText('notes', 'a *b*', 3);
      writer.addImage('picture', PNG, 3, 'one pixel');
      writer.addHparams({ lr: 0.5, model: 'm', api_key: 'secret', broken: Infinity }, {});
    });
    const { code, stdout, stderr } = await place.runcast(['import', 'tensorboard', 'logs', '--project', 'demo']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe('logs: 3 records\ngroup-a b: 9 records of "group/a b"\n');
    const time = 1_795_238_781.25;
    expect(records('group-a b')).toMatchObject([
      { seq: 0, time, kind: 'open', run: 'group-a b', name: 'group/a b', project: 'demo', role: 'owner' },
      {
        seq: 1,
        time,
        kind: 'log',
        step: 1,
        metrics: { 'train/loss': 0.5, 'train/special': 'NaN', 'train/zero': -0 },
      },
      { seq: 2, time, kind: 'log', step: 1, metrics: { 'train/loss': 0.25 } },
      { seq: 3, time, kind: 'log', step: 2, metrics: { 'train/loss': 'Infinity' } },
      { seq: 4, time, kind: 'histogram', key: 'weights', step: 2, edges: [0, 2, 4], counts: [2, 2] },
      { seq: 5, time, kind: 'text', key: 'notes', step: 3, text: 'a *b*' },
      {
        seq: 6,
        time,
        kind: 'image',
        key: 'picture',
        step: 3,
        format: 'png',
        width: 1,
        height: 1,
        caption: 'one pixel',
      },
      { seq: 7, kind: 'hparams', hparams: { lr: 0.5, model: 'm', api_key: '[redacted]', broken: 'Infinity' } },
      { seq: 8, kind: 'close', status: 'finished', final: true },
    ]);
    const listed = await place.runcast(['ls']);
    expect(listed.stdout).toMatch(/group-a b +demo +group\/a b +finished/u);
    expect(listed.stdout).toMatch(/logs +demo +logs +unknown/u);
  });

  it('of other writers is imported with what there is a record for', async () => {
    const { code, stdout } = await place.runcast(['import', 'tensorboard', FIXTURES, '--json', '--dir', 'elsewhere']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      dir: place.path('elsewhere'),
      damaged: 0,
      runs: [
        {
          id: 'tensorboard',
          status: 'failed',
          path: place.path('elsewhere', 'tensorboard'),
          skipped: { 'step out of range': 2, image: 2, pr_curves: 1, hparams_experiment: 1, audio: 1, graph_def: 1 },
        },
        { id: 'tensorboardx', status: 'unknown', skipped: { 'step out of range': 1 } },
        { id: 'tensorboardx-both-train', name: 'tensorboardx/both/train' },
        { id: 'tensorboardx-both-val' },
        { id: 'tensorboardx-resumed' },
        { id: 'tensorboardx-trial', status: 'finished', skipped: { hparams_experiment: 1 } },
      ],
    });
  });

  it('goes to a sink from there, every value as it was', async () => {
    write('a', (writer) => {
      for (let step = 0; step < 100; step += 1) writer.addScalar('loss', 1 / (step + 3), step);
    });
    await place.runcast(['import', 'tensorboard', 'logs']);
    const synced = await place.runcast(['sync', 'a', '--to', 'tensorboard'], { TENSORBOARD__LOG_DIR: 'again' });
    expect(synced).toMatchObject({ code: 0, stdout: 'a: tensorboard took 102 records\n' });
    const points = async (from: string): Promise<readonly unknown[]> => {
      const found: unknown[] = [];
      for await (const event of readEvents(place.path(from)))
        if (event.kind === 'scalar') found.push([event.run, event.tag, event.step, event.wallTime, event.value]);
      return found;
    };
    expect(await points('again')).toEqual(await points('logs'));
  });

  it('has the hyperparameters and the end that TensorBoard shows, which are the first ones', async () => {
    for (const lr of [0.5, 0.25]) {
      const writer = openSummaryWriter(place.path('logs'), { now: () => 1_795_238_781_250, host: 'h', pid: 1 });
      writer.addHparams({ lr }, {});
      writer.close();
    }
    await place.runcast(['import', 'tensorboard', 'logs']);
    expect(records('logs').slice(1)).toMatchObject([
      { kind: 'hparams', hparams: { lr: 0.5 } },
      { kind: 'close', status: 'finished' },
    ]);
  });

  it('imported again makes new runs', async () => {
    write('a', (writer) => writer.addScalar('loss', 1, 1));
    await place.runcast(['import', 'tensorboard', 'logs']);
    const { stdout } = await place.runcast(['import', 'tensorboard', 'logs/a']);
    expect(stdout).toBe('a-2: 3 records of "a"\n');
    expect(readdirSync(place.path('runs')).toSorted()).toEqual(['a', 'a-2']);
  });

  it('that is damaged is imported as far as it can be read, and said to be', async () => {
    write('a', (writer) => writer.addScalar('loss', 1, 1));
    const [name = ''] = readdirSync(place.path('logs', 'a'));
    const file = place.path('logs', 'a', name);
    appendFileSync(file, Buffer.alloc(20));
    const { code, stdout, stderr } = await place.runcast(['import', 'tensorboard', 'logs']);
    expect([code, stdout]).toEqual([1, 'a: 3 records\n']);
    expect(stderr).toMatch(/^logs\/a\/events\S+: zero bytes where a record should begin \(byte \d+\)\n$/u);
  });

  it('with damage in many places has only some of them told', async () => {
    mkdirSync(place.path('logs'));
    for (let count = 0; count < 12; count += 1) writeFileSync(place.path('logs', `tfevents.${count}`), 'damaged');
    const { code, stderr } = await place.runcast(['import', 'tensorboard', 'logs']);
    expect([code, stderr.trimEnd().split('\n').length, stderr.trimEnd().split('\n').slice(-2)]).toEqual([
      1,
      12,
      ['and 2 more places like these', 'no events in logs'],
    ]);
  });

  it('is imported beside what has a name there already', async () => {
    write('a', (writer) => writer.addScalar('loss', 1, 1));
    mkdirSync(place.path('runs', 'A'), { recursive: true });
    expect(await place.runcast(['import', 'tensorboard', 'logs'])).toMatchObject({ stdout: 'a-2: 3 records of "a"\n' });
  });

  it('is not imported to where no run can be', async () => {
    write('a', (writer) => writer.addScalar('loss', 1, 1));
    writeFileSync(place.path('file'), '');
    const { code, stderr } = await place.runcast(['import', 'tensorboard', 'logs', '--dir', 'file/runs']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/the run directory \S+ cannot be used/u);
  });
});

it('makes a run that is known to have had a log', () => {
  const run = new ImportedRun({ dir: place.path('runs'), id: 'a', name: 'a', project: undefined, notes: '', time: 1 });
  run.end(2, 'finished');
  expect(readManifest(run.directory)).toMatchObject({ settled: true, begun: true });
});

it('takes a run back that cannot be completed', () => {
  const options = { dir: place.path('runs'), id: 'a', name: 'a', project: undefined, notes: '', time: 1 };
  const run = new ImportedRun(options);
  run.appendRow(1, 1, new Map([['loss', 1]]));
  expect(existsSync(run.directory.manifestFile)).toBe(true);
  run.discard();
  expect(readdirSync(place.path('runs'))).toEqual([]);
});

describe('the command line', () => {
  it('has to say what and from where', async () => {
    for (const [argv, message] of [
      [[], 'say what to import: tensorboard, wandb'],
      [['tensorbord', 'x'], 'cannot import "tensorbord"; did you mean tensorboard? (tensorboard, wandb)'],
      [['tensorboard'], 'name a log directory or an event file'],
    ] as const) {
      const { code, stderr } = await place.runcast(['import', ...argv]);
      expect([code, stderr]).toEqual([2, `runcast: ${message}\nTry runcast import --help\n`]);
    }
    expect(await place.runcast(['import', 'tensorboard', 'missing'])).toMatchObject({ code: 1 });
  });
});

describe('what events come to', () => {
  it('is told where there is no record for it', async () => {
    write('a', (writer) => {
      writer.addScalar('', 1, 1);
      writer.addHistogram('none', [], 1);
      writer.addImage('cut', PNG, 1);
    });
    const { stdout } = await place.runcast(['import', 'tensorboard', 'logs']);
    expect(stdout).toBe('a: 5 records\n');
    expect(records('a')).toMatchObject([
      {},
      { metrics: { untitled: 1 } },
      { edges: [], counts: [] },
      { kind: 'image' },
      {},
    ]);
    truncateSync(place.path('logs', 'a', readdirSync(place.path('logs', 'a'))[0] ?? ''), 0);
    expect(await place.runcast(['import', 'tensorboard', 'logs'])).toMatchObject({
      code: 1,
      stderr: 'no events in logs\n',
    });
  });
});

describe('how far it is', () => {
  it('is shown in bytes, for both directions', async () => {
    write('a', (writer) => writer.addScalar('loss', 1, 1));
    let nowMs = 0;
    const clock = { ...systemScheduler, nowMs: () => (nowMs += 6000) };
    const imported = await place.runcast(['import', 'tensorboard', 'logs'], {}, { clock });
    expect(imported.stderr).toMatch(/^logs {2}100 % {2}(\d+) of \1 bytes/u);
    const exported = await place.runcast(['export', 'a', '--format', 'csv', '--output', 'a.csv'], {}, { clock });
    expect(exported.stderr).toMatch(/^a {2}100 % {2}(\d+) of \1 bytes/u);
  });
});

describe('values that only other writers write', () => {
  function field(number: number, form: number, ...content: readonly (Uint8Array | readonly number[])[]): Buffer {
    return Buffer.concat([Buffer.of((number << 3) | form), ...content.map((part) => Buffer.from(part))]);
  }

  function message(number: number, ...parts: readonly (Uint8Array | string)[]): Buffer {
    const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
    const length = content.length < 128 ? [content.length] : [(content.length & 127) | 128, content.length >> 7];
    return field(number, 2, length, content);
  }

  function doubles(...values: readonly number[]): Uint8Array {
    return new Uint8Array(new Float64Array(values).buffer);
  }

  function tensor(tag: string, plugin: string, dtype: number, shape: readonly number[], content: Buffer): Buffer {
    const sizes = shape.map((size) => message(2, field(1, 0, [size])));
    return message(
      1,
      message(1, tag),
      message(8, field(1, 0, [dtype]), message(2, ...sizes), content),
      message(9, message(1, message(1, plugin))),
    );
  }

  function framed(data: Buffer): Buffer {
    const bytes = Buffer.alloc(data.length + 16);
    bytes.writeBigUInt64LE(BigInt(data.length));
    bytes.writeUInt32LE(masked(bytes.subarray(0, 8)), 8);
    data.copy(bytes, 12);
    bytes.writeUInt32LE(masked(data), data.length + 12);
    return bytes;
  }

  function masked(bytes: Uint8Array): number {
    let crc = 0xffffffff;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
    }
    crc = ~crc;
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  }

  it('are kept where they can be', async () => {
    const histogram = (...cells: readonly number[]): Buffer =>
      tensor('h', 'histograms', 2, [cells.length / 3, 3], message(6, doubles(...cells)));
    const images = Buffer.concat([message(8, '0'), message(8, '0'), message(8, PNG), message(8, PNG)]);
    const cells = Buffer.concat(['a', 'b', 'c'].map((cell) => message(8, cell)));
    const at = (time: number, ...values: readonly Buffer[]): Buffer =>
      framed(Buffer.concat([field(1, 1, doubles(time)), field(2, 0, [5]), message(5, ...values)]));
    mkdirSync(place.path('logs'));
    writeFileSync(
      place.path('logs', 'tfevents'),
      Buffer.concat([
        at(Number.NaN, histogram(0, 1, 4, 2, 3, 5)),
        at(7, histogram(0, 2, 4, 1, 3, 5)),
        at(Infinity, histogram(0, Infinity, 1)),
        at(
          8,
          tensor('t', 'text', 7, [3], cells),
          tensor('none', 'text', 7, [0, 127], Buffer.alloc(0)),
          tensor('i', 'images', 7, [4], images),
        ),
      ]),
    );
    const { stdout } = await place.runcast(['import', 'tensorboard', 'logs']);
    expect(stdout).toBe('logs: 7 records, without 2 histogram\n');
    expect(records('logs')).toMatchObject([
      { time: 0 },
      { time: 0, kind: 'histogram', edges: [0, 1, 2, 3], counts: [4, 0, 5], step: 5 },
      { time: 8, kind: 'table', key: 't', columns: ['0'], rows: [['a'], ['b'], ['c']] },
      { time: 8, kind: 'table', key: 'none', columns: ['0'], rows: [] },
      { kind: 'image', key: 'i/0', width: 1 },
      { kind: 'image', key: 'i/1', width: 1 },
      { time: 8, kind: 'close', status: 'unknown' },
    ]);
  });
});

describe('ids', () => {
  it('are safe, telling and unlike those there are', () => {
    const id = (name: string, ...taken: readonly string[]): string => importedRunId(name, new Set(taken));
    expect(id('train/lr=0.1')).toBe('train-lr=0.1');
    expect(id('a\\b\nc')).toBe('a_b_c');
    expect(id('../..')).toBe('_-_');
    expect(id('.hidden')).toBe('_hidden');
    expect(id('-dash')).toBe('_dash');
    expect(id('ends.')).toBe('ends_');
    expect(id('con')).toBe('run-con');
    expect(id('   ')).toBe('run');
    expect(id('Run', 'run', 'run-2')).toBe('Run-3');
    expect(Buffer.byteLength(id('ä'.repeat(200)))).toBe(112);
  });
});
