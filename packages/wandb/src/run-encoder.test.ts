import type { RunRecord } from '@runcast/core';
import {
  batchOf,
  closeRecord,
  configRecord,
  defineMetricRecord,
  epochRecord,
  fileRecord,
  finalRecord,
  histogramRecord,
  hparamsRecord,
  logRecord,
  openRecord,
  stepRecord,
  summaryRecord,
  systemRecord,
  tagsRecord,
  validationRecord,
} from '@runcast/testing';
import { describe, expect, it } from 'vitest';
import { configText, encodeBatch, summaryText, type EncodedBatch } from './run-encoder.ts';
import { begun, firstIdentity, NEW_RUN, type RunState } from './run-state.ts';

function encode(records: readonly RunRecord[], state: RunState = NEW_RUN): EncodedBatch {
  const batch = batchOf('w1', records);
  return encodeBatch(begun(state, state.identity ?? firstIdentity(batch), batch), batch, { images: 'both' });
}

function rows(...records: readonly RunRecord[]): readonly unknown[] {
  return encode([openRecord(), ...records])
    .lines.take()
    .content.map((line): unknown => JSON.parse(line.replaceAll(/:(NaN|-?Infinity)/gu, ':"$1"')));
}

describe('rows', () => {
  it('of the typed calls have axes of their own', () => {
    expect(
      rows(
        stepRecord({ seq: 1, step: 5, metrics: { 'train/loss': 0.5 } }),
        epochRecord({ seq: 2, epoch: 1 }),
        validationRecord({ seq: 3, epoch: 1 }),
        validationRecord({ seq: 4, epoch: 2 }),
        stepRecord({ seq: 5, step: 7, metrics: { 'train/loss': 'NaN' } }),
        stepRecord({ seq: 6, step: 2, metrics: { 'train/loss': -0 } }),
      ),
    ).toMatchObject([
      { _step: 5, 'train/loss': 0.5, 'train/step': 5, 'epoch/loss': 0.5, 'val/loss': 0.5, epoch: 1 },
      { _step: 6, 'val/loss': 0.5, epoch: 2 },
      { _step: 7, 'train/loss': 'NaN', 'train/step': 7 },
      { _step: 7, 'train/loss': -0, 'train/step': 2 },
    ]);
  });

  it('of series have the axis of the series, unless a metric is called so', () => {
    expect(
      rows(
        logRecord({ seq: 1, series: 'a', step: 3, metrics: { 'a/loss': 1 } }),
        logRecord({ seq: 2, series: 'b', metrics: { 'b/loss': 1 } }),
        logRecord({ seq: 3, series: 'c', step: 4, metrics: { 'c/step': 9 } }),
      ),
    ).toMatchObject([{ _step: 0, 'a/loss': 1, 'a/step': 3, 'b/loss': 1, 'c/step': 9 }]);
  });

  it('of free keys say where they are if W&B cannot show it', () => {
    expect(
      rows(logRecord({ seq: 1, step: 5, metrics: { a: 1 } }), logRecord({ seq: 2, step: 3, metrics: { b: 1 } })),
    ).toMatchObject([
      { _step: 5, a: 1 },
      { _step: 5, b: 1, 'log/step': 3 },
    ]);
    expect(rows(logRecord({ seq: 1, metrics: {} }))).toEqual([]);
    expect(rows(logRecord({ seq: 1, metrics: { _step: 7 } }))).toMatchObject([{ _step: 0, 'metrics/_step': 7 }]);
  });

  it('of histograms count what is not finite', () => {
    expect(rows(histogramRecord({ seq: 1, non_finite: 2 }))).toMatchObject([{ 'weights/dense_1/non_finite': 2 }]);
  });
});

describe('the summary', () => {
  const records = [
    openRecord(),
    defineMetricRecord({ seq: 1, metric: 'train/loss', summary: 'min' }),
    stepRecord({ seq: 2, step: 1, time: 1_795_254_383.5, metrics: { 'train/loss': 1 } }),
    stepRecord({ seq: 3, step: 2, time: 1_795_254_384.623, metrics: { 'train/loss': 2 } }),
    finalRecord({ seq: 4, total_steps: 2 }),
    summaryRecord({ seq: 5, summary: { text: 'best', flag: true, none: null, _runtime: 1 } }),
  ];

  it('has what was logged last, what is asked for instead, and what was set', () => {
    const { state } = encode(records);
    expect(JSON.parse(summaryText(state, 7))).toEqual({
      'train/loss': { min: 1 },
      'train/step': 2,
      'final/loss': 0.5,
      'final/total_steps': 2,
      text: 'best',
      flag: true,
      none: null,
      'metrics/_runtime': 1,
      _step: 2,
      _timestamp: 1_795_254_384.623,
      _runtime: 3.5,
      _wandb: { runtime: 3, runcast: { writer: 'w1', lines: 7 } },
    });
  });

  it('is the same when a position is gone on from', () => {
    const whole = encode(records).state;
    for (let at = 1; at < records.length; at += 1) {
      const first = encode(records.slice(0, at)).state;
      const next = encode(records.slice(at), structuredClone(first)).state;
      expect(next).toEqual(whole);
    }
  });
});

describe('the configuration', () => {
  it('has hyperparameters and updates, each wrapped', () => {
    const { state, runChanged } = encode([
      openRecord(),
      hparamsRecord({ seq: 1, hparams: { lr: 0.1 } }),
      configRecord({ seq: 2, config: { lr: 0.2, _wandb: 'mine' } }),
      openRecord({ seq: 3, role: 'member', config: { stage: 'eval' }, tags: ['eval'] }),
    ]);
    expect(runChanged).toBe(true);
    expect(state.tags).toEqual(['eval']);
    expect(JSON.parse(configText(state))).toEqual({
      latent_dim: { value: 32 },
      lr: { value: 0.2 },
      'config/_wandb': { value: 'mine' },
      stage: { value: 'eval' },
      _wandb: { value: { t: {}, runcast: { writer: 'w1', lines: 0, events: 0, step: null } } },
    });
    expect(encode([tagsRecord({ seq: 4, tags: ['eval'] })], state).runChanged).toBe(false);
    expect(configText({ ...state, identity: null })).toContain('"writer":""');
  });
});

describe('the end', () => {
  it.each([
    ['finished', 0],
    ['unknown', 0],
    ['failed', 1],
    ['crashed', null],
  ] as const)('as %s has the exit code %s', (status, code) => {
    expect(encode([openRecord(), closeRecord({ seq: 1, status })]).state.exit_code).toBe(code);
  });

  it('is none when the run is taken up again, or a member leaves', () => {
    const ended = encode([openRecord(), closeRecord({ seq: 1 })]).state;
    expect(encode([openRecord({ seq: 2, role: 'member' })], ended).state.exit_code).toBe(0);
    expect(encode([openRecord({ seq: 2 })], ended).state.exit_code).toBeNull();
    expect(encode([openRecord(), closeRecord({ seq: 1, final: false })]).state.exit_code).toBeNull();
  });
});

it('system metrics are lines of their own, under the names of their page', () => {
  const { events, lines } = encode([
    openRecord(),
    systemRecord({ seq: 1, metrics: { 'system/gpu/0/util': 0.5, memory: 'NaN' } }),
    fileRecord({ seq: 2 }),
  ]);
  expect(lines.take().content).toEqual([]);
  expect(events).toEqual({
    offset: 0,
    content: ['{"_wandb":true,"_timestamp":1795254381.123,"_runtime":0,"system.gpu.0.util":0.5,"system.memory":NaN}'],
  });
});
