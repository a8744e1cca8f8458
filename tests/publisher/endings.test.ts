// Whatever ends a trainer, the files of its local sinks are complete to the last record, or are made so from the log.
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';

const HOSTS = ['worker', 'inline'] as const;
const STEPS = Array.from({ length: 300 }, (_, index) => index + 1);

function place(host: (typeof HOSTS)[number]): TrainingPlace {
  const made = makeTrainingPlace(host);
  onTestFinished(made.remove);
  return made;
}

function expectComplete(training: TrainingPlace, status: string): void {
  const rows = training.rows();
  expect(rows.map(({ seq }) => seq)).toEqual([0, ...STEPS, 301]);
  expect(rows.filter(({ kind }) => kind === 'step').map(({ step }) => step)).toEqual(STEPS);
  expect(rows.at(-1)).toMatchObject({ kind: 'close', status });
  expect(training.eventSteps()).toEqual(STEPS);
}

describe.each(HOSTS)('on the %s host', (host) => {
  test.each([
    ['close', 'finished', 0],
    ['exit-at-once', 'unknown', 0],
    ['exit-after-a-while', 'unknown', 0],
    ['exit-failing', 'failed', 3],
    ['exit-while-closing', 'finished', 0],
    ['exit-while-flushing', 'unknown', 0],
    ['throw', 'failed', 1],
    ['reject', 'failed', 1],
    ['natural', 'unknown', 0],
    ['unsettled', 'failed', 13],
    ['sigterm-handled', 'failed', 143],
    ['listener-throws', 'unknown', 0],
    ['listener-exits', 'unknown', 7],
    ['using', 'unknown', 0],
    ['with-success', 'finished', 0],
    ['with-failure', 'failed', 1],
  ])('%s: every record, and the run is %s', async (ending, status, code) => {
    const training = place(host);
    const ended = await training.start('ending.ts', [ending]).ended;
    expect(ended).toMatchObject({ code, signal: null });
    expectComplete(training, status);
  });

  test.each(['sigterm', 'sigkill'] as const)(
    '%s: the log has every record, and a later delivery each once',
    async (ending) => {
      const training = place(host);
      const ended = await training.start('ending.ts', [ending]).ended;
      expect(ended).toMatchObject({ code: null, signal: ending.toUpperCase() });
      expect(training.logged().map(({ seq }) => seq)).toEqual([0, ...STEPS]);
      for (let delivery = 0; delivery < 2; delivery += 1) {
        const delivered = await training.start('deliver.ts').ended;
        expect(delivered).toMatchObject({ code: 0, stderr: '' });
        expect(training.rows().map(({ seq }) => seq)).toEqual([0, ...STEPS]);
        expect(training.eventSteps()).toEqual(STEPS);
      }
    },
  );

  test('kill -9 in a flood of calls loses 31 records at most, and those that are left are delivered once', async () => {
    const training = place(host);
    await training.start('ending.ts', ['sigkill-in-a-flood']).ended;
    const logged = training.logged().map(({ seq }) => seq);
    expect(logged.length).toBeGreaterThanOrEqual(301 - 31);
    expect(await training.start('deliver.ts').ended).toMatchObject({ code: 0, stderr: '' });
    expect(training.rows().map(({ seq }) => seq)).toEqual(logged);
    expect(training.eventSteps()).toEqual(STEPS.slice(0, logged.length - 1));
  });
});
