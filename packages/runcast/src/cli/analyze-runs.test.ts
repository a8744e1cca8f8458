import { describe, expect, it } from 'vitest';
import { memoryStore, runOnStore, type MemoryRun } from '../../test/memory-store.ts';
import { analyzeCommand } from './analyze-command.ts';
import { analyzeRuns } from './analyze-runs.ts';

/** Values at 200 steps. */
function values(valueAt: (step: number) => number): readonly number[] {
  return Array.from({ length: 200 }, (_, step) => valueAt(step));
}

const falling = values((step) => 2 - step / 100);
const settled = values((step) => 1 + Math.max(0, 80 - step) / 10);
const rising = values((step) => 1 + Math.abs(step - 100) / 50);

const RUNS: readonly MemoryRun[] = [
  {
    id: 'a',
    name: 'base',
    curves: { 'train/loss': settled, 'train/grad_norm': values((step) => (step < 150 ? 1 : 1.2 ** (step - 150))) },
  },
  { id: 'b', curves: { 'val/loss': rising, 'objective/energy': falling, 'objective/mass': rising, other: falling } },
  { id: 'c', curves: { 'train/loss': values((step) => (step < 100 ? 1 : NaN)).slice(0, 110) } },
  { id: 'd' },
];

type Answer = Awaited<ReturnType<typeof runOnStore>>;

function analyze(argv: readonly string[], runs: readonly MemoryRun[] = RUNS, isTTY = false): Promise<Answer> {
  return runOnStore(analyzeCommand, analyzeRuns, memoryStore(runs), argv, { isTTY });
}

describe('curves', () => {
  it('are looked at by run: whether they improve, and what went wrong', async () => {
    const { code, stdout, stderr } = await analyze([]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      'a  base',
      expect.stringMatching(/^ {2}train\/loss {7}Stopped improving at step 80, at 1; flat since\.$/u),
      '                   Stable over 200 values.',
      expect.stringMatching(
        /^ {2}train\/grad_norm {2}Diverged after step 1[56]\d: \d+\.?\d* at the end, 1 at best\.$/u,
      ),
      '',
      'b',
      expect.stringMatching(/^ {2}val\/loss {10}Stopped improving at step 9\d.*; worse since, 2\.9\d+ at the end\.$/u),
      expect.stringMatching(/^ {20}Diverged/u),
      expect.stringMatching(/^ {2}objective\/energy {2}Still improving at step 199/u),
      '                    Stable over 200 values.',
      expect.stringMatching(/^ {2}objective\/mass {4}Stopped improving/u),
      expect.stringMatching(/^ {20}Diverged/u),
      expect.stringMatching(
        /^ {2}together {10}From step 9\d on objective\/energy improves .* and objective\/mass worsens/u,
      ),
      '',
      'c',
      '  train/loss  Stopped improving at step 0, at 1; flat since.',
      '              NaN 10 times, first at step 100, and at the end.',
      '',
      'd',
      '  none of these metrics',
      '',
    ]);
  });

  it('are those that are named, compared where they have an axis in common', async () => {
    const { stdout } = await analyze(['b', '--keys', 'objective/energy, val/loss', '--keys', 'other']);
    expect(stdout).toMatch(
      /^ {2}together +From step \S+ on objective\/energy improves.*; From step \S+ on other improves/mu,
    );
    const epochs = RUNS.map((run) => ({ ...run, axes: { 'val/loss': 'epoch' } }));
    expect((await analyze(['b', '--keys', 'other,val/loss'], epochs)).stdout).not.toContain('together');
    expect((await analyze(['b', '--keys', 'other,objective/energy'], epochs)).stdout).toContain(
      'No objectives move apart, of 1 compared.',
    );
  });

  it('may be ones of which more is better, but not norms', async () => {
    const accuracies = [{ id: 'x', curves: { accuracy: values((step) => step), recall: values((step) => -step) } }];
    const { stdout } = await analyze(['--keys', 'accuracy,recall', '--maximize'], accuracies);
    expect(stdout).toMatch(/^ {2}accuracy +Still improving .*\n +Stable/mu);
    expect(stdout).toMatch(/^ {2}together +From step \d+ on accuracy improves \(\+\d+\) and recall worsens \(-\d+\)/mu);
    const norms = await analyze(['a', '--keys', 'train/grad_norm', '--maximize']);
    expect(norms.stdout).toContain('Diverged after');
  });

  it('are chosen by filters, and said in JSON', async () => {
    const { stdout } = await analyze(['--where', 'name = base', '--json', '--keys', 'train/loss']);
    const printed: unknown = JSON.parse(stdout);
    expect(printed).toMatchObject({
      store: 'sqlite:memory.db',
      runs: [
        {
          id: 'a',
          name: 'base',
          curves: [
            {
              key: 'train/loss',
              plateau: { verdict: 'plateaued', value: 1, since: 'flat', points: 200 },
              instability: { stable: true, too_short: false, spikes: [] },
            },
          ],
          drift: [],
        },
      ],
      sensitivity: null,
    });
  });

  it('are coloured on a terminal', async () => {
    const { stdout } = await analyze([], RUNS, true);
    for (const colour of ['\u001B[31m', '\u001B[32m', '\u001B[33m', '\u001B[1mb']) expect(stdout).toContain(colour);
    const short = await analyze([], [{ id: 'x', curves: { 'train/loss': [1, 2] } }], true);
    expect(short.stdout).toContain('\u001B[2mToo short to say');
  });

  it('cannot be looked at where nothing fits', async () => {
    const { code, stderr } = await analyze(['--where', 'name = nobody']);
    expect([code, stderr]).toEqual([1, 'no runs that fit in sqlite:memory.db; runcast query shows what there is\n']);
  });
});

describe('an outcome', () => {
  const sweep: readonly MemoryRun[] = Array.from({ length: 16 }, (_, index) => ({
    id: `run-${index}`,
    config: {
      lr: index,
      model: { kind: index % 2 === 0 ? 'gru' : 'lstm', sizes: [index % 4, 1] },
      warmup: index * 2,
      seed: 7,
      note: `note ${index}`,
      ...(index === 0 ? { extra: null } : {}),
    },
    summary: { 'val/loss': index === 15 ? 'NaN' : 20 - index },
  }));

  it('comes with the parameters that it goes with', async () => {
    const { code, stdout } = await analyze(['--outcome', 'summary.val/loss'], sweep);
    expect(code).toBe(0);
    const lines = stdout.slice(stdout.indexOf('The outcome')).split('\n');
    expect(lines).toEqual([
      'The outcome goes with lr (ρ -1.00, p 0.002), warmup (ρ -1.00, p 0.002) over 15 runs.',
      'PARAMETER    RUNS  STRENGTH  P       ADJUSTED P  summary.val/loss',
      'lr           15    1.00      0.0005  0.002       falls with it, ρ -1.00',
      'warmup       15    1.00      0.0005  0.002       falls with it, ρ -1.00',
      expect.stringMatching(/^model\.sizes {2}15 .* medians: \[[^,]*,1\] [\d.]+, /u),
      expect.stringMatching(
        /^model\.kind {3}15 .* medians: lstm 13, gru 13$|^model\.kind {3}15 .* medians: gru 13, lstm 13$/u,
      ),
      'left out, in hardly any run: extra',
      'left out, another in nearly every run: note',
      'left out, the same in all runs: seed',
      'change together, so that it may be any of them: lr, warmup',
      'left out, 1 without a finite summary.val/loss',
      '',
    ]);
  });

  it('warns of few runs, and is said in JSON', async () => {
    const few = sweep.slice(0, 5);
    const { stdout } = await analyze(['--outcome', 'summary.val/loss'], few);
    expect(stdout).toContain('5 runs are few: ');
    const { stdout: json } = await analyze(['--outcome', 'summary.val/loss', '--json'], few);
    const printed: unknown = JSON.parse(json);
    expect(printed).toMatchObject({ sensitivity: { outcome: 'summary.val/loss', runs: 5 } });
    expect(json).toMatch(/"name": "lr",\n +"runs": 5,\n +"kind": "number",\n +"strength": 1,/u);
    expect(json).toContain('"adjusted_p_value": ');
  });

  it('rises with what makes it rise, and of runs that are configured alike says nothing', async () => {
    const opposite = sweep.map((run, index) => ({ ...run, summary: { 'val/loss': index } }));
    expect((await analyze(['--outcome', 'summary.val/loss'], opposite)).stdout).toContain('rises with it, ρ 1.00');
    const alike = sweep.map((run) => ({ ...run, config: { seed: 7 } }));
    const { stdout } = await analyze(['--outcome', 'summary.val/loss'], alike);
    expect(stdout).toMatch(
      /\nThere is no parameter to compare over 15 runs\.\nleft out, the same in all runs: seed\n/u,
    );
  });

  it.each([
    [
      ['--outcome', 'summary.val/los'],
      'none of these runs has a number at summary.val/los; did you mean summary.val/loss?',
    ],
    [
      ['run-1', 'run-15', '--outcome', 'summary.val/loss'],
      '--outcome compares runs, and only one of these has a number',
    ],
    [['--outcome', 'nowhere'], 'there is no field "nowhere"'],
  ])('that makes no sense is refused: %j', async (argv, message) => {
    await expect(analyze(argv, sweep)).rejects.toThrow(message);
  });
});

describe('what makes no sense is said:', () => {
  it.each([
    [['e'], 'there is no run "e" in sqlite:memory.db'],
    [['--keys', 'train/los'], 'no run has "train/los"; did you mean train/loss?'],
    [['--keys', ','], '--keys names no metric'],
    [['--maximize'], '--maximize is for the metrics of --keys: name them'],
    [['--maximize', '--minimize', '--keys', 'other'], 'choose --minimize or --maximize'],
    [['--where', 'nme = x'], 'there is no field "nme"'],
  ])('%j', async (argv, message) => {
    await expect(analyze(argv)).rejects.toThrow(message);
  });
});
