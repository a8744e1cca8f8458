import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeConfiguration } from '../configuration.ts';
import { makeWorkplace, type Workplace } from './captured-run.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

const WRONG = {
  JSONL__ENABLED: 'true',
  JSONL__DIR: '/data/ghp_aaaaaaaaaaaaaaaaaaaaaaaa',
  TENSORBOARD__FLUSH_SECS: 'soon',
  TENSORBOARD__LOGDIR: '/data',
  JSONL__COMPRESSION: 'zstd',
};

it('shows every variable, with what it holds', async () => {
  const { code, stdout, stderr } = await place.runcast(['env'], { JSONL__ENABLED: 'true' });
  expect([code, stderr]).toEqual([0, '']);
  const lines = stdout.split('\n');
  expect(lines[0]).toMatch(/^VARIABLE +VALUE +DEFAULT +TYPE +MEANING$/u);
  for (const { variable, meaning } of describeConfiguration({}))
    expect(lines.find((line) => line.startsWith(`${variable} `))).toContain(meaning);
  expect(stdout).toMatch(/^JSONL__ENABLED +"true" +false +true or false +write one flat JSON row a record$/mu);
});

it('names problems and warnings, shows no secret, and fails', async () => {
  const { code, stdout, stderr } = await place.runcast(['env'], WRONG);
  expect(code).toBe(1);
  expect(stderr.split('\n')).toEqual([
    'problem: TENSORBOARD__FLUSH_SECS expects an integer from 1, holds "soon"',
    'problem: TENSORBOARD__LOGDIR is not known; did you mean TENSORBOARD__LOG_DIR?',
    'warning: JSONL__COMPRESSION is not a variable of Runcast and is ignored',
    '',
  ]);
  expect(stdout).toContain('"/data/[redacted]"');
  expect(stdout + stderr).not.toContain('ghp_');
});

it('prints the same as JSON', async () => {
  const { code, stdout, stderr } = await place.runcast(['env', '--json'], WRONG);
  expect([code, stderr]).toEqual([1, '']);
  const printed: unknown = JSON.parse(stdout);
  expect(printed).toMatchObject({
    problems: [{ variable: 'TENSORBOARD__FLUSH_SECS' }, { variable: 'TENSORBOARD__LOGDIR' }],
    warnings: ['JSONL__COMPRESSION is not a variable of Runcast and is ignored'],
  });
  expect(printed).toHaveProperty(
    'variables',
    describeConfiguration(WRONG).map((variable) => ({ ...variable, value: variable.value ?? null })),
  );
});

it('prints a Markdown table that no environment changes', async () => {
  const { code, stdout } = await place.runcast(['env', '--markdown'], WRONG);
  expect(code).toBe(0);
  expect(stdout.split('\n').slice(0, 3)).toEqual([
    '| variable | type | default | meaning |',
    '| --- | --- | --- | --- |',
    '| `RUNCAST__DIR` | directory | `./runs` | where run directories are made |',
  ]);
  expect(stdout).toContain('| `RUNCAST__PROJECT` | text |  | the project the run belongs to |\n');
  expect(stdout).toBe((await place.runcast(['env', '--markdown'])).stdout);
});
