import { readFileSync, readdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryStore, runOnStore } from '../../test/memory-store.ts';
import { UsageError } from './parse-arguments.ts';
import { plotCommand } from './plot-command.ts';
import { plotRuns } from './plot-runs.ts';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'runcast-plot-'));
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const RUNS = [
  {
    id: 'a',
    name: 'base',
    config: { lr: 0.1, model: { width: 8 } },
    curves: { 'train/loss': [4, 3, 2], 'val/loss': [5, 4] },
  },
  { id: 'b', name: 'base', config: { lr: 0.1 }, curves: { 'train/loss': [6, 5, 4] } },
  {
    id: 'c',
    name: 'fast',
    config: { lr: 0.02 },
    tags: ['x'],
    curves: { 'train/loss': [3, 2, 1] },
    axes: { 'val/loss': 'epoch' },
  },
  { id: 'd', curves: { 'train/loss': [1, 1, 1] } },
];

type Answer = Awaited<ReturnType<typeof runOnStore>>;

async function plot(...argv: readonly string[]): Promise<Answer> {
  const store = memoryStore(RUNS);
  try {
    return await runOnStore(plotCommand, plotRuns, store, argv, { cwd });
  } finally {
    // Not opened where the question is wrong.
    expect([true, false]).toContain(store.isClosed());
  }
}

/** What is written in a figure. */
function texts(svg: string): readonly string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/gu)].map(([, text = '']) => text);
}

describe('a figure', () => {
  it('goes to a file, with a line for each run', async () => {
    const { code, stdout, stderr } = await plot('train/loss', '--output', 'loss.svg', '--title', 'All');
    expect([code, stdout, stderr]).toEqual([0, 'train/loss of 4 runs drawn to loss.svg\n', '']);
    const svg = readFileSync(join(cwd, 'loss.svg'), 'utf8');
    expect(texts(svg)).toEqual(expect.arrayContaining(['All', 'step', 'train/loss', 'a', 'b', 'fast', 'd']));
    expect(readdirSync(cwd)).toEqual(['loss.svg']);
  });

  it('goes to the output without one', async () => {
    const { code, stdout } = await plot('train/loss', '--run', 'a');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^<\?xml[^]*<\/svg>\n$/u);
  });

  it('has a panel for each metric, and says which runs lack one', async () => {
    const { stdout, stderr } = await plot('train/loss', 'val/loss', 'train/loss');
    expect(stderr).toBe('val/loss: 3 of 4 runs have none\n');
    expect(texts(stdout).filter((text) => text.endsWith('/loss'))).toEqual(['train/loss', 'val/loss']);
  });

  it('says what the steps count, or what it is told', async () => {
    const store = memoryStore([{ id: 'a', curves: { 'val/loss': [1, 2] }, axes: { 'val/loss': 'epoch' } }]);
    const drawn = async (...argv: readonly string[]): Promise<readonly string[]> =>
      texts((await runOnStore(plotCommand, plotRuns, store, ['val/loss', ...argv])).stdout);
    expect(await drawn()).toContain('epoch');
    expect(await drawn('--x-label', 'passes')).toContain('passes');
    expect(await drawn('--log')).toContain('val/loss (log scale)');
    expect(store.isClosed()).toBe(true);
  });

  it('has one line for runs with the same value, numbers by size', async () => {
    const { stdout } = await plot('train/loss', '--group-by', 'config.lr');
    expect(texts(stdout).slice(-3)).toEqual(['lr = 0.02 (1 run)', 'lr = 0.1 (2 runs)', 'no lr (1 run)']);
    expect(stdout.match(/fill-opacity/gu)).toHaveLength(2);
    const [none, median] = [
      await plot('train/loss', '--group-by', 'name', '--spread', 'none'),
      await plot('train/loss', '--group-by', 'tag', '--median'),
    ];
    expect(none.stdout).not.toContain('fill-opacity');
    expect(texts(none.stdout).slice(-3)).toEqual(['name = base (2 runs)', 'name = fast (1 run)', 'no name (1 run)']);
    expect(texts(median.stdout).slice(-2)).toEqual(['tag = [&#34;x&#34;] (1 run)', 'no tag (3 runs)']);
  });

  it('takes the runs that fit and are named', async () => {
    const { stdout } = await plot('train/loss', '--where', 'name = base', '--run', 'b', '--run', 'c');
    expect(texts(stdout)).toContain('base');
    expect(texts(stdout)).not.toContain('fast');
  });

  it('is said in JSON', async () => {
    const { stdout } = await plot('val/loss', '--output', 'x.svg', '--group-by', 'config.model.width', '--json');
    const printed: unknown = JSON.parse(stdout);
    expect(printed).toEqual({
      store: 'sqlite:memory.db',
      output: join(cwd, 'x.svg'),
      panels: [{ key: 'val/loss', axis: 'step', groups: [{ label: 'model.width = 8 (1 run)', runs: ['a'] }] }],
    });
    const { stdout: text } = await plot('val/loss', '--output', 'x.svg', '--group-by', 'status');
    expect(text).toBe('val/loss of 1 run in 1 group drawn to x.svg\n');
  });

  it('is not there where nothing fits', async () => {
    const { code, stdout, stderr } = await plot('train/loss', '--where', 'name = nobody', '--output', 'x.svg');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe('no runs that fit in sqlite:memory.db; runcast query shows what there is\n');
    expect(readdirSync(cwd)).toEqual([]);
    const empty = await runOnStore(plotCommand, plotRuns, memoryStore([]), ['train/loss']);
    expect(empty.stderr).toBe('no runs in sqlite:memory.db; runcast query shows what there is\n');
  });
});

describe('what makes no sense is said:', () => {
  it.each([
    [[], 'name a metric, such as train/loss'],
    [['train/los'], 'no run has "train/los"; did you mean train/loss?'],
    [['train/loss', '--run', 'aa'], 'there is no run "aa" in sqlite:memory.db'],
    [['train/loss', '--where', 'nme = x'], 'there is no field "nme"'],
    [['train/loss', '--group-by', 'nme'], 'there is no field "nme"'],
    [['train/loss', '--smooth', '1'], '--smooth expects a number from 0 to 0.999, holds "1"'],
    [['train/loss', '--group-by', 'name', '--spread', 'sdt'], 'there is no spread "sdt"; did you mean std?'],
    [['train/loss', '--group-by', 'name', '--mean', '--median'], 'choose --mean or --median'],
    [['train/loss', '--median'], '--median is for groups: add --group-by <field>'],
    [['train/loss', '--json'], '--json needs --output'],
  ])('%j', async (argv, message) => {
    const failed = await plot(...argv).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(UsageError);
    expect(String(failed)).toContain(message);
  });
});
