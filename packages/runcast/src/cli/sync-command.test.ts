import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

const TO_ROWS = { JSONL__DIR: 'rows' };
const TO_EVENTS = { TENSORBOARD__LOG_DIR: 'events', TENSORBOARD__LOG_EVERY_N_STEPS: '1' };

/** Every file below a directory of the workplace, by its path, with its content. */
function contents(...names: readonly string[]): Readonly<Record<string, string>> {
  const paths = readdirSync(place.path(...names), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    paths.map(({ parentPath, name }) => [`${parentPath}/${name}`, readFileSync(`${parentPath}/${name}`, 'latin1')]),
  );
}

function rows(run: string): readonly unknown[] {
  const lines = readFileSync(place.path('rows', `${run}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line): unknown => JSON.parse(line));
}

describe('one run', () => {
  it('goes to a sink that was not on at the time, by its options in the environment, and once', async () => {
    await place.logRun({ id: 'run-1' }, 4);
    const first = await place.runcast(['sync', 'run-1', '--to', 'tensorboard'], TO_EVENTS);
    expect(first).toEqual({ code: 0, stdout: 'run-1: tensorboard took 6 records\n', stderr: '' });
    const written = contents('events');
    expect(Object.keys(written).filter((path) => /events\/run-1\/events\.out\.tfevents\./u.test(path))).toHaveLength(1);
    const second = await place.runcast(['sync', 'run-1', '--to', 'tensorboard'], TO_EVENTS);
    expect(second).toEqual({ code: 0, stdout: 'run-1: tensorboard is up to date\n', stderr: '' });
    expect(contents('events')).toEqual(written);
  });

  it('goes to every sink that is on, where none is named', async () => {
    await place.crashRun('run-1', 2);
    const env = { ...TO_ROWS, ...TO_EVENTS, JSONL__ENABLED: '1', TENSORBOARD__ENABLED: '1' };
    const { code, stdout } = await place.runcast(['sync', 'run-1'], env);
    expect([code, stdout]).toEqual([0, 'run-1: jsonl took 3 records\nrun-1: tensorboard took 3 records\n']);
    expect(rows('run-1')).toMatchObject([{ kind: 'open' }, { step: 0 }, { step: 1 }]);
  });

  it('goes to those named only, by repetition or with commas', async () => {
    await place.logRun({ id: 'run-1' }, 1);
    const env = { ...TO_ROWS, ...TO_EVENTS, JSONL__ENABLED: '1' };
    const only = await place.runcast(['sync', 'run-1', '--to', 'tensorboard'], env);
    expect(only.stdout).toBe('run-1: tensorboard took 3 records\n');
    const both = 'run-1: jsonl is up to date\nrun-1: tensorboard is up to date\n';
    expect((await place.runcast(['sync', 'run-1', '--to', 'jsonl,tensorboard'], env)).stdout).toBe(both);
    expect((await place.runcast(['sync', 'run-1', '--to=tensorboard', '--to', 'jsonl'], env)).stdout).toBe(both);
  });

  it('is found by the path of its directory, and is the run it was opened as wherever it was copied to', async () => {
    await place.logRun({ id: 'run-1' }, 1);
    cpSync(place.path('runs', 'run-1'), place.path('backup', 'copy'), { recursive: true });
    rmSync(place.path('rows'), { recursive: true });
    const { code, stdout, stderr } = await place.runcast(['sync', 'backup/copy', '--to', 'jsonl'], TO_ROWS);
    expect([code, stdout]).toEqual([0, 'run-1: jsonl took 3 records\n']);
    expect(stderr).toMatch(/^run-1: jsonl: .*run-1\.jsonl is gone; what it lacks is sent again\n$/u);
    expect(rows('run-1')).toHaveLength(3);
  });

  it('is known by its directory where its manifest does not name it', async () => {
    await place.logRun({ id: 'run-1' }, 1);
    writeFileSync(place.path('runs', 'run-1', 'run.json'), '');
    const { stdout } = await place.runcast(['sync', 'run-1', '--to', 'tensorboard'], TO_EVENTS);
    expect(stdout).toBe('run-1: tensorboard took 3 records\n');
  });

  it('that a living process owns is refused', async () => {
    const publisher = await place.openRun({ id: 'run-1' });
    const { code, stdout, stderr } = await place.runcast(['sync', 'run-1', '--to', 'jsonl'], TO_ROWS);
    await publisher.close();
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      new RegExp(`^run-1: process ${process.pid} on .+ is still logging this run and delivers it itself`, 'u'),
    );
  });

  it('is reported as JSON', async () => {
    await place.logRun({ id: 'run-1' }, 1);
    const { code, stdout } = await place.runcast(['sync', 'run-1', '--to', 'jsonl', '--json'], TO_ROWS);
    expect(code).toBe(0);
    const printed: unknown = JSON.parse(stdout);
    expect(printed).toEqual({
      runs: [
        {
          run: 'run-1',
          path: place.path('runs', 'run-1'),
          problem: null,
          sinks: [{ sink: 'jsonl', delivered: 0, refused: 0, owed: 0, reason: null }],
        },
      ],
    });
  });
});

describe('all runs', () => {
  it('are those that owe something, to the sinks they owe it', async () => {
    await place.logRun({ id: 'run-1' }, 1);
    await place.crashRun('run-2', 1);
    const owned = await place.openRun({ id: 'run-3' });
    const env = { ...TO_ROWS, JSONL__ENABLED: '1' };
    const first = await place.runcast(['sync', '--all', '--to', 'jsonl'], env);
    await owned.flush();
    expect(first.code).toBe(0);
    expect(first.stdout).toBe('run-2: jsonl took 2 records\n');
    const second = await place.runcast(['sync', '--all'], env);
    await owned.close();
    expect(second).toEqual({ code: 0, stdout: `nothing is owed below ${place.path('runs')}\n`, stderr: '' });
  });

  it('leave those to their owners that have one, which is no failure', async () => {
    const owned = await place.openRun({ id: 'run-1' });
    const { code, stdout, stderr } = await place.runcast(['sync', '--all', '--to', 'tensorboard'], TO_EVENTS);
    await owned.close();
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('is still logging this run');
  });
});

describe('what cannot be delivered', () => {
  it('is owed still, for the reason given, and the rest goes on', async () => {
    await place.crashRun('run-1', 1);
    writeFileSync(place.path('file'), '');
    const env = { ...TO_ROWS, TENSORBOARD__LOG_DIR: 'file' };
    const { code, stdout } = await place.runcast(['sync', 'run-1', '--to', 'tensorboard,jsonl'], env);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^run-1: jsonl took 2 records\nrun-1: tensorboard is still owed 2 records: .*TENSORBOARD__LOG_DIR/su,
    );
  });

  it('is a run whose lease cannot be had, even among all', async () => {
    await place.crashRun('run-1', 1);
    mkdirSync(place.path('runs', 'run-1', 'lease.db'));
    const { code, stdout, stderr } = await place.runcast(['sync', '--all', '--to', 'jsonl'], TO_ROWS);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe('run-1: cannot be delivered: unable to open database file\n');
  });

  it('is a run without its log, to a new sink', async () => {
    await place.logRun({ id: 'run-1' }, 1);
    rmSync(place.path('runs', 'run-1', 'log'), { recursive: true });
    const { code, stdout } = await place.runcast(['sync', 'run-1', '--to', 'tensorboard'], TO_EVENTS);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^run-1: tensorboard failed: the log was deleted/u);
  });

  it('is a run whose log was deleted before anybody had it', async () => {
    await place.crashRun('run-1', 1);
    for (const part of ['log', 'cursors']) rmSync(place.path('runs', 'run-1', part), { recursive: true });
    const { code, stdout } = await place.runcast(['sync', 'run-1', '--to', 'jsonl'], TO_ROWS);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^run-1: jsonl failed: the log was deleted before any sink is known to have had it/u);
  });

  it('is a line that is no record: it is set aside', async () => {
    const directory = await place.crashRun('run-1', 1);
    const [log = ''] = readdirSync(`${directory}/log`);
    writeFileSync(`${directory}/log/${log}`, 'no record\n', { flag: 'a' });
    const { code, stdout, stderr } = await place.runcast(['sync', 'run-1', '--to', 'tensorboard'], TO_EVENTS);
    expect(code).toBe(0);
    expect(stdout).toBe('run-1: tensorboard took 2 records, 1 record set aside in dead-letters/tensorboard.jsonl\n');
    expect(stderr).toContain('run-1: tensorboard: 1 records set aside');
  });
});

describe('mistakes', () => {
  it.each([
    [[], 'name a run, or use --all'],
    [['--all', 'run-1', '--to', 'jsonl'], '--all takes no run beside it'],
    [
      ['run-1'],
      'no sink is on; name one with --to (jsonl, tensorboard, redis, store, wandb), or set its ENABLED variable',
    ],
    [
      ['run-1', '--to', 'tensorbord'],
      'there is no sink "tensorbord"; did you mean tensorboard? (jsonl, tensorboard, redis, store, wandb)',
    ],
    [['run-1', '--to', ','], 'there is no sink "" (jsonl, tensorboard, redis, store, wandb)'],
    [['run-2', '--to', 'jsonl'], 'there is no run "run-2" below '],
    [['../run-1', '--to', 'jsonl'], 'there is no run "../run-1" below '],
    [['run-1', '--to', 'jsonl', '--timeout', 'soon'], '--timeout expects seconds up to 86400, holds "soon"'],
    [['run-1', '--to', 'jsonl', '--timeout', '0'], '--timeout expects seconds up to 86400, holds "0"'],
  ])('sync %j: %s', async (argv, message) => {
    await place.logRun({ id: 'run-1' }, 1);
    const env = argv.length === 0 ? { JSONL__ENABLED: '1' } : {};
    const { code, stderr } = await place.runcast(['sync', ...argv], env);
    expect(code).toBe(2);
    expect(stderr).toContain(`runcast: ${message}`);
  });

  it('name the run that was probably meant', async () => {
    await place.logRun({ id: 'run-1' }, 1);
    const { stderr } = await place.runcast(['sync', 'run1', '--to', 'jsonl']);
    expect(stderr).toContain('; did you mean run-1?');
  });
});

it('takes a time limit', async () => {
  await place.logRun({ id: 'run-1' }, 1);
  expect((await place.runcast(['sync', 'run-1', '--to', 'jsonl', '--timeout', '0.5'], TO_ROWS)).code).toBe(0);
});
