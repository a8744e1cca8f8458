import type { SinkNotice } from '@runcast/core';
import { expect, it } from 'vitest';
import { deliveryEventText } from './delivery-event-text.ts';

const error = { message: 'reset by peer', code: 'ECONNRESET' };

it('says what fails, when it is tried again, and when it works', () => {
  expect(deliveryEventText({ type: 'sinkError', sink: 'jsonl', error, terminal: false })).toBe('jsonl: reset by peer');
  expect(deliveryEventText({ type: 'retry', sink: 'jsonl', attempt: 1, delayMs: 400, error })).toBe(
    'jsonl: trying again in 0.4 s',
  );
  expect(deliveryEventText({ type: 'recovered', sink: 'jsonl', attempts: 3 })).toBe(
    'jsonl: works again after 3 failed attempts',
  );
});

it('says that a sink which lost what it had gets everything again', () => {
  const lost = { message: 'the file is gone', code: 'RUNCAST_POSITION_LOST' };
  expect(deliveryEventText({ type: 'sinkError', sink: 'jsonl', error: lost, terminal: false })).toBe(
    'jsonl: the file is gone; what it lacks is sent again',
  );
});

it('does not repeat itself, nor the result', () => {
  expect(deliveryEventText({ type: 'retry', sink: 'jsonl', attempt: 2, delayMs: 400, error })).toBeUndefined();
  expect(deliveryEventText({ type: 'sinkError', sink: 'jsonl', error, terminal: true })).toBeUndefined();
});

it('passes on what a sink has to say, but nothing about training, which is over', () => {
  const said = (notice: SinkNotice): string | undefined =>
    deliveryEventText({ type: 'sinkNotice', sink: 'wandb', notice });
  expect(said({ type: 'runUrl', url: 'https://wandb.ai/x' })).toBe('wandb: the run is at https://wandb.ai/x');
  expect(said({ type: 'notice', message: 'rows are added' })).toBe('wandb: rows are added');
  expect(said({ type: 'stopRequested' })).toBeUndefined();
});
