import {
  closeRecord,
  epochRecord,
  logRecord,
  openRecord,
  stepRecord,
  summaryRecord,
  validationRecord,
} from '@runcast/testing';
import type { RunRecord } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { MAX_LINE_BYTES, NO_HISTORY } from './history-lines.ts';
import { encodeSdkRows, sdkConfig, type SdkBatch } from './sdk-rows.ts';

function encoded(records: readonly RunRecord[], history = NO_HISTORY): SdkBatch {
  return encodeSdkRows(history, { writer: 'w1', from: 0, to: records.length - 1, records });
}

function shown({ rows }: SdkBatch): readonly unknown[] {
  return rows.map(({ step, values }) => [step, Object.fromEntries(values)]);
}

describe('the rows of a batch', () => {
  it('have the steps of the records, and their axes', () => {
    const batch = encoded([
      openRecord(),
      stepRecord({ step: 10, metrics: { 'train/loss': 0.5 } }),
      validationRecord({ epoch: 1, metrics: { 'val/loss': 0.25 } }),
      stepRecord({ step: 20, metrics: { 'train/loss': 'NaN', x: '-Infinity' } }),
      epochRecord({ epoch: 2, metrics: { 'epoch/loss': 0.125 } }),
      logRecord({ step: 30, metrics: { free: 1 } }),
      logRecord({ metrics: { stepless: 2 } }),
      logRecord({ series: 'stage/a', step: 7, metrics: { 'stage/a/loss': 3 } }),
      summaryRecord({ summary: { best: 1 } }),
    ]);
    expect(shown(batch)).toEqual([
      [10, { 'train/loss': 0.5, 'train/step': 10, 'val/loss': 0.25, epoch: 1 }],
      [20, { 'train/loss': 'NaN', x: '-Infinity', 'train/step': 20, 'epoch/loss': 0.125, epoch: 2 }],
      [30, { free: 1, 'log/step': 30, stepless: 2, 'stage/a/loss': 3, 'stage/a/step': 7 }],
    ]);
    expect(batch.history).toEqual({ lines: 3, step: 30, open: null });
    expect(batch.exitCode).toBeUndefined();
  });

  it('are never behind the number of rows before them, which the client would mix with the next', () => {
    const batch = encoded(
      [5, 5, 3].map((step, n) => stepRecord({ step, metrics: { 'train/loss': n } })),
      { lines: 6, step: 5, open: null },
    );
    expect(batch.rows.map(({ step }) => step)).toEqual([6, 7, 8]);
    expect(batch.history).toEqual({ lines: 9, step: 8, open: null });
  });

  it('keep a metric that is called as its axis, and have no row where there is nothing', () => {
    const batch = encoded([
      stepRecord({ step: 1, metrics: {} }),
      stepRecord({ step: 2, metrics: { 'train/step': 9 } }),
      logRecord({ step: 3, metrics: { _step: 1 } }),
    ]);
    expect(shown(batch)).toEqual([
      [2, { 'train/step': 9 }],
      [3, { 'metrics/_step': 1, 'log/step': 3 }],
    ]);
  });

  it('leave out what no line can hold, and say so', () => {
    const long = stepRecord({ seq: 4, metrics: { ['k'.repeat(MAX_LINE_BYTES)]: 1 } });
    const reason = `the row is longer than the ${MAX_LINE_BYTES} bytes that W&B takes`;
    expect(encoded([long]).refusals).toEqual([{ seq: 4, reason }]);
  });

  it.each([
    ['finished', true, 0],
    ['failed', true, 1],
    ['crashed', true, null],
    ['finished', false, undefined],
  ] as const)('end a run that ended as %s, final: %s, with %s', (status, final, exitCode) => {
    expect(encoded([closeRecord({ status, final })]).exitCode).toBe(exitCode);
  });
});

it('the configuration is wrapped as other clients have it', () => {
  expect(sdkConfig({ lr: 0.1, _wandb: 'mine' })).toEqual({
    lr: { value: 0.1 },
    'config/_wandb': { value: 'mine' },
    _wandb: { value: { t: {} } },
  });
});
