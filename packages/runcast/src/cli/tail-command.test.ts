import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeWorkplace, type Workplace } from './captured-run.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

const line = z.looseObject({ run: z.string(), writer: z.string(), kind: z.string(), seq: z.number() });

async function tailed(argv: readonly string[]): Promise<readonly z.infer<typeof line>[]> {
  const { code, stdout, stderr } = await place.runcast(['tail', '--once', '--json', ...argv]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((text) => line.parse(JSON.parse(text)));
}

describe('records of a directory', () => {
  it('are the last of each run, oldest first', async () => {
    await place.logRun({ id: 'run-1' }, 20);
    await place.logRun({ id: 'run-2' }, 3);
    const records = await tailed(['--lines', '4']);
    expect(records.map(({ run, kind, seq }) => [run, kind, seq])).toEqual([
      ['run-1', 'step', 18],
      ['run-1', 'step', 19],
      ['run-1', 'step', 20],
      ['run-1', 'close', 21],
      ['run-2', 'step', 1],
      ['run-2', 'step', 2],
      ['run-2', 'step', 3],
      ['run-2', 'close', 4],
    ]);
  });

  it('are those of one run, of a kind, or with a key', async () => {
    const publisher = await place.openRun({ id: 'run-1' });
    publisher.logStep({ step: 1, loss: 0.5 });
    publisher.log({ 'eval.loss': 1 }, { step: 2 });
    publisher.logText('samples/first', 'once');
    publisher.updateConfig({ width: 3 });
    await publisher.close();
    await place.logRun({ id: 'run-2' }, 1);
    const kinds = async (...argv: readonly string[]): Promise<readonly string[]> =>
      (await tailed(argv)).map(({ kind }) => kind);
    expect(await kinds('run-1')).toEqual(['open', 'step', 'log', 'text', 'config', 'close']);
    expect(await kinds('run-1', '--kind', 'step,close')).toEqual(['step', 'close']);
    expect(await kinds('--key', 'train/*')).toEqual(['step', 'step']);
    expect(await kinds('run-1', '--key', '*.loss', '--key', 'samples/*')).toEqual(['log', 'text']);
    expect(await kinds('--key', 'width')).toEqual(['config']);
    expect(await kinds('--key', 'evalXloss')).toEqual([]);
  });

  it('are lines for people', async () => {
    const publisher = await place.openRun({ id: 'run-1' });
    publisher.logStep({ step: 7, loss: 0.123456789, metrics: { norm: Number.NaN } });
    publisher.logEpoch({ epoch: 3, loss: 25 });
    publisher.logText('samples', 'x'.repeat(500));
    await publisher.close();
    const { stdout } = await place.runcast(['tail', '--once', 'run-1']);
    const lines = stdout.split('\n').map((text) => text.replace(/^\d\d:\d\d:\d\d /u, ''));
    expect(lines[1]).toBe('run-1 step 7  train/loss 0.123457  train/perplexity 1.1314  train/norm NaN');
    expect(lines[2]).toBe('run-1 epoch 3  epoch/loss 25  epoch/perplexity Infinity');
    expect(lines[3]).toMatch(/^run-1 text {2}\{"key":"samples","text":"x+…$/u);
    expect(lines[4]).toBe('run-1 close  {"status":"finished","final":true}');
  });

  it('are followed, those of runs that begin later from their start, until the command is stopped', async () => {
    await place.logRun({ id: 'run-1' }, 100);
    const stopped = new AbortController();
    let text = '';
    let other: Promise<void> | undefined;
    const stdout = {
      write: (more: string): void => {
        text += more;
        // Everything there was has been shown: only now the other begins.
        if (text.includes('"seq":101')) other ??= place.logRun({ id: 'run-2' }, 30);
        if (more.includes('"run":"run-2"') && more.includes('"kind":"close"')) stopped.abort();
      },
    };
    const options = { stdout, stopSignal: (): AbortSignal => stopped.signal };
    const { code } = await place.runcast(['tail', '--json', '--lines', '2'], {}, options);
    await other;
    expect(code).toBe(0);
    expect(text.split('\n').filter((row) => row.includes('"run":"run-1"'))).toHaveLength(2);
    expect(text.split('\n').filter((row) => row.includes('"run":"run-2"'))).toHaveLength(32);
  });
});

it.each([
  [['--from', 'rediss'], '--from expects dir or redis; did you mean redis?'],
  [['--kind', 'stepp'], 'there is no kind "stepp"; did you mean step?'],
  [['--lines', '0'], '--lines expects an integer from 1, holds "0"'],
  [['nowhere'], 'there is no run "nowhere"'],
])('tail %j is not understood', async (argv, problem) => {
  const { code, stderr } = await place.runcast(['tail', ...argv]);
  expect(code).toBe(2);
  expect(stderr).toContain(problem);
});
