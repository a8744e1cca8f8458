import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublisher, PositionLostError, type MetricsPublisher, type SinkContext, type StepRecord } from 'runcast';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { csvSink } from './csv-sink.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'csv-sink-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function open(resume: 'never' | 'must'): Promise<MetricsPublisher> {
  return createPublisher({
    run: { id: 'whale', resume },
    dir: join(directory, 'runs'),
    sinks: [csvSink(join(directory, 'csv'))],
  });
}

function csv(): string {
  return readFileSync(join(directory, 'csv', 'whale.csv'), 'utf8');
}

test('a publisher writes steps and validations to it, and skips the rest knowingly', async () => {
  const publisher = await open('never');
  publisher.logStep({ step: 1, loss: 2, metrics: { 'norm, "clipped"': NaN } });
  publisher.logText('note', 'no row');
  publisher.logValidation({ epoch: 1, loss: 0 });
  const { complete, health } = await publisher.close();
  expect(csv()).toBe(
    [
      'kind,at,metric,value',
      'step,1,train/loss,2',
      'step,1,train/perplexity,7.38905609893065',
      'step,1,"train/norm, ""clipped""",NaN',
      'validation,1,val/loss,0',
      'validation,1,val/perplexity,1',
      '',
    ].join('\n'),
  );
  expect(complete).toBe(true);
  // The opening and closing records, and the text.
  expect(health.sinks['csv']).toMatchObject({ delivered: 2, skippedKinds: 3 });
});

test('a run that goes on appends, and drops what was never counted as delivered', async () => {
  const first = await open('never');
  first.logStep({ step: 1, loss: 0 });
  await first.close();
  const before = csv();
  appendFileSync(join(directory, 'csv', 'whale.csv'), 'step,2,train/lo');

  const second = await open('must');
  second.logStep({ step: 2, loss: 0 });
  await second.close();
  expect(csv()).toBe(`${before}step,2,train/loss,0\nstep,2,train/perplexity,1\n`);
});

function contextAt(length: number): SinkContext {
  return { runId: 'whale', runDirectory: directory, position: { length } };
}

test('rows that are gone are told', async () => {
  const sink = csvSink(directory);
  await sink.open?.(contextAt(0));
  const record: StepRecord = { v: 1, seq: 0, time: 0, kind: 'step', n: 1, step: 1, metrics: { 'train/loss': 1 } };
  await sink.write({ writer: 'w', from: 0, to: 0, records: [record] });
  expect(sink.position?.()).toEqual({ length: 41 });
  await sink.close({ status: 'finished', final: true });
  truncateSync(join(directory, 'whale.csv'), 10);
  const reopened = csvSink(directory);
  expect(() => reopened.open?.(contextAt(41))).toThrow(PositionLostError);
  await reopened.close({ status: 'failed', final: false });
});

test('unopened, it takes nothing, and can be flushed and closed', async () => {
  const sink = csvSink(directory);
  expect(() => sink.write({ writer: 'w', from: 0, to: 0, records: [] })).toThrow('not open');
  await sink.flush();
  await sink.close({ status: 'failed', final: false });
});
