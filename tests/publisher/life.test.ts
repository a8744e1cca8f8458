// The life of an open publisher, with real files: odd values, flush, close, events, health, and what is left when it is over.
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import {
  createPublisher,
  publisherFromEnv,
  UndeliveredError,
  type CloseReport,
  type MetricsPublisher,
  type Rejection,
  type SinkErrorEvent,
} from 'runcast';
import { createMemorySink, createScriptedSink, failing, terminal } from '@runcast/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';

const HOSTS = ['worker', 'inline'] as const;

function place(host: (typeof HOSTS)[number]): TrainingPlace {
  const made = makeTrainingPlace(host);
  onTestFinished(made.remove);
  return made;
}

/** What `work` rejects with. */
async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** As a caller without a type checker calls. */
function callUntyped(publisher: MetricsPublisher, name: 'logStep', ...args: readonly unknown[]): void {
  Reflect.apply(publisher[name], publisher, [...args]);
}

describe.each(HOSTS)('on the %s host', (host) => {
  test('losses that are no numbers any more reach every sink', async () => {
    const training = place(host);
    const publisher = await publisherFromEnv({ env: training.env });
    for (const [index, loss] of [NaN, Infinity, -Infinity, 1e308, 0].entries())
      publisher.logStep({ step: index + 1, loss });
    expect(await publisher.close()).toMatchObject({ complete: true });
    const steps = training.rows().filter(({ kind }) => kind === 'step');
    expect(steps.map((row) => row['train/loss'])).toEqual(['NaN', 'Infinity', '-Infinity', 1e308, 0]);
    expect(training.eventSteps()).toEqual([1, 2, 3, 4, 5]);
  });

  test('values that cannot be recorded are told once a key, counted, and spoil nothing', async () => {
    const training = place(host);
    const publisher = await publisherFromEnv({ env: training.env });
    const rejected: Rejection[] = [];
    publisher.on('rejected', (rejection) => rejected.push(rejection));
    for (const step of [0.5, -1, NaN, 2 ** 53]) publisher.logStep({ step, loss: 0.5 });
    for (const loss of ['0.5', '0.4']) callUntyped(publisher, 'logStep', { step: 1, loss });
    callUntyped(publisher, 'logStep', undefined);
    for (const step of [5, 5, 3, 7]) publisher.logStep({ step, loss: 0.5 });
    expect(publisher.health()).toMatchObject({ rejected: 7 });
    expect(await publisher.close()).toMatchObject({ complete: true });
    expect(rejected.map(({ call, key }) => `${call} ${key}`)).toEqual(['logStep step', 'logStep loss']);
    const steps = training.rows().filter(({ kind }) => kind === 'step');
    expect(steps.map(({ step }) => step)).toEqual([5, 5, 3, 7]);
  });

  test('a text of ten megabytes is delivered', async () => {
    const training = place(host);
    const publisher = await publisherFromEnv({ env: training.env });
    publisher.logText('samples', 'é'.repeat(5 * 1024 * 1024), { step: 1 });
    publisher.logStep({ step: 1, loss: 0.5 });
    expect(await publisher.close()).toMatchObject({ complete: true });
    expect(training.rows().map(({ kind }) => kind)).toEqual(['open', 'text', 'step', 'close']);
    expect(training.eventSteps()).toEqual([1]);
  });

  test('after a flush everything is in the files', async () => {
    const training = place(host);
    const publisher = await publisherFromEnv({ env: training.env });
    for (let step = 1; step <= 500; step += 1) publisher.logStep({ step, loss: 1 / step });
    await publisher.flush();
    expect(training.rows()).toHaveLength(501);
    expect(training.eventSteps()).toHaveLength(500);
    expect(publisher.health()).toMatchObject({
      host,
      log: { records: 501, pendingBytes: 0, dropped: 0 },
      sinks: { jsonl: { state: 'delivering', delivered: 501, lagRecords: 0 } },
    });
    await publisher.close();
    expect(training.rows()).toHaveLength(502);
  });

  test('a sink whose directory vanishes does not disturb training or the other sink', async () => {
    const training = place(host);
    const publisher = await publisherFromEnv({ env: training.env });
    publisher.logStep({ step: 1, loss: 0.5 });
    await publisher.flush();
    rmSync(path.join(training.root, 'jsonl'), { recursive: true });
    publisher.logStep({ step: 2, loss: 0.5 });
    await publisher.close();
    expect(training.eventSteps()).toEqual([1, 2]);
  });

  test('close is idempotent, reports, and afterwards calls are rejected', async () => {
    const training = place(host);
    const publisher = await publisherFromEnv({ env: training.env });
    const closed: CloseReport[] = [];
    publisher.once('closed', (report) => closed.push(report));
    publisher.logStep({ step: 1, loss: 0.5 });
    const [first, second] = await Promise.all([publisher.close({ status: 'failed' }), publisher.close()]);
    expect(second).toBe(first);
    expect(closed).toEqual([first]);
    expect(first).toMatchObject({
      status: 'failed',
      complete: true,
      undelivered: [],
      notices: [],
      health: { sinks: { jsonl: { state: 'closed', delivered: 3, lagRecords: 0 }, tensorboard: { lagBytes: 0 } } },
    });
    publisher.logStep({ step: 2, loss: 0.5 });
    expect(publisher.health().rejected).toBe(1);
    await publisher.flush();
    expect(training.rows()).toHaveLength(3);
  });

  test('a sink that got no step because of its LOG_EVERY_N_STEPS is named at close', async () => {
    const training = place(host);
    const env = { ...training.env, TENSORBOARD__LOG_EVERY_N_STEPS: '10' };
    const publisher = await publisherFromEnv({ env });
    for (let step = 1; step <= 9; step += 1) publisher.logStep({ step, loss: 0.5 });
    expect((await publisher.close()).notices).toEqual([
      "tensorboard got none of the run's 9 steps: its LOG_EVERY_N_STEPS is greater than that",
    ]);
  });

  test('logs are removed where they are to be kept until delivered only, and all is', async () => {
    const training = place(host);
    const env = { ...training.env, RUNCAST__KEEP_LOG: 'until-delivered' };
    const owner = await publisherFromEnv({ env });
    const member = await publisherFromEnv({ env: { ...env, ...owner.childEnv } });
    owner.logStep({ step: 1, loss: 0.5 });
    expect(await owner.close()).toMatchObject({ complete: true });
    // The member goes on: its log is still needed.
    expect(training.logged().map(({ kind }) => kind)).toEqual(['open']);
    member.logStep({ step: 2, loss: 0.5 });
    expect(await member.close()).toMatchObject({ complete: true });
    expect(training.logged()).toEqual([]);
    expect(training.eventSteps()).toEqual([1, 2]);
  });
});

test('flush names the sinks that what was logged is not durable in', async () => {
  const training = place('inline');
  const down = createScriptedSink({ answers: failing(1000), memory: createMemorySink({ name: 'down' }) });
  const refused = createScriptedSink({ answers: [terminal()], memory: createMemorySink({ name: 'refused' }) });
  const dir = path.join(training.root, 'runs');
  const publisher = await createPublisher({ sinks: [down, refused, createMemorySink()], dir });
  const errors: SinkErrorEvent[] = [];
  publisher.on('sinkError', (event) => errors.push(event));
  publisher.logStep({ step: 1, loss: 0.5 });
  const failure = await failureOf(publisher.flush({ timeoutMs: 300 }));
  expect(failure).toBeInstanceOf(AggregateError);
  if (!(failure instanceof AggregateError)) return;
  expect(failure.errors).toMatchObject([
    { sink: 'down', owedRecords: 2, code: 'RUNCAST_UNDELIVERED' },
    { sink: 'refused', owedRecords: 2 },
  ]);
  expect(failure.errors[0]).toBeInstanceOf(UndeliveredError);
  expect(failure.message).toContain('the backend is down');
  expect(errors.map(({ sink, terminal }) => `${sink} ${terminal}`).toSorted()).toEqual(['down false', 'refused true']);
  const told: string[] = [];
  publisher.on('undelivered', ({ sink, records, command }) => told.push(`${sink} ${records} ${command}`));
  const report = await publisher.close({ timeoutMs: 100 });
  expect(report).toMatchObject({ complete: false, undelivered: [{ sink: 'down', records: 3 }, { sink: 'refused' }] });
  expect(told[0]).toBe(`down 3 npx runcast sync ${dir}/${publisher.run.id} --to down`);
  expect(report.health.sinks['down']).toMatchObject({ lagRecords: 3 });
  expect(await failureOf(publisher.flush())).toBeInstanceOf(AggregateError);
});

test('flush ends when its signal does, and starts with none that has', async () => {
  const training = place('inline');
  const sink = createScriptedSink({ answers: ['hang'] });
  const publisher = await createPublisher({ sinks: [sink], dir: path.join(training.root, 'runs') });
  publisher.logStep({ step: 1, loss: 0.5 });
  const reason = new Error('enough');
  expect(await failureOf(publisher.flush({ signal: AbortSignal.abort(reason) }))).toBe(reason);
  const controller = new AbortController();
  const flushing = failureOf(publisher.flush({ signal: controller.signal, timeoutMs: Infinity }));
  await sink.hanging();
  controller.abort(reason);
  expect(await flushing).toBe(reason);
  sink.release();
  await publisher.flush({ signal: new AbortController().signal, timeoutMs: Infinity });
  expect(await publisher.close({ timeoutMs: NaN })).toMatchObject({ status: 'finished', complete: true });
});

test('a listener that throws does not reach the trainer', async () => {
  const training = place('inline');
  const publisher = await publisherFromEnv({ env: training.env });
  const listener = (): never => {
    throw new Error('a mistake in the application');
  };
  publisher.on('rejected', listener);
  publisher.logStep({ step: 0.5, loss: 1 });
  publisher.off('rejected', listener);
  await publisher.close();
  expect(publisher.health().rejected).toBe(1);
});

test('two hundred publishers opened and closed in one process leave nothing open', async () => {
  const training = place('worker');
  const output = execFileSync(
    process.execPath,
    [
      '--conditions=runcast-source',
      '--disable-warning=ExperimentalWarning',
      path.join(import.meta.dirname, 'fixtures', 'leaks.ts'),
    ],
    { env: { ...process.env, NODE_OPTIONS: '', ...training.env }, encoding: 'utf8' },
  );
  const found: unknown = JSON.parse(output);
  expect(found).toEqual({ descriptors: 0, timers: 0, workers: 0, ports: 0, exitListeners: 0, warnings: 0 });
  expect(readdirSync(path.join(training.root, 'jsonl'))).toHaveLength(202);
});
