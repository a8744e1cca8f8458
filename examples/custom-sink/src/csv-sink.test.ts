import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSinkContract } from '@runcast/testing';
import { createPublisher, type MetricsPublisher } from 'runcast';
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { csvSink } from './csv-sink.ts';

// Passes every call through, until a test makes one fail.
vi.mock('node:fs', { spy: true });

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

describeSinkContract<string>({
  describe,
  it,
  name: 'csv',
  traits: csvSink('').traits,
  prepare: ({ runDirectory }) => join(runDirectory, 'csv'),
  createSink: csvSink,
  readBack: (dir) => readRows(dir).map((fields) => ({ row: fields.join(' ') })),
  expectedRows: (_writer, record) => {
    if (record.kind !== 'step' && record.kind !== 'validation') return [];
    const at = record.kind === 'step' ? record.step : record.epoch;
    return Object.entries(record.metrics).map(([metric, value]) => ({
      row: [record.kind, at, metric, value].join(' '),
    }));
  },
  readFiles: (dir) => new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))])),
  failNextWrite: (dir) => {
    // The disk is full after the first few bytes of what is to be written.
    for (const name of readdirSync(dir)) appendFileSync(join(dir, name), 'step,');
    vi.mocked(writeSync).mockImplementationOnce(() => {
      throw new Error('ENOSPC: no space left on device, write');
    });
  },
  loseBackend: (dir) => rmSync(dir, { recursive: true }),
});

/** The fields of each row of the one file in `dir`, without its header, as RFC 4180 reads them. */
function readRows(dir: string): readonly (readonly string[])[] {
  const [name = ''] = readdirSync(dir);
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of readFileSync(join(dir, name), 'utf8').matchAll(
    /(?:"((?:[^"]|"")*)"|([^",\n]*))([,\n])/gu,
  )) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === '\n') rows.push([]);
  }
  return rows.slice(1, -1);
}

test('unopened, it takes nothing, and can be flushed and closed', async () => {
  const sink = csvSink(directory);
  expect(() => sink.write({ writer: 'w', from: 0, to: 0, records: [] })).toThrow('not open');
  await sink.flush();
  await sink.close({ status: 'failed', final: false });
});
