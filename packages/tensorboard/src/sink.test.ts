import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  ConfigError,
  PositionLostError,
  readImageHeader,
  RecordsRefusedError,
  type JsonValue,
  type RunRecord,
} from '@runcast/core';
import {
  barChartRecord,
  batchOf,
  configRecord,
  createFaultFileSystem,
  hparamsRecord,
  imageRecord,
  openRecord,
  PIXEL_PNG,
  SAMPLE_TIME,
  stepRecord,
  writeBlob,
} from '@runcast/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { decodeEvents } from '../test/decode-events.ts';
import { createSink, createTensorboardSink, type TensorboardSink } from './sink.ts';
import { SvgRasteriser } from './svg-rasteriser.ts';

const MAIN = 'events.out.tfevents.1795254381.trainer.4711.0';
const REWIND_1 = `rewind-1/${MAIN}`;

let place = '';
let logDir = '';
const opened: TensorboardSink[] = [];

beforeEach(() => {
  place = mkdtempSync(path.join(tmpdir(), 'runcast-tensorboard-'));
  logDir = path.join(place, 'tb');
});

afterEach(() => {
  for (const sink of opened.splice(0)) sink.close();
  rmSync(place, { recursive: true });
});

function open(sink: TensorboardSink, position?: JsonValue): TensorboardSink {
  opened.push(sink);
  sink.open({ runId: 'run-1', runDirectory: place, position });
  return sink;
}

function step(at: number): RunRecord {
  return stepRecord({ seq: at, step: at, metrics: { 'train/loss': at } });
}

function write(sink: TensorboardSink, ...records: readonly RunRecord[]): void {
  sink.write(batchOf('w1', records));
}

/** The names and contents of all event files of the run. */
function files(directory: string = path.join(logDir, 'run-1')): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.startsWith('events.'),
  );
  return Object.fromEntries(
    names.map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      return [path.relative(directory, file), readFileSync(file).toString('hex')];
    }),
  );
}

/** What the run's files hold when nothing goes wrong. */
function expectedFiles(...records: readonly RunRecord[]): Record<string, string> {
  const sink = createTensorboardSink({ logDir: path.join(place, 'expected') });
  sink.open({ runId: 'run-1', runDirectory: place, position: undefined });
  write(sink, ...records);
  sink.close();
  return files(path.join(place, 'expected', 'run-1'));
}

describe('opening', () => {
  it('makes the run directory and nothing in it', () => {
    open(createTensorboardSink({ logDir }));
    expect(files()).toEqual({});
  });

  it('touches nothing before', () => {
    createSink({ logDir });
    expect(existsSync(logDir)).toBe(false);
  });

  it('says what is wrong where the log directory is a file', () => {
    writeFileSync(logDir, '');
    const attempt = (): unknown => open(createTensorboardSink({ logDir }));
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(`below ${JSON.stringify(logDir)}: it or a part of its path is a file`);
    expect(attempt).toThrow('TENSORBOARD__LOG_DIR=./tensorboard');
  });

  it('says what is wrong where the directory cannot be written to', () => {
    mkdirSync(path.join(logDir, 'run-1', '.writable'), { recursive: true });
    expect(() => open(createTensorboardSink({ logDir }))).toThrow(/TENSORBOARD__LOG_DIR: event files cannot .*EISDIR/u);
  });

  it('cuts a file of the same name that nobody remembers', () => {
    const records = [openRecord(), step(1), step(2)];
    write(open(createTensorboardSink({ logDir })), ...records, step(3));
    write(open(createTensorboardSink({ logDir })), ...records);
    expect(files()).toEqual(expectedFiles(...records));
  });
});

describe('writing', () => {
  it('has the events in the file when it returns', () => {
    const sink = open(createTensorboardSink({ logDir }));
    write(sink, openRecord(), step(1));
    const [name] = Object.keys(files());
    expect(name).toBe(MAIN);
    expect(decodeEvents(readFileSync(path.join(logDir, 'run-1', MAIN))).at(-1)).toMatchObject({
      wallTime: SAMPLE_TIME,
      step: 1,
      values: [{ tag: 'train/loss', simpleValue: 1 }],
    });
  });

  it('needs no more files at once than a process may have', () => {
    const back = Array.from({ length: 40 }, (_, index) => step(100 - index));
    const sink = open(createTensorboardSink({ logDir }));
    write(sink, openRecord(), ...back);
    write(sink, hparamsRecord());
    sink.flush();
    expect(files()).toEqual(expectedFiles(openRecord(), ...back, hparamsRecord()));
    expect(Object.keys(files())).toHaveLength(40);
  });

  it('leaves nothing of a batch that met a full disk half-way, and the same bytes when it comes again', () => {
    const fileSystem = createFaultFileSystem();
    const sink = open(createTensorboardSink({ logDir }, { fileSystem }));
    write(sink, openRecord(), step(1));
    const before = { position: sink.position(), files: files() };
    fileSystem.inject({ call: 'writeSync', takes: 20 }, { call: 'writeSync', code: 'ENOSPC' });
    expect(() => write(sink, step(2), step(3))).toThrow('ENOSPC');
    expect({ position: sink.position(), files: files() }).toEqual(before);
    write(sink, step(2), step(3));
    expect(files()).toEqual(expectedFiles(openRecord(), step(1), step(2), step(3)));
  });

  it('leaves nothing of a batch for two files where the second fails', () => {
    const fileSystem = createFaultFileSystem();
    const sink = open(createTensorboardSink({ logDir }, { fileSystem }));
    write(sink, openRecord(), step(5));
    const position = sink.position();
    fileSystem.inject({ call: 'writeSync', code: 'ENOSPC', after: 1 }, { call: 'closeSync', code: 'EIO' });
    expect(() => write(sink, step(6), step(1))).toThrow('ENOSPC');
    expect(sink.position()).toEqual(position);
    sink.flush();
    write(sink, step(6));
    write(sink, step(1));
    expect(files()).toEqual(expectedFiles(openRecord(), step(5), step(6), step(1)));
  });

  it('makes no new file in place of one that was removed: its beginning would be missing', () => {
    const fileSystem = createFaultFileSystem();
    const sink = createTensorboardSink({ logDir }, { fileSystem });
    sink.open({ runId: 'run-1', runDirectory: place, position: undefined });
    write(sink, openRecord(), step(1));
    rmSync(path.join(logDir, 'run-1'), { recursive: true });
    fileSystem.inject({ call: 'writeSync', code: 'EIO' });
    expect(() => write(sink, step(2))).toThrow('EIO');
    expect(() => write(sink, step(2))).toThrow(PositionLostError);
    expect(() => sink.close()).toThrow(PositionLostError);
  });
});

describe('images', () => {
  it('are read from the run directory', () => {
    const image = imageRecord({ ...writeBlob(place, PIXEL_PNG, '.png') });
    write(open(createTensorboardSink({ logDir })), openRecord(), image);
    const events = decodeEvents(readFileSync(path.join(logDir, 'run-1', MAIN)));
    expect(events.at(-1)?.values[0]?.tensor?.strings[2]).toBe(Buffer.from(PIXEL_PNG).toString('latin1'));
  });

  it('that are SVGs are drawn, the same bytes whenever they come', () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><text y="15">loss</text></svg>';
    const image = imageRecord({ format: 'svg', ...writeBlob(place, Buffer.from(svg), '.svg') });
    write(open(createTensorboardSink({ logDir })), openRecord(), image);
    const [width, height, png = ''] =
      decodeEvents(readFileSync(path.join(logDir, 'run-1', MAIN))).at(-1)?.values[0]?.tensor?.strings ?? [];
    expect([width, height]).toEqual(['30', '20']);
    expect(readImageHeader(Buffer.from(png, 'latin1'))).toEqual({ format: 'png', width: 30, height: 20 });
    expect(files()).toEqual(expectedFiles(openRecord(), image));
  });

  it('are refused where they can never be shown, and then nothing of the batch is written', () => {
    const sink = open(createTensorboardSink({ logDir }));
    const empty = writeBlob(
      place,
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"/>'),
      '.svg',
    );
    const batch = [
      openRecord(),
      imageRecord({ seq: 1, format: 'svg', ...empty }),
      imageRecord({ seq: 2, blob: 'blobs/gone.png' }),
      imageRecord({ seq: 3, blob: '../secret.png' }),
      step(4),
    ];
    let thrown: unknown;
    try {
      write(sink, ...batch);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(RecordsRefusedError);
    expect(thrown).toMatchObject({
      refusals: [
        { seq: 1, reason: 'the SVG cannot be drawn: SVG has an invalid size' },
        { seq: 2, reason: 'blobs/gone.png is missing in the run directory' },
        { seq: 3, reason: '../secret.png is outside the run directory' },
      ],
    });
    expect(files()).toEqual({});
    write(sink, openRecord(), step(4));
    expect(files()).toEqual(expectedFiles(openRecord(), step(4)));
  });

  it('are waited for where they cannot be read for now', () => {
    mkdirSync(path.join(place, 'blobs', 'directory.png'), { recursive: true });
    const sink = open(createTensorboardSink({ logDir }));
    expect(() => write(sink, openRecord(), imageRecord({ blob: 'blobs/directory.png' }))).toThrow('EISDIR');
  });
});

describe('bar charts', () => {
  /** Tag and plugin of each value in the file. */
  const shown = (): readonly unknown[] =>
    decodeEvents(readFileSync(path.join(logDir, 'run-1', MAIN)))
      .flatMap(({ values }) => values)
      .map(({ tag, plugin }) => [tag, plugin]);

  it('are pictures, with their values beside them', () => {
    write(open(createTensorboardSink({ logDir })), openRecord(), barChartRecord());
    expect(shown()).toEqual([
      ['physics/violations', 'images'],
      ['physics/violations/values', 'text'],
    ]);
    expect(files()).toEqual(expectedFiles(openRecord(), barChartRecord()));
  });

  it('are values only where they cannot be drawn, which is said once', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const rasteriser = new SvgRasteriser({
      resolve: () => {
        throw new Error('not installed');
      },
    });
    write(
      open(createTensorboardSink({ logDir }, { rasteriser })),
      openRecord(),
      barChartRecord(),
      barChartRecord({ key: 'b' }),
    );
    expect(shown()).toEqual([
      ['physics/violations/values', 'text'],
      ['b/values', 'text'],
    ]);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^bar charts are shown as tables only: .*npm install/u), { type: 'RuncastWarning' }],
    ]);
    warn.mockRestore();
  });
});

describe('the position', () => {
  const records = [
    openRecord(),
    step(5),
    hparamsRecord(),
    step(3),
    openRecord({ time: SAMPLE_TIME + 5, resume_step: 2 }),
    step(2),
    step(3),
  ];

  it('takes the files back to where they were, and the same bytes follow', () => {
    const whole = expectedFiles(...records);
    for (let cut = 0; cut < records.length; cut += 1) {
      rmSync(logDir, { recursive: true, force: true });
      const first = open(createTensorboardSink({ logDir }));
      if (cut > 0) write(first, ...records.slice(0, cut));
      const position = z.json().parse(JSON.parse(JSON.stringify(first.position())));
      write(first, ...records.slice(cut));
      const second = open(createTensorboardSink({ logDir }), position);
      write(second, ...records.slice(cut));
      expect(files()).toEqual(whole);
    }
  });

  it.each([
    ['shorter', (file: string) => truncateSync(file, 100)],
    ['missing', (file: string) => rmSync(file)],
  ])('is lost where a file is %s; without it the run is written from its start', (_, damage) => {
    const first = open(createTensorboardSink({ logDir }));
    write(first, ...records);
    const position = first.position();
    damage(path.join(logDir, 'run-1', REWIND_1));
    const second = createTensorboardSink({ logDir });
    expect(() => open(second, position)).toThrow(PositionLostError);
    open(second);
    write(second, ...records);
    expect(files()).toEqual(expectedFiles(...records));
  });

  it('leaves nothing of an earlier life where the run is written anew in another order', () => {
    const other = path.join(logDir, 'run-1', 'events.out.tfevents.1700000000.elsewhere.1.0');
    const first = open(createTensorboardSink({ logDir }));
    write(first, openRecord({ time: SAMPLE_TIME - 60, pid: 1 }), step(5), step(3));
    writeFileSync(other, 'of somebody else');
    const second = open(createTensorboardSink({ logDir }));
    write(second, openRecord(), step(3), step(5));
    const { [path.basename(other)]: kept, ...written } = files();
    expect(kept).toBe(Buffer.from('of somebody else').toString('hex'));
    expect(written).toEqual(expectedFiles(openRecord(), step(3), step(5)));
  });

  it('does not list twice a file that could not be begun at once', () => {
    const fileSystem = createFaultFileSystem({ call: 'writeSync', code: 'EIO' });
    const sink = open(createTensorboardSink({ logDir }, { fileSystem }));
    expect(() => write(sink, openRecord(), step(1))).toThrow('EIO');
    write(sink, openRecord(), step(1));
    expect(readFileSync(path.join(place, 'tensorboard-files.txt'), 'utf8')).toBe(`${MAIN}\n`);
  });

  it('is not opened where the list of its files cannot be read', () => {
    mkdirSync(path.join(place, 'tensorboard-files.txt'), { recursive: true });
    expect(() =>
      createTensorboardSink({ logDir }).open({ runId: 'run-1', runDirectory: place, position: undefined }),
    ).toThrow('EISDIR');
  });

  it('is lost where it is none of this version', () => {
    expect(() => open(createTensorboardSink({ logDir }), { version: 2 })).toThrow(PositionLostError);
  });

  it('is kept where a file cannot be opened for now', () => {
    const first = open(createTensorboardSink({ logDir }));
    write(first, ...records);
    const fileSystem = createFaultFileSystem({ call: 'openSync', code: 'EACCES' });
    expect(() => open(createTensorboardSink({ logDir }, { fileSystem }), first.position())).toThrow(/EACCES/u);
    expect(() =>
      open(
        createTensorboardSink({ logDir }, { fileSystem: createFaultFileSystem({ call: 'openSync', code: 'EACCES' }) }),
        first.position(),
      ),
    ).not.toThrow(PositionLostError);
  });
});

/** A sink with something written, and how often it has synchronised. */
function counted(): { readonly sink: TensorboardSink; readonly syncs: () => number } {
  let count = 0;
  const real = createFaultFileSystem();
  const fileSystem = {
    ...real,
    fsyncSync: (fd: number): void => {
      count += 1;
      real.fsyncSync(fd);
    },
  };
  const sink = open(createTensorboardSink({ logDir, flushSecs: 30 }, { fileSystem }));
  write(sink, openRecord(), step(1));
  return { sink, syncs: () => count };
}

describe('a session that is not what the run began with', () => {
  const AMENDED = '0-hparams.tfevents';
  const late = (value: number): RunRecord => configRecord({ config: { late: value } });
  const start = [openRecord(), hparamsRecord()];
  const amended = (): Buffer => readFileSync(path.join(logDir, 'run-1', AMENDED));

  it('has a file of its own, replaced as a whole', () => {
    const sink = open(createTensorboardSink({ logDir }));
    write(sink, ...start, late(1));
    const before = amended();
    write(sink, late(2));
    expect(decodeEvents(amended())).toHaveLength(2);
    expect(amended()).not.toEqual(before);
    expect(readdirSync(path.join(logDir, 'run-1')).toSorted()).toEqual([AMENDED, MAIN]);
  });

  it('keeps it where the position says so, and loses it where it does not', () => {
    const first = open(createTensorboardSink({ logDir }));
    write(first, ...start);
    const before = first.position();
    write(first, late(1));
    const after = first.position();
    const written = amended();
    open(createTensorboardSink({ logDir }), after);
    expect(amended()).toEqual(written);
    const second = open(createTensorboardSink({ logDir }), before);
    expect(existsSync(path.join(logDir, 'run-1', AMENDED))).toBe(false);
    write(second, late(1));
    expect(amended()).toEqual(written);
  });

  it('has nothing of a batch whose replacement failed', () => {
    const sink = open(createTensorboardSink({ logDir }));
    write(sink, ...start, step(1));
    const position = sink.position();
    const before = files();
    mkdirSync(path.join(logDir, 'run-1', '.hparams-new'));
    expect(() => write(sink, step(2), late(1))).toThrow('EISDIR');
    expect(sink.position()).toEqual(position);
    rmSync(path.join(logDir, 'run-1', '.hparams-new'), { recursive: true });
    write(sink, step(3));
    expect(files()).toEqual(expectedFiles(...start, step(1), step(3)));
    expect(files()).not.toEqual(before);
  });
});

describe('durability', () => {
  it('comes with flush, for every file, and once for what was written', () => {
    const { sink, syncs } = counted();
    write(sink, step(0));
    sink.flush();
    sink.flush();
    expect(syncs()).toBe(2);
  });

  it('comes with the ticks, every flushSecs where something was written', () => {
    const { sink, syncs } = counted();
    const after: number[] = [];
    for (const seconds of [0, 29, 30, 60, 90]) {
      sink.tick(seconds * 1000);
      after.push(syncs());
    }
    write(sink, step(2));
    for (const seconds of [95, 120, 121]) {
      sink.tick(seconds * 1000);
      after.push(syncs());
    }
    expect(after).toEqual([0, 0, 1, 1, 1, 1, 2, 2]);
  });

  it('is reported as missing where the disk fails', () => {
    const fileSystem = createFaultFileSystem();
    const sink = open(createTensorboardSink({ logDir }, { fileSystem }));
    write(sink, openRecord(), step(1));
    fileSystem.inject({ call: 'fsyncSync', code: 'EIO' });
    expect(() => sink.flush()).toThrow('EIO');
    sink.flush();
    expect(fileSystem.pending).toEqual([]);
  });

  it('comes with close, which releases the files also where it fails', () => {
    const fileSystem = createFaultFileSystem({ call: 'fsyncSync', code: 'EIO' });
    const sink = createTensorboardSink({ logDir }, { fileSystem });
    sink.open({ runId: 'run-1', runDirectory: place, position: undefined });
    write(sink, openRecord(), step(1));
    expect(() => sink.close()).toThrow('EIO');
    expect(files()).toEqual(expectedFiles(openRecord(), step(1)));
  });
});
