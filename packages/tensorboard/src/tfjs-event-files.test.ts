import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openRecord, stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { unframe } from '../test/decode-events.ts';
import { ScriptedTensorflow } from '../test/scripted-tensorflow.ts';
import { EventEncoder } from './event-encoder.ts';
import { TfjsEventFiles } from './tfjs-event-files.ts';

let directory = '';
let tensorflow: ScriptedTensorflow;
let files: TfjsEventFiles;
let waits: number[];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'runcast-tfjs-files-'));
  tensorflow = new ScriptedTensorflow();
  waits = [];
  files = new TfjsEventFiles(tensorflow, directory, [], (milliseconds) => waits.push(milliseconds));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A batch of three events: two that begin a file, and a step. */
function batch(at: number): Parameters<TfjsEventFiles['append']>[0] {
  const encoder = new EventEncoder();
  return encoder.encode([openRecord({ config: {} }), stepRecord({ step: at })]);
}

function fileNames(): readonly string[] {
  return readdirSync(directory).toSorted();
}

/** How many events each file holds; throws where one is torn. */
function eventCounts(): readonly number[] {
  return fileNames().map((name) => unframe(readFileSync(path.join(directory, name))).length);
}

function fails(operation: string): void {
  tensorflow.failures.set(operation, () => {
    throw new Error(`${operation} failed`);
  });
}

describe('TfjsEventFiles', () => {
  it('adds batches to one file, and closes it without anything left in TensorFlow', () => {
    files.append(batch(1));
    files.append(batch(2));
    expect(files.dirty).toBe(true);
    files.sync();
    expect(files.dirty).toBe(false);
    expect(eventCounts()).toEqual([1 + 3 + 3]);
    files.close();
    expect(tensorflow.tensors.size).toBe(0);
    expect(waits).toEqual([]);
  });

  it('writes a file that is replaced by itself, and takes the batch back where it cannot', () => {
    const whole = { path: '0-hparams.tfevents', replaces: true, bytes: Buffer.from('whole') };
    files.append([...batch(1), whole]);
    expect(readFileSync(path.join(directory, whole.path), 'utf8')).toBe('whole');
    expect(files.lengths()).toHaveLength(1);
    const before = files.lengths();
    mkdirSync(path.join(directory, '.hparams-new'));
    expect(() => files.append([...batch(2), whole])).toThrow('EISDIR');
    expect(files.lengths()).toEqual(before);
    rmSync(path.join(directory, '.hparams-new'), { recursive: true });
    rmSync(path.join(directory, whole.path));
    expect(eventCounts()).toEqual([1 + 3]);
  });

  it.each([
    ['waits out the second in which another file was begun', 1_795_254_381, [600]],
    ['waits for no file that is older', 1_795_254_380, []],
    ['waits for none that a clock set back since has dated', 1_795_254_399, []],
  ])('%s', (_, seconds, expected) => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_795_254_381_400 });
    onTestFinished(() => void vi.useRealTimers());
    writeFileSync(path.join(directory, `events.out.tfevents.${seconds}.other`), '');
    writeFileSync(path.join(directory, 'notes.txt'), '');
    files.append(batch(1));
    expect(waits).toEqual(expected);
  });

  it.each(['ImportEvent', 'FlushSummaryWriter'])('leaves nothing of a batch in which %s fails', (operation) => {
    files.append(batch(1));
    const before = files.lengths();
    fails(operation);
    expect(() => files.append(batch(2))).toThrow(`${operation} failed`);
    expect(files.lengths()).toEqual(before);
    expect(eventCounts()).toEqual([4]);
    tensorflow.failures.clear();
    files.append(batch(2));
    expect(eventCounts()).toEqual([4, 4]);
    files.close();
    expect(tensorflow.tensors.size).toBe(0);
  });

  it('leaves nothing of a batch that is in one of its files already', () => {
    const going = [3, 2].map((step) => stepRecord({ step, metrics: { loss: step } }));
    const parts = new EventEncoder().encode([openRecord({ config: {} }), ...going]);
    expect(parts).toHaveLength(2);
    let flushes = 0;
    tensorflow.failures.set('FlushSummaryWriter', () => {
      flushes += 1;
      if (flushes === parts.length) throw new Error('the disk is full');
      return [];
    });
    expect(() => files.append(parts)).toThrow('the disk is full');
    expect(fileNames()).toEqual(['rewind-1']);
    expect(readdirSync(path.join(directory, 'rewind-1'))).toEqual([]);
  });

  it.each([
    ['is no frame', Buffer.alloc(20, 7)],
    ['is shorter than any', Buffer.alloc(5)],
  ])('sees that what was written %s, and takes it back', (_, written) => {
    files.append(batch(1));
    tensorflow.failures.set('FlushSummaryWriter', () => {
      appendFileSync(path.join(directory, fileNames()[0] ?? ''), written);
      return [];
    });
    expect(() => files.append(batch(2))).toThrow(/^TensorFlow could not write all of 3 events to events/u);
    expect(eventCounts()).toEqual([4]);
  });

  it('removes a file whose first batch fails', () => {
    fails('FlushSummaryWriter');
    expect(() => files.append(batch(1))).toThrow('FlushSummaryWriter failed');
    expect([fileNames(), files.lengths()]).toEqual([[], []]);
  });

  it('passes over a file that cannot be closed', () => {
    files.append(batch(1));
    fails('CloseSummaryWriter');
    expect(() => files.close()).not.toThrow();
    expect(tensorflow.tensors.size).toBe(0);
  });

  it('tells why no file was begun, and leaves nothing in TensorFlow', () => {
    tensorflow.failures.set('SummaryWriter', () => []);
    expect(() => files.append(batch(1))).toThrow('TensorFlow made no summary writer');
    tensorflow.failures.delete('SummaryWriter');
    fails('CreateSummaryFileWriter');
    expect(() => files.append(batch(1))).toThrow('CreateSummaryFileWriter failed');
    tensorflow.failures.set('CreateSummaryFileWriter', () => []);
    expect(() => files.append(batch(1))).toThrow(`TensorFlow began no event file in ${directory}`);
    expect(tensorflow.tensors.size).toBe(0);
  });

  it('takes back what could not be taken back at once, before it writes again', () => {
    files.append(batch(1));
    const elsewhere = `${directory}-elsewhere`;
    renameSync(directory, elsewhere);
    writeFileSync(directory, 'a file');
    expect(() => files.append(batch(2))).toThrow('ENOTDIR');
    expect(() => files.append(batch(2))).toThrow('ENOTDIR');
    rmSync(directory);
    renameSync(elsewhere, directory);
    files.append(batch(2));
    expect(eventCounts()).toEqual([4, 4]);
  });
});
