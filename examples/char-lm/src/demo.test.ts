import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runDemo } from './demo.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'char-lm-demo-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** A training of a second, into the temporary directory. */
function environment(overrides: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return {
    RUNCAST__DIR: join(directory, 'runs'),
    RUNCAST__RUN_ID: 'whale',
    JSONL__ENABLED: 'true',
    JSONL__DIR: join(directory, 'runs', 'jsonl'),
    TENSORBOARD__ENABLED: 'true',
    TENSORBOARD__LOG_DIR: join(directory, 'tensorboard'),
    CHAR_LM__EPOCHS: '2',
    CHAR_LM__STEPS_PER_EPOCH: '20',
    CHAR_LM__BATCH_SIZE: '8',
    CHAR_LM__HIDDEN_UNITS: '8',
    CHAR_LM__BUCKET_BITS: '6',
    CHAR_LM__VALIDATION_POSITIONS: '100',
    ...overrides,
  };
}

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

async function run(
  env: Readonly<Record<string, string>>,
  signal: AbortSignal = new AbortController().signal,
): Promise<Outcome> {
  let output = '';
  const terminal = { write: (text: string) => (output += text) };
  const exitCode = await runDemo({ directory, environment: env, terminal, signal, now: () => 0 });
  return { exitCode, output };
}

function lastRow(): unknown {
  const rows = readFileSync(join(directory, 'runs', 'jsonl', 'whale.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  return JSON.parse(rows.at(-1) ?? '');
}

test('a run is trained, recorded everywhere and explained', async () => {
  const { exitCode, output } = await run(environment());
  expect(exitCode).toBe(0);
  expect(output).toMatch(/^Run whale, configured by the environment\n/u);
  expect(output).toContain('step 40/40');
  expect(output).toContain('training  ● held out');
  expect(output).toContain('The model writes: Call me Ishmael. ');
  const made = readdirSync(join(directory, 'tensorboard', 'whale'));
  const eventFiles = made.filter((name) => name.startsWith('events.out.tfevents.'));
  expect(eventFiles).toHaveLength(1);
  const [eventFile = ''] = eventFiles;
  expect(output).toContain('run directory  runs/whale\n');
  expect(output).toContain('JSONL          runs/jsonl/whale.jsonl\n');
  expect(output).toContain(`TensorBoard    tensorboard/whale/${eventFile}\n`);
  expect(output).toMatch(/tensorboard --logdir tensorboard\n$/u);
  expect(lastRow()).toMatchObject({ kind: 'close', status: 'finished' });
});

test('without sinks it trains all the same, and writes nothing', async () => {
  const { exitCode, output } = await run(environment({ JSONL__ENABLED: 'false', TENSORBOARD__ENABLED: 'false' }));
  expect(exitCode).toBe(0);
  expect(output).toMatch(/nothing was written: JSONL__ENABLED=true turns one on\.\n$/u);
  expect(readdirSync(directory)).toEqual([]);
});

test('with JSONL alone there is nothing to say of TensorBoard', async () => {
  const { output } = await run(environment({ TENSORBOARD__ENABLED: '' }));
  expect(output).toMatch(/JSONL {10}runs\/jsonl\/whale\.jsonl\n$/u);
});

test('event files may go to the working directory itself', async () => {
  const { output } = await run(environment({ JSONL__ENABLED: 'no', TENSORBOARD__LOG_DIR: directory }));
  expect(output).not.toContain('JSONL');
  expect(output).toContain('TensorBoard    whale/events.out.tfevents.');
  expect(output).toMatch(/tensorboard --logdir \.\n$/u);
});

test('an interrupted run ends as failed, with the exit code of Ctrl-C', async () => {
  const { exitCode, output } = await run(environment(), AbortSignal.abort());
  expect(exitCode).toBe(130);
  expect(output).toMatch(/Interrupted: the run ended as failed, and keeps what it logged\.\n$/u);
  expect(lastRow()).toMatchObject({ kind: 'close', status: 'failed' });
});

test('mistakes in the configuration are told before anything is made', async () => {
  const { exitCode, output } = await run(environment({ CHAR_LM__SEED: 'x', JSONL__LOG_EVERY_N_STEPS: '0' }));
  expect(exitCode).toBe(2);
  expect(output).toBe(
    [
      '2 configuration problems',
      '  CHAR_LM__SEED: expects an integer from 0 to 4294967295, holds "x"',
      '  JSONL__LOG_EVERY_N_STEPS: expects an integer from 1, holds "0"',
      '',
    ].join('\n'),
  );
  expect(existsSync(join(directory, 'runs'))).toBe(false);
});

test('a variable of the file counts, an unknown one is warned of', async () => {
  writeFileSync(join(directory, '.env'), 'CHAR_LM__EPOCHS=1\nCHAR_LM__ATTENTION_HEADS=8\n');
  const { output } = await run({ ...environment(), CHAR_LM__EPOCHS: '3' });
  expect(output).toMatch(/^CHAR_LM__ATTENTION_HEADS is not a variable/u);
  expect(output).toContain('configured by .env\n');
  expect(output).toContain('step 60/60');
});

test('what is no mistake of the configuration goes on to the caller', async () => {
  await run(environment());
  // The run exists, and RUNCAST__RESUME is `never`.
  await expect(run(environment())).rejects.toThrow('whale');
});
