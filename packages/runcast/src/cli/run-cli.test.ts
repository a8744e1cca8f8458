import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { makeWorkplace, type Workplace } from './captured-run.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

describe('help', () => {
  it.each([['--help'], ['-h'], ['help']])('lists the commands for %s', async (argument) => {
    const { code, stdout, stderr } = await place.runcast([argument]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Usage\n  runcast <command> [options]\n');
    for (const name of ['env', 'doctor', 'ls', 'sync']) expect(stdout).toMatch(new RegExp(`^  ${name} +[a-z]`, 'mu'));
  });

  it.each([[['sync', '--help']], [['sync', 'run-1', '-h']], [['help', 'sync']]])(
    'shows usage, options and examples of one for %j',
    async (argv) => {
      const { code, stdout } = await place.runcast(argv);
      expect(code).toBe(0);
      expect(stdout).toContain('  runcast sync <run>... | --all [--to <sink>] [--timeout <seconds>]\n');
      expect(stdout).toMatch(/^ {2}--to <sink> +deliver to this sink/mu);
      expect(stdout).toMatch(/^ {2}runcast sync run-1 --to tensorboard +show a run/mu);
    },
  );

  it('is what a call without a command gets, as a mistake', async () => {
    const { code, stdout, stderr } = await place.runcast([]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Commands\n');
  });
});

it('prints the version of its package', async () => {
  expect(await place.runcast(['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
});

describe('mistakes', () => {
  it.each([
    [['snyc'], 'unknown command "snyc"; did you mean sync?', '--help'],
    [['frobnicate'], 'unknown command "frobnicate"', '--help'],
    [['help', 'lls'], 'unknown command "lls"; did you mean ls?', '--help'],
    [['--versoin'], 'unknown option --versoin; did you mean --version?', '--help'],
    [['ls', '--jsn'], 'unknown option --jsn; did you mean --json?', 'ls --help'],
    [['ls', 'a', 'b'], 'unexpected argument "b"', 'ls --help'],
    [['ls', 'nowhere'], 'there is no directory ', 'ls --help'],
  ])('%j is told what is meant: %s', async (argv, message, help) => {
    const { code, stdout, stderr } = await place.runcast(argv);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`runcast: ${message}`);
    expect(stderr).toContain(`\nTry runcast ${help}\n`);
  });

  it('of the environment are told all at once', async () => {
    const { code, stderr } = await place.runcast(['ls'], { JSONL__ENABLED: 'perhaps', RUNCAST__RESUME: 'no' });
    expect(code).toBe(2);
    expect(stderr).toBe(
      'runcast: 2 configuration problems\n  RUNCAST__RESUME: expects never or allow or must, holds "no"\n  JSONL__ENABLED: expects true or false, holds "perhaps"\n',
    );
  });
});

it('says what went wrong where nobody foresaw it, and fails', async () => {
  const broken = {
    write: () => {
      throw new Error('the output is broken');
    },
  };
  const { code, stderr } = await place.runcast(['--version'], {}, { stdout: broken });
  expect([code, stderr]).toEqual([1, 'runcast: the output is broken\n']);
});

it('colours on a terminal only', async () => {
  let text = '';
  const terminal = { isTTY: true, write: (more: string) => (text += more) };
  await place.runcast(['--help'], {}, { stdout: terminal });
  expect(text).toContain('\u001B[1mUsage\u001B[22m');
  text = '';
  await place.runcast(['--help'], { NO_COLOR: '1' }, { stdout: terminal });
  expect(text).toContain('Usage\n');
});
