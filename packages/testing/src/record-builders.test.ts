import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RECORD_KINDS } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { PIXEL_PNG, SAMPLE_FILE, writeBlob } from './blobs.ts';
import { contractLog, writeContractBlobs } from './contract-log.ts';
import { imageRecord, SAMPLE_TIME, stepRecord } from './record-builders.ts';
import { batchOf, createRecordSequence } from './record-sequence.ts';

describe('a builder', () => {
  it('makes a valid record of defaults, each of which can be given', () => {
    expect(stepRecord()).toMatchObject({ v: 1, seq: 0, time: SAMPLE_TIME, kind: 'step', n: 1, step: 1 });
    expect(stepRecord({ step: 7, metrics: {} })).toMatchObject({ n: 1, step: 7, metrics: {} });
  });

  it('refers to a blob that can be written', () => {
    const place = mkdtempSync(join(tmpdir(), 'runcast-blobs-'));
    const { blob, bytes, sha256 } = imageRecord();
    expect(writeBlob(place, PIXEL_PNG, '.png')).toEqual({ blob, bytes, sha256 });
    writeContractBlobs(place);
    expect(readFileSync(join(place, blob))).toEqual(PIXEL_PNG);
    expect(SAMPLE_FILE.length).toBeGreaterThan(0);
    rmSync(place, { recursive: true });
  });
});

describe('a sequence', () => {
  it('numbers its records without gaps and takes their time from the clock', () => {
    let ms = 5000;
    const sequence = createRecordSequence({ writer: 'w1', now: () => ms });
    const first = sequence.next((place) => stepRecord({ ...place }));
    ms += 250;
    sequence.next((place) => stepRecord({ ...place, step: 2 }));
    expect(first).toMatchObject({ seq: 0, time: 5 });
    expect(sequence.records.map(({ seq, time }) => [seq, time])).toEqual([
      [0, 5],
      [1, 5.25],
    ]);
  });

  it('makes a batch, but not of nothing', () => {
    const records = [stepRecord({ seq: 3 }), stepRecord({ seq: 5 })];
    expect(batchOf('w1', records)).toEqual({
      writer: 'w1',
      from: 3,
      to: 5,
      records,
      logged: { records, lines: records.map((record) => JSON.stringify(record)) },
    });
    expect(() => batchOf('w1', [])).toThrow('at least one record');
  });
});

describe('the contract log', () => {
  it('has every kind', () => {
    const kinds = new Set(contractLog(RECORD_KINDS).flatMap((batch) => batch.records.map((record) => record.kind)));
    expect([...kinds].toSorted()).toEqual(RECORD_KINDS.toSorted());
  });

  it('stands for all records, though it holds those of some kinds only', () => {
    const batches = contractLog(['step']);
    expect(batches.flatMap((batch) => batch.records.map((record) => record.kind))).toEqual(
      Array.from({ length: 6 }, () => 'step'),
    );
    expect(batches.map((batch) => batch.from)).toEqual(contractLog(RECORD_KINDS).map((batch) => batch.from));
    expect(batches.every((batch, index) => batch.from === (batches[index - 1]?.to ?? -1) + 1)).toBe(true);
  });

  it('never steps back when the batches of several writers come in turn', () => {
    const logs = [contractLog(['step'], 0, 2), contractLog(['step'], 1, 2)];
    const inTurn = logs[0]?.flatMap((batch, index) => [batch, ...(logs[1] ?? []).slice(index, index + 1)]) ?? [];
    const steps = inTurn.flatMap((batch) =>
      batch.records.flatMap((record) => (record.kind === 'step' ? [record.step] : [])),
    );
    expect(steps).toHaveLength(12);
    expect(steps).toEqual(steps.toSorted((left, right) => left - right));
  });
});
