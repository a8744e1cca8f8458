// What is wrong before training starts is said when opening, all at once, and leaves nothing behind.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, createPublisher, publisherFromEnv, RunOpenError, SinkOpenError, type SinkContext } from 'runcast';
import { createMemorySink } from '@runcast/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';

function place(host: 'worker' | 'inline' = 'inline'): TrainingPlace {
  const made = makeTrainingPlace(host);
  onTestFinished(made.remove);
  return made;
}

async function failureOf(opening: Promise<unknown>): Promise<Error> {
  const outcome = await opening.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof Error) return outcome;
  throw new TypeError('it was opened');
}

/** As a caller without a type checker opens a publisher. */
function openUntyped(options: object): Promise<unknown> {
  const open: (options: never) => Promise<unknown> = createPublisher;
  return Promise.resolve(Reflect.apply(open, undefined, [options]));
}

test('a run that others have opened and ended since it was looked for is not gone on with', async () => {
  const training = place();
  const dir = path.join(training.root, 'runs');
  const logs = path.join(dir, 'run-1', 'log');
  // As another process leaves it that opened the run in the same moment, and was first.
  mkdirSync(logs, { recursive: true });
  writeFileSync(path.join(logs, 'other.jsonl'), '');
  const sinks = [createMemorySink()];
  const failure = await failureOf(createPublisher({ run: { id: 'run-1' }, dir, sinks }));
  expect(failure).toBeInstanceOf(RunOpenError);
  expect(failure.message).toContain('exists already');
  expect(readdirSync(logs)).toEqual(['other.jsonl']);
});

test('a log that cannot be made is one error, and leaves nothing behind', async () => {
  const training = place();
  const dir = path.join(training.root, 'runs');
  // The sink is opened before the log is: it takes the log's directory away.
  const sink = createMemorySink();
  const sabotage = {
    ...sink,
    open: (context: SinkContext): void => {
      rmSync(path.join(context.runDirectory, 'log'), { recursive: true });
      sink.open(context);
    },
  };
  const failure = await failureOf(createPublisher({ run: { id: 'run-1' }, dir, sinks: [sabotage] }));
  expect(failure).toBeInstanceOf(RunOpenError);
  expect(failure.message).toMatch(/^the log of the run cannot be made in .*ENOENT.*; set RUNCAST__DIR/u);
  expect(readdirSync(dir)).toEqual([]);
  expect(sink.calls.at(-1)?.method).toBe('close');
});

test.each([
  ['../x', 'holds a slash'],
  ['', 'is empty'],
  ['x'.repeat(300), '300 bytes long'],
  ['nul\0byte', 'control character'],
  ['a/b', 'holds a slash'],
  ['..', 'holds ".."'],
  ['con', 'reserved'],
  ['jsonl', 'reserved'],
])('the run id %j is refused: %s', async (id, problem) => {
  const training = place();
  const failure = await failureOf(publisherFromEnv({ env: training.env, run: { id } }));
  expect(failure).toBeInstanceOf(ConfigError);
  expect(failure.message).toContain(problem);
  expect(readdirSync(training.root)).toEqual([]);
});

test('six mistakes in an environment are one error that names them all', async () => {
  const training = place();
  const failure = await failureOf(
    publisherFromEnv({
      env: {
        ...training.env,
        RUNCAST__HOST: 'thread',
        RUNCAST__RESUME: 'maybe',
        RUNCAST__CLOSE_TIMEOUT_SECS: 'soon',
        JSONL__ENABLED: 'perhaps',
        TENSORBOARD__FLUSH_SECS: '-1',
        TENSORBOARD__LOG_EVERY_N_STEP: '3',
      },
    }),
  );
  expect(failure).toBeInstanceOf(ConfigError);
  expect(failure.message).toMatch(/^6 configuration problems/u);
  for (const variable of ['HOST', 'RESUME', 'CLOSE_TIMEOUT_SECS'])
    expect(failure.message).toContain(`RUNCAST__${variable}`);
  expect(failure.message).toContain('JSONL__ENABLED');
  expect(failure.message).toContain('TENSORBOARD__FLUSH_SECS');
  expect(failure.message).toContain('TENSORBOARD__LOG_EVERY_N_STEP');
  expect(readdirSync(training.root)).toEqual([]);
});

describe.each(['worker', 'inline'] as const)('on the %s host', (host) => {
  test.each([
    ['RUNCAST__DIR', RunOpenError],
    ['JSONL__DIR', SinkOpenError],
    ['TENSORBOARD__LOG_DIR', SinkOpenError],
  ])('%s that is a file is a clear error, and the run can be opened once it is put right', async (variable, kind) => {
    const training = place(host);
    const file = path.join(training.root, 'a-file');
    writeFileSync(file, 'mine');
    const failure = await failureOf(publisherFromEnv({ env: { ...training.env, [variable]: file } }));
    expect(failure).toBeInstanceOf(kind);
    expect(failure.message).toContain(variable);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    const runs = path.join(training.root, 'runs');
    expect(existsSync(runs) ? readdirSync(runs) : []).toEqual([]);
    const publisher = await publisherFromEnv({ env: training.env });
    expect(await publisher.close()).toMatchObject({ complete: true });
  });
});

// Below /proc a directory that is missing cannot be made, and the kernel says that one above it is missing.
test.each(['RUNCAST__DIR', 'JSONL__DIR', 'TENSORBOARD__LOG_DIR', 'WANDB_DIR'])(
  '%s where nobody can make a directory is a clear error at once',
  async (variable) => {
    const training = place();
    const offline = { WANDB__ENABLED: 'true', WANDB__MODE: 'offline', WANDB_DIR: training.root };
    const trainer = training.start('ending.ts', ['close'], { ...offline, [variable]: '/proc/runcast/made' });
    const deadline = setTimeout(() => trainer.process.kill('SIGKILL'), 90_000);
    const { code, stderr } = await trainer.ended;
    clearTimeout(deadline);
    expect(code).toBe(1);
    expect(stderr).toContain(variable);
    expect(stderr).toContain("ENOENT: no such file or directory, mkdir '/proc/runcast'");
  },
);

test('a directory that was there before is not removed with the run that cannot be opened in it', async () => {
  const training = place();
  const mine = path.join(training.root, 'runs', 'run-1');
  mkdirSync(mine, { recursive: true });
  writeFileSync(path.join(mine, 'thesis.tex'), 'years of work');
  await failureOf(publisherFromEnv({ env: { ...training.env, JSONL__DIR: '/dev/null/no' } }));
  expect(readFileSync(path.join(mine, 'thesis.tex'), 'utf8')).toBe('years of work');
});

test('a run whose sinks cannot be opened when it is resumed is left as it was', async () => {
  const training = place();
  const first = await publisherFromEnv({ env: training.env });
  first.logStep({ step: 1, loss: 0.5 });
  await first.close();
  const before = training.logged();
  const env = { ...training.env, RUNCAST__RESUME: 'allow', JSONL__DIR: '/dev/null/no' };
  expect(await failureOf(publisherFromEnv({ env }))).toBeInstanceOf(SinkOpenError);
  expect(training.logged()).toEqual(before);
  const again = await publisherFromEnv({ env: { ...training.env, RUNCAST__RESUME: 'must' } });
  expect(await again.close()).toMatchObject({ complete: true });
});

test('a circular configuration is refused by its path', async () => {
  const config: Record<string, unknown> = { deep: {} };
  config['deep'] = { itself: config };
  const sinks = [createMemorySink()];
  const dir = path.join(place().root, 'runs');
  const failure = await failureOf(openUntyped({ run: { config }, sinks, dir }));
  expect(failure).toBeInstanceOf(ConfigError);
  expect(failure.message).toContain('$.deep.itself is circular');
  expect(existsSync(dir)).toBe(false);
});

test('names and tags that are no text are refused together', async () => {
  const dir = path.join(place().root, 'runs');
  const run = { name: 7, notes: {}, tags: 'lm' };
  const failure = await failureOf(openUntyped({ run, sinks: [createMemorySink()], dir }));
  expect(failure).toBeInstanceOf(ConfigError);
  expect(failure.message).toMatch(/^3 configuration problems/u);
  for (const field of ['run.name', 'run.notes', 'run.tags']) expect(failure.message).toContain(field);
});

test('sinks of one name and of an unusable name are refused', async () => {
  const sinks = [createMemorySink(), createMemorySink(), createMemorySink({ name: '../up' })];
  const failure = await failureOf(createPublisher({ sinks, run: { resumeStep: -1 } }));
  expect(failure.message).toContain('two sinks named "memory"');
  expect(failure.message).toContain('a sink named "../up"');
  expect(failure.message).toContain('run.resumeStep');
});

test('resume: never refuses a run that exists, must one that does not, allow takes both', async () => {
  const training = place();
  const env = (resume: string): Readonly<Record<string, string>> => ({ ...training.env, RUNCAST__RESUME: resume });
  expect((await failureOf(publisherFromEnv({ env: env('must') }))).message).toContain('does not exist');
  await (await publisherFromEnv({ env: env('allow') })).close();
  expect((await failureOf(publisherFromEnv({ env: env('never') }))).message).toContain('exists already');
  const publisher = await publisherFromEnv({ env: env('must') });
  publisher.logStep({ step: 1, loss: 0.5 });
  await publisher.close();
  const opens = training.rows().filter(({ kind }) => kind === 'open');
  expect(opens).toHaveLength(2);
  expect(opens[1]).toMatchObject({ resumed: true });
  expect(training.eventSteps()).toEqual([1]);
});

test('with nothing on no file is touched, and calls are checked all the same', async () => {
  const training = place();
  const env = { ...training.env, JSONL__ENABLED: 'false', TENSORBOARD__ENABLED: '' };
  const publisher = await publisherFromEnv({ env });
  const rejected: unknown[] = [];
  publisher.on('rejected', (rejection) => rejected.push(rejection));
  publisher.logStep({ step: 1, loss: 0.5 });
  publisher.logStep({ step: 0.5, loss: 0.5 });
  publisher.logText('samples', 'text');
  await publisher.flush();
  expect(publisher.health()).toMatchObject({ host: 'none', hostReason: 'no sink is on', rejected: 1, sinks: {} });
  expect(publisher).toMatchObject({ contextFile: undefined, childEnv: {} });
  expect(await publisher.close()).toMatchObject({ complete: true, undelivered: [], notices: [] });
  expect(rejected).toMatchObject([{ call: 'logStep', key: 'step' }]);
  expect(readdirSync(training.root)).toEqual([]);
});
