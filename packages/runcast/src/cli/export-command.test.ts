import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { RunRecord } from '@runcast/core';
import { readEvents } from '@runcast/tensorboard';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';
import { WideTable } from './export-csv.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

/** A run with a little of everything. */
async function logEverything(): Promise<void> {
  const publisher = await place.openRun({ id: 'run-1', config: { width: 3 } });
  publisher.logStep({ step: 0, loss: 0.5 });
  publisher.log({ 'a,"b"\n': 1 }, { step: 0 });
  publisher.logStep({ step: 10, loss: Number.NaN });
  publisher.logStep({ step: 2, loss: 0.25 });
  publisher.logStep({ step: 2, loss: 0.125 });
  publisher.logEpoch({ epoch: 1, loss: 4 });
  publisher.log('training/operator', { lr: -0 }, { step: 7 });
  publisher.log({ free: 3 });
  publisher.logText('notes', 'text', { step: 1 });
  publisher.logSummary({ best: 1, note: 'no number' });
  publisher.logFinal({ loss: 0.5 });
  await publisher.close();
}

describe('CSV', () => {
  it('has a row for each step, with the axes and keys as columns', async () => {
    await logEverything();
    const { code, stdout, stderr } = await place.runcast(['export', 'run-1', '--format', 'csv']);
    expect([code, stderr]).toEqual([0, '']);
    const half = Math.exp(0.5);
    expect(stdout.split('\r\n')).toEqual([
      'step,epoch,training/operator/step,train/loss,train/perplexity,"a,""b""\n",epoch/loss,epoch/perplexity,training/operator/lr,free,best,final/loss,final/perplexity',
      `0,,,0.5,${half},1,,,,,,,`,
      `2,,,0.125,${Math.exp(0.125)},,,,,,,,`,
      '10,,,NaN,NaN,,,,,,,,',
      `,1,,,,,4,${Math.exp(4)},,,,,`,
      ',,7,,,,,,-0,,,,',
      ',,,,,,,,,3,,,',
      ',,,,,,,,,,1,,',
      `,,,,,,,,,,,0.5,${half}`,
      '',
    ]);
  });

  it('is long where it is asked for: every value as it was logged', async () => {
    await logEverything();
    const { code, stdout } = await place.runcast([
      'export',
      'run-1',
      '--format',
      'csv',
      '--long',
      '--output',
      'long.csv',
    ]);
    expect([code, stdout]).toEqual([0, 'run-1: 13 records read, written to long.csv\n']);
    const lines = readFileSync(place.path('long.csv'), 'utf8').trimEnd().split('\r\n');
    const withoutTimes = lines.slice(1).map((line) => line.replace(/^[\d.]+,/u, ''));
    expect(lines[0]).toBe('time,kind,key,axis,step,value');
    expect(withoutTimes.filter((line) => !line.includes('perplexity'))).toEqual([
      'step,train/loss,step,0,0.5',
      'log,"a,""b""\n",step,0,1',
      'step,train/loss,step,10,NaN',
      'step,train/loss,step,2,0.25',
      'step,train/loss,step,2,0.125',
      'epoch,epoch/loss,epoch,1,4',
      'log,training/operator/lr,training/operator/step,7,-0',
      'log,free,,,3',
      'summary,best,,,1',
      'final,final/loss,,,0.5',
    ]);
  });

  it('leaves out what a resumed run superseded', async () => {
    await place.logRun({ id: 'run-1' }, 4);
    const again = await place.openRun({ id: 'run-1', resume: 'must', resumeStep: 2 });
    again.log({ other: 1 }, { step: 5 });
    await again.close();
    const { stdout } = await place.runcast(['export', 'run-1', '--format', 'csv']);
    expect(stdout.split('\r\n').map((line) => line.split(',')[0])).toEqual(['step', '0', '1', '5', '']);
  });

  it('is a header alone for a run without scalars, resumed or not', () => {
    const table = new WideTable();
    const head = { v: 1, seq: 0, time: 1 } as const;
    const open: RunRecord = {
      ...head,
      kind: 'open',
      run: 'r',
      writer: 'w',
      host: 'h',
      pid: 1,
      role: 'owner',
      config: {},
      resume_step: 3,
    };
    table.add(open);
    table.add({ ...head, kind: 'system', metrics: {} });
    expect([...table.lines()]).toEqual(['step\r\n', '\r\n']);
  });
});

describe('JSON rows', () => {
  it('are those of the JSONL sink, byte for byte', async () => {
    await logEverything();
    const { code, stdout } = await place.runcast(['export', 'run-1', '--format', 'jsonl']);
    expect([code, stdout]).toEqual([0, readFileSync(place.path('rows', 'run-1.jsonl'), 'utf8')]);
    const many = await place.openRun({ id: 'many' });
    for (let step = 0; step < 2000; step += 1) many.logStep({ step, loss: step });
    await many.close();
    await place.runcast(['export', 'many', '--format', 'jsonl', '--output', 'many.jsonl']);
    expect(readFileSync(place.path('many.jsonl'))).toEqual(readFileSync(place.path('rows', 'many.jsonl')));
  });
});

describe('event files', () => {
  it('hold the run, once', async () => {
    await logEverything();
    const argv = ['export', 'run-1', '--format', 'tensorboard', '--output', 'events', '--json'];
    const { code, stdout } = await place.runcast(argv);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      run: 'run-1',
      format: 'tensorboard',
      output: place.path('events'),
      records: 13,
      damaged: 0,
    });
    const scalars: unknown[] = [];
    for await (const event of readEvents(place.path('events')))
      if (event.kind === 'scalar' && event.tag.endsWith('loss'))
        scalars.push([event.run, event.tag, event.step, event.value]);
    expect(scalars).toEqual(
      [
        ['run-1', 'train/loss', 0, 0.5],
        ['run-1', 'train/loss', 10, Number.NaN],
        ['run-1', 'epoch/loss', 1, 4],
        ['run-1', 'final/loss', 2, 0.5],
        ['run-1/rewind-1', 'train/loss', 2, 0.25],
        ['run-1/rewind-1', 'train/loss', 2, 0.125],
      ].toSpliced(3, 1, ['run-1', 'final/loss', 10, 0.5]),
    );
    const second = await place.runcast(argv);
    expect([second.code, second.stderr]).toEqual([2, expect.stringContaining('events/run-1 holds files already')]);
  });

  it('imported and exported again are the same up to float32', async () => {
    const publisher = await place.openRun({ id: 'run-1' });
    for (let step = 0; step < 50; step += 1) {
      publisher.logStep({
        step,
        loss: 1 / (step + 1),
        metrics: { lr: step * 0.001, odd: step % 7 === 0 ? Infinity : step },
      });
      publisher.logHistogram('weights', [step, step + 1, step + 2], { step });
    }
    publisher.logText('notes', 'some *text*', { step: 49 });
    await publisher.close();
    await place.runcast(['export', 'run-1', '--format', 'tensorboard', '--output', 'events']);
    await place.runcast(['import', 'tensorboard', 'events/run-1', '--dir', 'imported']);
    const table = async (...argv: readonly string[]): Promise<readonly (readonly string[])[]> => {
      const { stdout } = await place.runcast(['export', ...argv, '--format', 'csv']);
      const [header = '', ...lines] = stdout.trimEnd().split('\r\n');
      return [
        header.split(','),
        ...lines.map((line) => line.split(',').map((cell) => String(Math.fround(Number(cell))))),
      ];
    };
    const first = await table('run-1');
    const second = await table('imported/run-1');
    expect(second).toEqual(first);
    const histograms = async (run: string): Promise<readonly unknown[]> => {
      const { stdout } = await place.runcast(['export', run, '--format', 'jsonl']);
      const rows = stdout.trimEnd().split('\n');
      return rows
        .filter((row) => row.includes('"kind":"histogram"') || row.includes('"kind":"text"'))
        .map((row) => row.replace(/"writer":"\w+","seq":\d+,/u, ''));
    };
    expect((await histograms('run-1')).length).toBe(51);
    expect(await histograms('imported/run-1')).toEqual(await histograms('run-1'));
  });
});

describe('the command', () => {
  it('says what it is missing', async () => {
    await place.logRun({ id: 'run-1' }, 1);
    for (const [argv, message] of [
      [[], 'name a run'],
      [['run-1'], 'choose a format with --format (csv, jsonl, tensorboard)'],
      [['run-1', '--format', 'cvs'], 'there is no format "cvs"; did you mean csv? (csv, jsonl, tensorboard)'],
      [['run-1', '--format', 'jsonl', '--long'], '--long is for --format csv'],
      [['run-1', '--format', 'jsonl', '--json'], '--json needs --output'],
      [['run-1', '--format', 'tensorboard'], '--format tensorboard needs --output <directory>'],
      [['run-2', '--format', 'csv'], `there is no run "run-2" below ${place.path('runs')}; did you mean run-1?`],
    ] as const) {
      const { code, stderr } = await place.runcast(['export', ...argv]);
      expect([code, stderr]).toEqual([2, `runcast: ${message}\nTry runcast export --help\n`]);
    }
  });

  it('leaves out damaged lines, and says so', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    const [log = ''] = readdirSync(place.path('runs', 'run-1', 'log'));
    appendFileSync(place.path('runs', 'run-1', 'log', log), 'damage\n');
    const { code, stdout, stderr } = await place.runcast(['export', 'run-1', '--format', 'csv']);
    expect([code, stderr]).toEqual([1, 'run-1: 1 damaged lines of the log are left out\n']);
    expect(stdout.split('\r\n').length).toBe(4);
  });

  it('leaves a file as it was where it fails', async () => {
    await place.logRun({ id: 'run-1' }, 2);
    mkdirSync(place.path('folder'));
    writeFileSync(place.path('folder', 'kept'), '');
    const { code } = await place.runcast(['export', 'run-1', '--format', 'csv', '--output', 'folder']);
    expect(code).toBe(1);
    expect(readdirSync(place.cwd).toSorted()).toEqual(['folder', 'rows', 'runs']);
    expect(await place.runcast(['export', 'run-1', '--format', 'csv', '--output', 'none/x.csv'])).toMatchObject({
      code: 1,
    });
  });
});
