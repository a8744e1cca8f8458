// `runcast` as users start it: a process of its own, on run directories that other processes have left.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

const bin = join(import.meta.dirname, '..', '..', 'packages', 'runcast', 'src', 'bin.ts');
const trainer = join(import.meta.dirname, 'fixtures', 'trainer.ts');

let dir = '';
const started: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'runcast-command-'));
});

afterEach(async () => {
  for (const child of started.splice(0)) await kill(child);
  rmSync(dir, { recursive: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Killed where it has not come to its end by then. */
const DEADLINE_MS = 90_000;

function run(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Output> {
  const options = {
    cwd: dir,
    env: { PATH: process.env['PATH'], ...env },
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  } as const;
  return new Promise((resolve) => {
    const argv = ['--conditions=runcast-source', file, ...args];
    const child = execFile(process.execPath, argv, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

function runcast(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Output> {
  return run(bin, args, env);
}

/** A trainer that has logged its steps and goes on. */
async function startTrainer(id: string, steps: number): Promise<ChildProcess> {
  const argv = ['--conditions=runcast-source', trainer, dir, id, '0', String(steps), 'never'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  await once(child.stdout, 'data');
  return child;
}

function filesBelow(folder: string): Readonly<Record<string, string>> {
  const entries = readdirSync(join(dir, folder), { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(paths.map((path) => [path, readFileSync(path, 'latin1')]));
}

function rows(folder: string, id: string): readonly unknown[] {
  const lines = readFileSync(join(dir, folder, `${id}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line): unknown => JSON.parse(line));
}

/** Rows of the steps from `first` to `last`, each once. */
function stepRows(first: number, last: number): readonly unknown[] {
  const steps = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return steps.map((step): unknown => expect.objectContaining({ kind: 'step', step }));
}

const listing = z.object({ runs: z.array(z.looseObject({ last_step: z.int() })) });

const checking = z.object({
  checks: z.array(z.object({ check: z.string(), status: z.string(), finding: z.string() })),
});

function readChecks(json: string): z.infer<typeof checking> {
  return checking.parse(JSON.parse(json));
}

function readListing(json: string): z.infer<typeof listing> {
  return listing.parse(JSON.parse(json));
}

describe('a finished run', () => {
  it('goes to a TensorBoard that was not on at the time; a second sync leaves the same bytes', async () => {
    await run(trainer, [dir, 'run-1', '0', '500', 'finished']);
    const env = { TENSORBOARD__LOG_DIR: 'events' };
    const first = await runcast(['sync', 'run-1', '--to', 'tensorboard'], env);
    // 50 of 500 steps, the opening and the end.
    expect(first).toEqual({ code: 0, stdout: 'run-1: tensorboard took 52 records\n', stderr: '' });
    const written = filesBelow('events');
    expect(Object.keys(written).filter((path) => path.includes('tfevents'))).toHaveLength(1);
    const second = await runcast(['sync', 'run-1', '--to', 'tensorboard'], env);
    expect(second.stdout).toBe('run-1: tensorboard is up to date\n');
    expect(filesBelow('events')).toEqual(written);
  });

  it('that was resumed arrives in the order it was logged, without steps that go back', async () => {
    for (const first of ['0', '5', '10', '15']) await run(trainer, [dir, 'run-1', first, '5', 'finished']);
    const env = { TENSORBOARD__LOG_DIR: 'events', TENSORBOARD__LOG_EVERY_N_STEPS: '1' };
    expect((await runcast(['sync', 'run-1', '--to', 'tensorboard'], env)).code).toBe(0);
    const entries = readdirSync(join(dir, 'events', 'run-1'), { withFileTypes: true });
    // A step that goes back would begin a sub-run.
    expect(entries.filter((entry) => entry.isDirectory())).toEqual([]);
    rmSync(join(dir, 'rows'), { recursive: true });
    expect((await runcast(['sync', 'run-1', '--to', 'jsonl'], { JSONL__DIR: 'later' })).code).toBe(0);
    const open: unknown = expect.objectContaining({ kind: 'open' });
    const close: unknown = expect.objectContaining({ kind: 'close' });
    const part = (first: number): readonly unknown[] => [open, ...stepRows(first, first + 4), close];
    expect(rows('later', 'run-1')).toEqual([...part(0), ...part(5), ...part(10), ...part(15)]);
  });
});

describe('a trainer killed in the middle', () => {
  it('leaves a run whose every record is delivered once', async () => {
    const child = await startTrainer('run-1', 20_000);
    await kill(child);
    const { runs } = readListing((await runcast(['ls', '--json'])).stdout);
    expect(runs).toMatchObject([{ id: 'run-1', status: 'crashed' }]);
    const last = runs[0]?.last_step ?? 0;
    expect(last).toBeGreaterThan(19_900);
    const { code } = await runcast(['sync', 'run-1'], { JSONL__ENABLED: 'true', JSONL__DIR: 'rows' });
    expect(code).toBe(0);
    expect(rows('rows', 'run-1')).toEqual([expect.objectContaining({ kind: 'open' }), ...stepRows(0, last)]);
    const written = filesBelow('rows');
    await runcast(['sync', 'run-1', '--to', 'jsonl'], { JSONL__DIR: 'rows' });
    expect(filesBelow('rows')).toEqual(written);
    const after = readListing((await runcast(['ls', '--json'])).stdout);
    expect(after.runs).toMatchObject([{ sinks: [{ sink: 'jsonl', delivered: last + 2, owed: 0 }] }]);
  });
});

describe('a run that a living process owns', () => {
  it('is left to it', async () => {
    const child = await startTrainer('run-1', 3);
    const { code, stderr } = await runcast(['sync', 'run-1', '--to', 'jsonl'], { JSONL__DIR: 'rows' });
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^run-1: process ${child.pid} on .* is still logging this run`, 'u'));
    expect((await runcast(['ls'])).stdout).toMatch(/^run-1 +demo +- +running/mu);
  });
});

describe('where the kernel lets nobody make a directory', () => {
  // Below /proc a directory that is missing cannot be made, and the kernel says that one above it is missing.
  const nowhere = '/proc/runcast/made';

  it('the doctor says so of every directory', async () => {
    const { code, stdout } = await runcast(['doctor', '--json'], {
      RUNCAST__DIR: nowhere,
      JSONL__ENABLED: 'true',
      JSONL__DIR: nowhere,
      TENSORBOARD__ENABLED: 'true',
      TENSORBOARD__LOG_DIR: nowhere,
      WANDB__ENABLED: 'true',
      WANDB__MODE: 'offline',
      WANDB_DIR: nowhere,
    });
    expect(code).toBe(1);
    const { checks } = readChecks(stdout);
    const failed = checks.filter(({ status }) => status === 'fail');
    expect(failed.map(({ check }) => check)).toEqual(['run directory', 'jsonl', 'tensorboard', 'wandb']);
    for (const { finding } of failed)
      expect(finding).toContain("ENOENT: no such file or directory, mkdir '/proc/runcast'");
  });

  it('an export, an import and a relay end with the reason', async () => {
    await run(trainer, [dir, 'run-1', '0', '5', 'finished']);
    await runcast(['export', 'run-1', '--format', 'tensorboard', '--output', 'events']);
    for (const args of [
      ['export', 'run-1', '--format', 'tensorboard', '--output', nowhere],
      ['import', 'tensorboard', 'events', '--dir', nowhere],
      ['relay', '--from', 'redis', '--group', 'near', '--dir', nowhere],
    ]) {
      const { code, stderr } = await runcast(args);
      expect(code).toBeGreaterThan(0);
      expect(stderr).toContain("ENOENT: no such file or directory, mkdir '/proc/runcast'");
    }
  });
});

describe('the process', () => {
  it('prints JSON that can be parsed, and exits as each command ends', async () => {
    const doctor = await runcast(['doctor', '--json'], { JSONL__ENABLED: '1' });
    expect(JSON.parse(doctor.stdout)).toMatchObject({ ok: true });
    expect([doctor.code, doctor.stderr]).toEqual([0, '']);
    expect(readdirSync(dir)).toEqual([]);
    const env = await runcast(['env', '--json'], { JSONL__ENABLED: 'perhaps' });
    expect(JSON.parse(env.stdout)).toMatchObject({ problems: [{ variable: 'JSONL__ENABLED' }] });
    expect(env.code).toBe(1);
    expect((await runcast(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/u);
    expect((await runcast(['sync', 'run-1', '--too', 'x'])).code).toBe(2);
  });

  it('ends quietly when nobody reads its output any more', async () => {
    const argv = ['--conditions=runcast-source', bin, 'env'];
    const child = spawn(process.execPath, argv, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (text) => (stderr += String(text)));
    child.stdout.destroy();
    const ended: unknown = await once(child, 'close');
    expect([ended, stderr]).toEqual([[0, null], '']);
  });
});
