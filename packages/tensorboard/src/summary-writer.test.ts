import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createFaultFileSystem, PIXEL_PNG } from '@runcast/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeEvents, decodeSession, type DecodedEvent } from '../test/decode-events.ts';
import { openSummaryWriter, type SummaryWriter, type SummaryWriterOptions } from './summary-writer.ts';

let place = '';
let logDir = '';

beforeEach(() => {
  place = mkdtempSync(path.join(tmpdir(), 'runcast-writer-'));
  logDir = path.join(place, 'a', 'run');
});

afterEach(() => rmSync(place, { recursive: true }));

const FIXED = { now: () => 1_700_000_000_500, host: 'trainer', pid: 4711 } as const;
const FILE = 'events.out.tfevents.1700000000.trainer.4711.0';

function openWriter(options: SummaryWriterOptions = {}): SummaryWriter {
  return openSummaryWriter(logDir, { ...FIXED, ...options });
}

function events(file: string = FILE): DecodedEvent[] {
  return decodeEvents(readFileSync(path.join(logDir, file))).slice(2);
}

function points(file: string = FILE): unknown[] {
  return events(file).flatMap(({ step, values }) => values.map(({ tag, simpleValue }) => [tag, step, simpleValue]));
}

describe('openSummaryWriter', () => {
  it('makes the directory, and the file with the first event', () => {
    const writer = openWriter();
    expect(readdirSync(logDir)).toEqual([]);
    writer.addScalar('loss', 0.5, 3);
    expect(readdirSync(logDir)).toEqual([FILE]);
    writer.close();
  });

  it('names the file after this machine, process and time where nothing else is said', () => {
    const writer = openSummaryWriter(logDir);
    writer.addScalar('loss', 1, 1);
    writer.close();
    expect(readdirSync(logDir)[0]).toMatch(
      new RegExp(String.raw`^events\.out\.tfevents\.\d{10}\..+\.${process.pid}\.0$`, 'u'),
    );
  });

  it('leaves the file of another writer alone, and has a later name', () => {
    for (const value of [1, 2]) {
      const writer = openWriter();
      writer.addScalar('loss', value, value);
      writer.close();
      writeFileSync(path.join(logDir, 'notes.txt'), '');
    }
    expect(readdirSync(logDir).filter((name) => name !== 'notes.txt')).toEqual([
      FILE,
      FILE.replace('1700000000', '1700000001'),
    ]);
    expect(points()).toEqual([['loss', 1, 1]]);
  });
});

describe('the summary writer', () => {
  it('writes scalars, alone and in groups', () => {
    const writer = openWriter();
    writer.addScalar('loss', 0.5, 1);
    writer.addScalars('acc', { train: 0.25, val: Number.NaN }, 2);
    writer.close();
    expect(points()).toEqual([
      ['loss', 1, 0.5],
      ['acc/train', 2, 0.25],
      ['acc/val', 2, Number.NaN],
    ]);
    expect(events()[0]?.wallTime).toBe(1_700_000_000.5);
  });

  it('writes hyperparameters with their metrics, and the end of the session', () => {
    const writer = openWriter();
    writer.addScalar('loss', 0.5, 7);
    writer.addHparams({ lr: 0.5, model: 'm' }, { accuracy: 0.75 });
    expect(() => writer.addHparams({ lr: 1 }, {})).toThrow('once');
    writer.close();
    const [, start, metric, end] = events();
    expect(start?.values.map(({ content }) => decodeSession(content))).toMatchObject([
      { hparams: { lr: 0.5, model: 'm' } },
    ]);
    expect(metric).toMatchObject({ step: 7, values: [{ tag: 'accuracy', simpleValue: 0.75 }] });
    expect(end?.values.map(({ content }) => decodeSession(content).status)).toEqual([1]);
  });

  it('writes histograms', () => {
    const writer = openWriter();
    writer.addHistogram('weights', new Float32Array([0, 1, 1, 2, Number.NaN]), 4, 2);
    writer.addHistogram('constant', [5, 5], 4);
    writer.addHistogram('nothing', [], 4);
    writer.close();
    expect(
      events().map(({ step, values }) => [step, values[0]?.plugin, values[0]?.dataClass, values[0]?.tensor]),
    ).toEqual([
      [4, 'histograms', 2, { dtype: 2, shape: [2, 3], strings: [], doubles: [0, 1, 1, 1, 2, 3] }],
      [4, 'histograms', 2, { dtype: 2, shape: [1, 3], strings: [], doubles: [5, 5, 2] }],
      [4, 'histograms', 2, { dtype: 2, shape: [0, 3], strings: [], doubles: [] }],
    ]);
  });

  it('writes images with their size, where the format has it', () => {
    const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0);
    const writer = openWriter();
    writer.addImage('heatmap', PIXEL_PNG, 1, 'a *pixel*');
    writer.addImage('photo', jpeg, 2);
    expect(() => writer.addImage('no image', new Uint8Array(9), 1)).toThrow(TypeError);
    expect(() => writer.addImage('no size', Buffer.from('<svg/>'), 1)).toThrow('no size: the SVG cannot be drawn');
    writer.addImage('drawn', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"/>'), 3);
    writer.close();
    expect(events().flatMap(({ values }) => values)).toMatchObject([
      {
        tag: 'heatmap',
        plugin: 'images',
        dataClass: 3,
        description: 'a *pixel*',
        tensor: { dtype: 7, shape: [3], strings: ['1', '1', Buffer.from(PIXEL_PNG).toString('latin1')] },
      },
      { tag: 'photo', description: '', tensor: { strings: ['0', '0', Buffer.from(jpeg).toString('latin1')] } },
      { tag: 'drawn', tensor: { strings: ['3', '2', expect.stringMatching(/^.PNG/u)] } },
    ]);
  });

  it('writes text', () => {
    const writer = openWriter();
    writer.addText('samples', '**once**', 1);
    writer.close();
    expect(events()[0]).toMatchObject({
      step: 1,
      values: [
        { tag: 'samples', plugin: 'text', dataClass: 2, tensor: { dtype: 7, shape: [], strings: ['**once**'] } },
      ],
    });
  });

  it('refuses a step that is none', () => {
    const writer = openWriter();
    for (const step of [0.5, Number.NaN, 2 ** 53]) expect(() => writer.addScalar('loss', 1, step)).toThrow(RangeError);
    writer.close();
    expect(readdirSync(logDir)).toEqual([]);
  });

  it('writes steps that go back to a directory below', () => {
    const writer = openWriter();
    writer.addScalar('loss', 1, 5);
    writer.addScalar('loss', 2, 3);
    writer.close();
    expect(points(`rewind-1/${FILE}`)).toEqual([['loss', 3, 2]]);
  });

  it('throws what the file system throws, having written nothing', () => {
    const fileSystem = createFaultFileSystem();
    const writer = openWriter({ fileSystem });
    writer.addScalar('loss', 1, 1);
    fileSystem.inject({ call: 'writeSync', code: 'ENOSPC' }, { call: 'fsyncSync', code: 'EIO' });
    expect(() => writer.addScalar('loss', 2, 2)).toThrow('ENOSPC');
    expect(() => writer.flush()).toThrow('EIO');
    writer.addScalar('loss', 3, 3);
    writer.flush();
    writer.close();
    expect(points()).toEqual([
      ['loss', 1, 1],
      ['loss', 3, 3],
    ]);
  });

  it('is closed once, also by `using`, and takes nothing afterwards', () => {
    let kept: SummaryWriter;
    {
      using writer = openWriter();
      writer.addHparams({ lr: 1 }, {});
      kept = writer;
    }
    kept.close();
    expect(events()).toHaveLength(2);
    expect(() => kept.addScalar('loss', 1, 1)).toThrow('closed');
    expect(existsSync(path.join(logDir, FILE))).toBe(true);
  });
});
