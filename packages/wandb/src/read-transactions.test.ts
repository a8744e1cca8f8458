import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Pbf from 'pbf';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseWandbJson, readTransactions, type WandbTransaction } from './read-transactions.ts';
import { FrameBuffer } from './transaction-frames.ts';

let place: string;

beforeEach(() => {
  place = mkdtempSync(path.join(tmpdir(), 'runcast-transactions-'));
});

afterEach(() => {
  rmSync(place, { recursive: true });
});

type Write = (pbf: Pbf) => void;

/** The records of a file of one message, written by `write`. */
function read(write: Write): readonly WandbTransaction[] {
  const pbf = new Pbf();
  write(pbf);
  const file = path.join(place, 'x.wandb');
  const frames = new FrameBuffer();
  frames.begin(0);
  frames.add(pbf.finish());
  writeFileSync(file, frames.bytes);
  return readTransactions(file).transactions;
}

function message(pbf: Pbf, field: number, write: Write): void {
  pbf.writeMessage(field, (_: undefined, inner: Pbf) => write(inner), undefined);
}

function nothing(): void {
  // A message without fields.
}

it('messages without fields are what they are by default', () => {
  const empty = [2, 6, 7, 8, 10, 12, 17, 18].map((field) => read((pbf) => message(pbf, field, nothing))[0]);
  expect(empty).toEqual([
    { kind: 'history', items: [] },
    { kind: 'files', paths: [] },
    { kind: 'stats', time: 0, items: [] },
    { kind: 'artifact', name: '', type: '', aliases: [], metadata: '', files: [] },
    { kind: 'alert', title: '', text: '', level: '' },
    { kind: 'metric', metric: '', step: '', summary: undefined },
    {
      kind: 'run',
      runId: '',
      entity: '',
      project: '',
      config: [],
      group: '',
      jobType: '',
      name: '',
      notes: '',
      tags: [],
      host: '',
      startTime: 0,
    },
    { kind: 'exit', exitCode: 0 },
  ]);
});

it('fields of later versions are passed over', () => {
  const later: Write = (pbf) => pbf.writeStringField(90, 'later');
  for (const field of [2, 3, 5, 6, 7, 8, 10, 12, 17, 18]) {
    expect(read((pbf) => message(pbf, field, later))).toEqual(read((pbf) => message(pbf, field, nothing)));
  }
  const [artifact] = read((pbf) =>
    message(pbf, 8, (inner) =>
      message(inner, 12, (manifest) => {
        later(manifest);
        message(manifest, 4, later);
      }),
    ),
  );
  expect(artifact).toMatchObject({ files: [{ path: '', localPath: '' }] });
  const [stats] = read((pbf) => message(pbf, 7, (inner) => message(inner, 2, later)));
  expect(stats).toMatchObject({ time: 0 });
});

it('records that say nothing of a run are of another kind, or none', () => {
  expect(read((pbf) => message(pbf, 21, nothing))).toEqual([{ kind: 'other', field: 21 }]);
  expect(read((pbf) => pbf.writeVarintField(1, 7))).toEqual([]);
});

it('values are JSON with the words of W&B, and null where they are none', () => {
  expect(parseWandbJson('{"a":[NaN,-Infinity,"NaN, Infinity"]}')).toEqual({ a: ['NaN', '-Infinity', 'NaN, Infinity'] });
  expect(parseWandbJson('{')).toBeNull();
  expect(parseWandbJson(`${'['.repeat(100)}${']'.repeat(100)}`)).toBeNull();
});

it('summary rules are those that are true', () => {
  const [metric] = read((pbf) =>
    message(pbf, 12, (inner) => {
      inner.writeStringField(2, 'val/*');
      message(inner, 7, (rules) => {
        rules.writeBooleanField(1, false);
        rules.writeBooleanField(4, true);
        rules.writeBooleanField(2, true);
        rules.writeBooleanField(3, true);
      });
    }),
  );
  expect(metric).toEqual({ kind: 'metric', metric: 'val/*', step: '', summary: 'max' });
});
