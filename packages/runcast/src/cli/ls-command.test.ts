import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

it('says so where there are no runs', async () => {
  expect(await place.runcast(['ls'])).toEqual({ code: 0, stdout: '', stderr: `no runs in ${place.path('runs')}\n` });
});

it('lists runs newest first, with how they stand and what is owed', async () => {
  await place.logRun({ id: 'older', project: 'demo', name: 'baseline' }, 1200, 'failed');
  await place.crashRun('newer', 3);
  const publisher = await place.openRun({ id: 'newest' });
  const { code, stdout, stderr } = await place.runcast(['ls'], { TENSORBOARD__ENABLED: '1' });
  await publisher.close();
  expect([code, stderr]).toEqual([0, '']);
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^RUN +PROJECT +NAME +STATUS +STARTED \(UTC\) +DURATION +RECORDS +STEP +SINKS$/u);
  expect(lines[1]).toMatch(/^newest +- +- +running +20\d\d-\S+ \S+ +[\d.]+ s +1 +- +jsonl .*, tensorboard 1 owed$/u);
  expect(lines[2]).toMatch(/^newer +- +- +crashed .* 4 +2 +jsonl .*, tensorboard 4 owed$/u);
  expect(lines[3]).toMatch(/^older +demo +baseline +failed .* 1,202 +1,199 +jsonl ok, tensorboard 1,202 owed$/u);
});

it('prints the same as JSON', async () => {
  await place.logRun({ id: 'run-1', project: 'demo' }, 3);
  await place.crashRun('run-2', 0);
  const { code, stdout } = await place.runcast(['ls', place.path('runs'), '--json']);
  expect(code).toBe(0);
  const printed: unknown = JSON.parse(stdout);
  expect(printed).toMatchObject({
    dir: place.path('runs'),
    runs: [
      { id: 'run-2', status: 'crashed', last_step: null, records: 1 },
      {
        id: 'run-1',
        path: place.path('runs', 'run-1'),
        project: 'demo',
        name: null,
        status: 'finished',
        records: 5,
        last_step: 2,
        sinks: [{ sink: 'jsonl', delivered: 5, owed: 0 }],
      },
    ],
  });
});

it('takes another directory, relative to where it is called', async () => {
  await place.logRun({ id: 'run-1' }, 1);
  expect((await place.runcast(['ls', 'runs'], { RUNCAST__DIR: 'elsewhere' })).stdout).toContain('run-1');
  expect((await place.runcast(['ls'], { RUNCAST__DIR: 'elsewhere' })).stdout).toBe('');
  writeFileSync(place.path('file'), '');
  expect((await place.runcast(['ls', 'file'])).code).toBe(2);
});
