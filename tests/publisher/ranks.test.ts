// Several processes of one launcher: rank 0 owns the run, others log to it or are silent. And the usual way in, as a call.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, publisherFromEnv, withPublisher } from 'runcast';
import { expect, onTestFinished, test } from 'vitest';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';

function place(): TrainingPlace {
  const made = makeTrainingPlace('inline');
  onTestFinished(made.remove);
  return made;
}

test('a rank above 0 that starts first waits for rank 0 and joins its run', async () => {
  const training = place();
  const joining = publisherFromEnv({ env: { ...training.env, RANK: '1' } });
  const owner = await publisherFromEnv({ env: { ...training.env, RANK: '0' } });
  const member = await joining;
  expect([owner.health().host, member.health().host]).toEqual(['inline', 'none']);
  member.logStep({ step: 1, loss: 0.5 });
  await member.close();
  await owner.close();
  expect(training.eventSteps()).toEqual([1]);
});

test('a rank above 0 is silent where it is told to be', async () => {
  const training = place();
  const publisher = await publisherFromEnv({ env: { ...training.env, RANK: '3', RUNCAST__RANKS: 'zero' } });
  publisher.logStep({ step: 1, loss: 0.5 });
  expect(await publisher.close()).toMatchObject({ complete: true, health: { host: 'none' } });
  expect(readdirSync(training.root)).toEqual([]);
});

test('ranks that are not told which run is theirs are an error', async () => {
  const training = place();
  const opening = publisherFromEnv({ env: { ...training.env, RANK: '1', RUNCAST__RUN_ID: '' } });
  await expect(opening).rejects.toThrow(ConfigError);
  await expect(opening).rejects.toThrow('RUNCAST__RUN_ID');
});

test('withPublisher returns what its body does and ends the run as finished', async () => {
  const training = place();
  const id = await withPublisher({ env: training.env, run: { project: 'demo' } }, ({ run }) => run.id);
  expect(id).toBe('run-1');
  expect(training.rows().at(-1)).toMatchObject({ kind: 'close', status: 'finished' });
});

test('withPublisher ends the run as failed, and the error of its body goes on as it is', async () => {
  const training = place();
  const mistake = new Error('diverged');
  const working = withPublisher({ env: training.env }, () => Promise.reject(mistake));
  await expect(working).rejects.toBe(mistake);
  expect(training.rows().at(-1)).toMatchObject({ kind: 'close', status: 'failed' });
});

test('the next start in a directory says which runs are undelivered', async () => {
  const training = place();
  const killed = await training.start('ending.ts', ['sigkill']).ended;
  expect(killed.signal).toBe('SIGKILL');
  const ended = await training.start('ending.ts', ['close'], { RUNCAST__RUN_ID: 'run-2' }).ended;
  expect(ended).toMatchObject({ code: 0 });
  const dir = path.join(training.root, 'runs');
  expect(ended.stderr).toContain(`1 run in ${dir} is undelivered (run-1); deliver with: npx runcast sync run-1`);
});
