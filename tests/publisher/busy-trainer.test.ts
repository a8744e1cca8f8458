// Live curves of a trainer that never yields: what it logs is in the files, seen from another process, while it is busy.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';

const BUSY_MS = 3000;

/** When the last row of a file that is still growing was logged, in Unix milliseconds; undefined where there is none yet. */
function lastRowTimeMs(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const time = /"time":([\d.]+)[^\n]*\n[^\n]*$/u.exec(readFileSync(file, 'utf8').slice(-400))?.[1];
  return time === undefined ? undefined : Number(time) * 1000;
}

function eventFileSize(training: TrainingPlace): number {
  const folder = path.join(training.root, 'tensorboard', 'run-1');
  const sizes = readdirSync(folder).map((name) => statSync(path.join(folder, name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

test('records reach both files within a second while the trainer is busy', async () => {
  const training = makeTrainingPlace('worker');
  onTestFinished(training.remove);
  const trainer = training.start('busy.ts', [String(BUSY_MS)]);
  await trainer.nextLine();
  const begun = Date.now();
  const jsonl = path.join(training.root, 'jsonl', 'run-1.jsonl');
  const lagsMs: number[] = [];
  const growths: boolean[] = [];
  let size = 0;
  // The trainer is looked at from outside, as a reader of its files does: at times, not at signals.
  while (Date.now() - begun < BUSY_MS - 500) {
    await delay(100);
    const last = lastRowTimeMs(jsonl);
    lagsMs.push(last === undefined ? Date.now() - begun : Date.now() - last);
    const newSize = eventFileSize(training);
    growths.push(newSize > size);
    size = newSize;
  }
  const steps = Number(await trainer.nextLine());
  expect(await trainer.ended).toMatchObject({ code: 0, stderr: '' });
  lagsMs.sort((left, right) => left - right);
  expect(Math.max(...lagsMs)).toBeLessThan(1000);
  expect(growths.filter((grew) => grew).length).toBeGreaterThan(growths.length / 2);
  expect(training.eventSteps()).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
  expect(training.rows().filter(({ kind }) => kind === 'step')).toHaveLength(steps);
});

test('records reach the files while the trainer is busy that has taken the run over', async () => {
  const training = makeTrainingPlace('worker');
  onTestFinished(training.remove);
  const owner = training.start('member.ts');
  await owner.nextLine();
  const context = path.join(training.root, 'runs', 'run-1', 'context.json');
  const busy = training.start('busy.ts', ['60000'], { RUNCAST__CONTEXT_FILE: context });
  await busy.nextLine();
  owner.process.kill('SIGKILL');
  await owner.ended;
  let isBusy = true;
  void busy.nextLine().then(() => {
    isBusy = false;
  });
  // The owner has logged none of these.
  const rowsOfBusy = (): number => training.rows().filter(({ step }) => Number(step) > 2000).length;
  await vi.waitFor(() => expect(rowsOfBusy()).toBeGreaterThan(0), { timeout: 50_000 });
  expect(isBusy).toBe(true);
  busy.process.kill('SIGKILL');
  await busy.ended;
});
