// One run, several publishers: each writes a log of its own, one of them delivers for all.
import { createPublisher, publisherFromEnv } from 'runcast';
import { createMemorySink } from '@runcast/testing';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';

function place(host: 'worker' | 'inline'): TrainingPlace {
  const made = makeTrainingPlace(host);
  onTestFinished(made.remove);
  return made;
}

function stepsFrom(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** Steps in the rows of each writer, the longest list first. */
function stepsByWriter(training: TrainingPlace): readonly (readonly unknown[])[] {
  const steps = Map.groupBy(
    training.rows().filter(({ kind }) => kind === 'step'),
    ({ writer }) => writer,
  );
  return [...steps.values()]
    .map((rows) => rows.map(({ step }) => step))
    .toSorted((left, right) => right.length - left.length);
}

describe.each(['worker', 'inline'] as const)('on the %s host', (host) => {
  test('a second publisher of a run in one process joins, and the owner delivers both', async () => {
    const training = place(host);
    const owner = await publisherFromEnv({ env: training.env });
    const member = await publisherFromEnv({ env: training.env });
    expect(owner.health()).toMatchObject({ host });
    expect(member.health()).toMatchObject({
      host: 'none',
      hostReason: 'another publisher owns the run and delivers for all',
    });
    for (let step = 1; step <= 100; step += 1) {
      owner.logStep({ step, loss: 1 / step });
      if (step <= 50) member.logStep({ step: 1000 + step, loss: 1 / step });
    }
    await member.flush();
    expect(stepsByWriter(training)).toContainEqual(stepsFrom(1001, 50));
    expect(await member.close()).toMatchObject({ complete: true, undelivered: [] });
    expect(await owner.close()).toMatchObject({ complete: true });
    expect(stepsByWriter(training)).toEqual([stepsFrom(1, 100), stepsFrom(1001, 50)]);
    expect(training.eventSteps()).toHaveLength(150);
    const ends = training.rows().filter(({ kind }) => kind === 'close');
    expect(ends).toHaveLength(2);
    expect(ends.filter(({ final }) => final === true)).toHaveLength(1);
  });

  test('a subprocess finds the run by childEnv, and the owner delivers both', async () => {
    const training = place(host);
    const owner = await publisherFromEnv({ env: training.env });
    const child = training.start('member.ts', [], owner.childEnv);
    expect(await child.nextLine()).toBe('none');
    for (let step = 1; step <= 300; step += 1) owner.logStep({ step, loss: 1 / step });
    child.process.stdin?.end();
    expect(await child.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await owner.close()).toMatchObject({ complete: true });
    expect(stepsByWriter(training)).toEqual([stepsFrom(1, 300), stepsFrom(1001, 200)]);
    expect(training.eventSteps()).toHaveLength(500);
  });

  test('an owner that was killed is replaced by its member, each record once', async () => {
    const training = place(host);
    const owner = training.start('member.ts');
    expect(await owner.nextLine()).toBe(host);
    const context = path.join(training.root, 'runs', 'run-1', 'context.json');
    const member = training.start('member.ts', [], { RUNCAST__CONTEXT_FILE: context });
    expect(await member.nextLine()).toBe('none');
    owner.process.kill('SIGKILL');
    expect(await owner.ended).toMatchObject({ signal: 'SIGKILL' });
    member.process.stdin?.end();
    expect(JSON.parse((await member.ended).stdout.split('\n')[1] ?? '')).toEqual({ complete: true, host });
    expect(stepsByWriter(training)).toEqual([stepsFrom(1001, 200), stepsFrom(1001, 100)]);
    expect(training.eventSteps()).toHaveLength(300);
  });

  test('what a member logs after its owner has closed is delivered when it closes', async () => {
    const training = place(host);
    const owner = await publisherFromEnv({ env: training.env });
    const member = await publisherFromEnv({ env: { ...training.env, ...owner.childEnv } });
    owner.logStep({ step: 1, loss: 0.5 });
    await owner.close();
    member.logStep({ step: 1001, loss: 0.5 });
    expect(await member.close()).toMatchObject({ complete: true, health: { host } });
    expect(training.eventSteps().toSorted((left, right) => left - right)).toEqual([1, 1001]);
    expect(training.rows().filter(({ kind }) => kind === 'close')).toHaveLength(2);
  });
});

test('a publisher with sinks that are objects is in-line, and says why', async () => {
  const training = place('inline');
  const sink = createMemorySink();
  const publisher = await createPublisher({ sinks: [sink], dir: path.join(training.root, 'runs') });
  expect(publisher.health()).toMatchObject({
    host: 'inline',
    hostReason: 'sinks passed as objects cannot go into a worker',
  });
  await publisher.close({ status: 'failed' });
  expect(sink.records().map(({ kind }) => kind)).toEqual(['open', 'close']);
});
