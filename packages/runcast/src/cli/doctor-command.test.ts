import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

const ON = { JSONL__ENABLED: '1', JSONL__DIR: 'deep/er/rows', RUNCAST__DIR: 'some/runs' };

function lines(stdout: string): readonly string[] {
  return stdout.trimEnd().split('\n');
}

describe('where all is well', () => {
  it('says so, line by line, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await place.runcast(['doctor'], ON);
    expect([code, stderr]).toEqual([0, '']);
    expect(lines(stdout).map((line) => line.replaceAll(/ {2,}/gu, '  '))).toEqual([
      `ok  Node.js  ${process.versions.node}`,
      'ok  configuration  valid',
      `ok  run directory  ${place.path('some', 'runs')} can be written`,
      'ok  lease  node:sqlite locks, and one holder at a time',
      'ok  worker thread  starts',
      `ok  jsonl  on, since JSONL__ENABLED is true; ${place.path('deep/er/rows')} can be written`,
      'ok  tensorboard  off, since TENSORBOARD__ENABLED is not true',
      'ok  redis  off, since REDIS__ENABLED is not true',
      'ok  store  off, since STORE__ENABLED is not true',
      'ok  wandb  off, since WANDB__ENABLED is not true',
      'ok  undelivered runs  none among 0',
    ]);
    expect(readdirSync(place.cwd)).toEqual([]);
  });

  it('leaves directories that were there, with what is in them', async () => {
    mkdirSync(place.path('some', 'runs'), { recursive: true });
    await place.runcast(['doctor'], ON);
    expect(existsSync(place.path('some', 'runs'))).toBe(true);
    expect(readdirSync(place.path('some', 'runs'))).toEqual([]);
    expect(readdirSync(place.cwd)).toEqual(['some']);
  });

  it('prints the same as JSON', async () => {
    const { code, stdout } = await place.runcast(['doctor', '--json'], ON);
    expect(code).toBe(0);
    const printed: unknown = JSON.parse(stdout);
    expect(printed).toMatchObject({ ok: true });
    expect(printed).toHaveProperty('checks.0', {
      check: 'Node.js',
      status: 'ok',
      finding: process.versions.node,
      advice: null,
    });
  });
});

describe('the version of Node.js', () => {
  it.each([
    ['22.14.9', 'fail'],
    ['20.20.2', 'fail'],
    ['22.15.0', 'ok'],
    ['26.0.0', 'ok'],
  ])('%s: %s', async (nodeVersion, status) => {
    const { code, stdout } = await place.runcast(['doctor'], ON, { nodeVersion });
    expect(lines(stdout)[0]).toMatch(new RegExp(`^${status} +Node\\.js +${nodeVersion}`, 'u'));
    expect(code).toBe(status === 'ok' ? 0 : 1);
  });
});

describe('the configuration', () => {
  it('fails with each problem, and checks what is left', async () => {
    const env = { ...ON, TENSORBOARD__FLUSH_SECS: 'x', JSONL__COMPRESSION: '1' };
    const { code, stdout } = await place.runcast(['doctor'], env);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^fail +configuration +TENSORBOARD__FLUSH_SECS expects .*: see runcast env$/mu);
    expect(stdout).toMatch(/^warn +configuration +JSONL__COMPRESSION is not a variable of Runcast/mu);
    expect(stdout).toMatch(/^ok +jsonl/mu);
    expect(stdout).not.toMatch(/^\w+ +tensorboard/mu);
  });

  it('warns where no sink is on', async () => {
    const { code, stdout } = await place.runcast(['doctor']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^warn +sinks +none is on: nothing is written: switch one on/mu);
  });

  it('looks at no directory where it does not know which', async () => {
    const { code, stdout } = await place.runcast(['doctor'], { ...ON, RUNCAST__RESUME: 'x' });
    expect(code).toBe(1);
    expect(stdout).not.toMatch(/run directory|undelivered/u);
  });

  it('tells which run a context file joins, and fails where there is none', async () => {
    const publisher = await place.openRun({ id: 'run-1' });
    const joined = await place.runcast(['doctor'], { ...ON, ...publisher.childEnv });
    await publisher.close();
    expect(joined.stdout).toMatch(/^ok +context file +joins the run run-1$/mu);
    const lost = await place.runcast(['doctor'], { ...ON, RUNCAST__CONTEXT_FILE: place.path('none.json') });
    expect(lost.code).toBe(1);
    expect(lost.stdout).toMatch(/fail +context file +.*RUNCAST__CONTEXT_FILE: expects a context file/su);
  });
});

describe('directories', () => {
  it('fail where they cannot be written, with the variable to set', async () => {
    writeFileSync(place.path('file'), '');
    const env = { ...ON, RUNCAST__DIR: 'file/runs', JSONL__DIR: 'file/rows' };
    const { code, stdout } = await place.runcast(['doctor'], env);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^fail +run directory +\S+file\/runs cannot be used: ENOTDIR.*: set RUNCAST__DIR to a local directory/mu,
    );
    expect(stdout).toMatch(/^fail +jsonl +on, but \S+file\/rows cannot be written: ENOTDIR.*: set JSONL__DIR to/mu);
    expect(stdout).not.toMatch(/lease|worker/u);
    expect(readdirSync(place.cwd)).toEqual(['file']);
  });

  it('fail where the directory of all runs is none', async () => {
    writeFileSync(place.path('file'), '');
    const { stdout } = await place.runcast(['doctor'], { ...ON, RUNCAST__DIR: 'file' });
    expect(stdout).toMatch(/^fail +run directory/mu);
    expect(stdout).toMatch(/^fail +undelivered runs +ENOTDIR.*: make \S+file readable$/mu);
  });
});

describe('undelivered runs', () => {
  it('are named with the command that delivers them', async () => {
    await place.logRun({ id: 'run-0' }, 3);
    for (const id of ['run-1', 'run-2', 'run-3', 'run-4']) await place.crashRun(id, 1);
    const publisher = await place.openRun({ id: 'run-5' });
    const one = { ...ON, RUNCAST__DIR: 'runs' };
    const { code, stdout } = await place.runcast(['doctor'], one);
    await publisher.close();
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^warn +undelivered runs +4 of 5 \(run-1, run-2, run-3, …\) owe jsonl 8 records: runcast sync --all --to jsonl$/mu,
    );
  });
});
