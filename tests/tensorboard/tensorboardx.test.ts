// Event files of tensorboardX: imported as runs, value by value what TensorBoard's own reader finds in them, and followed
// while tensorboardX writes them.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fromScalar, parseRecord, type RunRecord } from '@runcast/core';
import { readEvents, type TensorboardEvent } from '@runcast/tensorboard';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { environmentCommand } from '../support/python.ts';
import { missingTensorboard } from './tensorboard-server.ts';

const script = path.join(import.meta.dirname, 'fixtures', 'write-tensorboardx.py');
const bin = path.join(import.meta.dirname, '..', '..', 'packages', 'runcast', 'src', 'bin.ts');

/** How many points are written while they are followed. */
const POINTS = 20;

let place = '';

beforeEach(() => {
  place = mkdtempSync(path.join(tmpdir(), 'runcast-tensorboardx-'));
});

afterEach(() => rmSync(place, { recursive: true }));

const heldSchema = z.record(
  z.string(),
  z.object({
    /** Step, wall time and the value as Python writes it. */
    scalars: z.record(z.string(), z.array(z.tuple([z.number(), z.number(), z.string()]))),
    /** Step and number of values. */
    histograms: z.record(z.string(), z.array(z.tuple([z.number(), z.number()]))),
    /** Step, width, height and bytes. */
    images: z.record(z.string(), z.array(z.tuple([z.number(), z.number(), z.number(), z.number()]))),
  }),
);
type Held = z.infer<typeof heldSchema>[string];

function pythonNumber(text: string): number {
  const special: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity };
  return special[text] ?? Number(text);
}

/** Records of a run's only log. */
function recordsOf(id: string): readonly RunRecord[] {
  const folder = path.join(place, 'runs', id, 'log');
  const [log = ''] = readdirSync(folder);
  const lines = readFileSync(path.join(folder, log), 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const parsed = parseRecord(line);
    if (!parsed.ok) throw new Error(`${parsed.problem}: ${line}`);
    return parsed.record;
  });
}

/** `[step, time, value]` of every scalar, by key. */
function scalarsOf(records: readonly RunRecord[]): Readonly<Record<string, readonly unknown[]>> {
  const found = new Map<string, readonly unknown[]>();
  for (const record of records) {
    if (record.kind !== 'log') continue;
    for (const [key, value] of Object.entries(record.metrics))
      found.set(key, [...(found.get(key) ?? []), [record.step, record.time, fromScalar(value)]]);
  }
  return Object.fromEntries(found);
}

function expectedScalars({ scalars }: Held): Readonly<Record<string, readonly unknown[]>> {
  const entries = Object.entries(scalars).map(
    ([tag, points]) => [tag, points.map(([step, time, value]) => [step, time, pythonNumber(value)])] as const,
  );
  return Object.fromEntries(entries);
}

describe.skipIf(missingTensorboard !== undefined)('files of tensorboardX', () => {
  it('are imported value by value', () => {
    const python = environmentCommand('python');
    const logDir = path.join(place, 'logs');
    const held = heldSchema.parse(
      JSON.parse(execFileSync(python, [script, logDir, 'whole'], { encoding: 'utf8', stdio: 'pipe' })),
    );
    const options = { cwd: place, env: { PATH: process.env['PATH'] }, encoding: 'utf8' } as const;
    const argv = ['--conditions=runcast-source', bin, 'import', 'tensorboard', 'logs', '--json'];
    expect(JSON.parse(execFileSync(process.execPath, argv, options))).toMatchObject({ damaged: 0 });
    expect(readdirSync(path.join(place, 'runs')).toSorted()).toEqual([
      'run',
      'run-accuracy-train',
      'run-accuracy-val',
      'run-trial',
    ]);
    for (const [run, expected] of Object.entries(held)) {
      const records = recordsOf(run.replaceAll('/', '-'));
      expect(scalarsOf(records)).toEqual(expectedScalars(expected));
      const histograms = records.filter((record) => record.kind === 'histogram');
      expect(histograms.map(({ step, counts }) => [step, counts.reduce((sum, count) => sum + count, 0)])).toEqual(
        Object.values(expected.histograms).flat(),
      );
      const images = records.filter((record) => record.kind === 'image');
      expect(images.map(({ step, width, height, bytes }) => [step, width, height, bytes])).toEqual(
        Object.values(expected.images).flat(),
      );
    }
    expect(held['run']?.scalars['train/loss']).toHaveLength(500);
    const others = (id: string): readonly unknown[] =>
      recordsOf(id).filter(({ kind }) => kind === 'text' || kind === 'hparams');
    expect(others('run')).toMatchObject([{ key: 'notes/text_summary', step: 5, text: 'Call me **Ishmael**.' }]);
    expect(others('run-trial')).toMatchObject([{ hparams: { lr: 3e-4, model: 'gru', tied: true } }]);
  });

  it('are followed while they grow', async () => {
    const writer = spawn(environmentCommand('python'), [script, place, 'grow'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const controller = new AbortController();
    const seen: TensorboardEvent[] = [];
    const points: unknown[] = [];
    let asked = 0;
    let beforeItsEnd = 0;
    const wait = async (): Promise<void> => {
      if (asked < POINTS) {
        asked += 1;
        writer.stdin.write('\n');
        await once(writer.stdout, 'data');
      } else if (writer.exitCode === null) {
        beforeItsEnd = points.length;
        writer.stdin.end();
        await once(writer, 'exit');
      } else controller.abort();
    };
    try {
      for await (const event of readEvents(place, { follow: true, signal: controller.signal, wait })) {
        seen.push(event);
        if (event.kind === 'scalar') points.push([event.run, event.tag, event.step, event.value]);
      }
    } finally {
      writer.kill('SIGKILL');
    }
    // What it has said to have flushed may lie in a thread of its own for a while.
    expect(beforeItsEnd).toBeGreaterThan(POINTS / 2);
    expect(points).toEqual(
      Array.from({ length: POINTS }, (_, step) => ['growing', 'train/loss', step, Math.fround(1 / (step + 1))]),
    );
    expect(seen.map(({ kind }) => kind)).toEqual(['file_version', ...points.map(() => 'scalar')]);
  });
});
