// A TensorBoard that is open while a trainer is killed and taken up again: what it has read by then stays, what is written
// anew goes on from there, and at the end it has the curve that a TensorBoard started afterwards has.
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';
import {
  missingTensorboard,
  READERS,
  startTensorboard,
  type Point,
  type Reader,
  type TensorboardServer,
} from './tensorboard-server.ts';

const LIVES = 4;
/** Points that each life adds, as TensorBoard sees it, before it is killed. */
const POINTS_A_LIFE = 150;

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

/** The greatest step in the run's logs; the last line of one may be torn. */
function lastLoggedStep(place: TrainingPlace): number {
  const folder = path.join(place.root, 'runs', 'run-1', 'log');
  const texts = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
  const steps = texts.flatMap((text) => [...text.matchAll(/"kind":"step".*"step":(\d+),.*\}\n/gu)]);
  return Math.max(0, ...steps.map(([, step]) => Number(step)));
}

async function open(place: TrainingPlace, reader: Reader): Promise<TensorboardServer> {
  const server = await startTensorboard(path.join(place.root, 'tensorboard'), reader);
  ending.push(() => server.stop());
  return server;
}

function lossOf(server: TensorboardServer): Promise<readonly Point[]> {
  // There is no such run at first.
  return server.scalars('run-1', 'train/loss').catch(() => []);
}

describe.skipIf(missingTensorboard !== undefined).each(READERS)('TensorBoard, %s reader', (reader) => {
  it('has each point once when a trainer that was killed three times has come to its end', async () => {
    const place = makeTrainingPlace('worker');
    ending.push(() => place.remove());
    mkdirSync(path.join(place.root, 'tensorboard'));
    const server = await open(place, reader);
    for (let life = 1; life < LIVES; life += 1) {
      const first = life === 1 ? 1 : lastLoggedStep(place) + 1;
      const { process } = place.start('stepping-trainer.ts', [String(first)], { RUNCAST__RESUME: 'allow' });
      ending.push(() => process.kill('SIGKILL'));
      const wanted = life * POINTS_A_LIFE;
      const seen = await server.poll(
        () => lossOf(server),
        (points) => points.length >= wanted,
      );
      expect(seen.length).toBeGreaterThanOrEqual(wanted);
      process.kill('SIGKILL');
      await once(process, 'exit');
    }
    const first = lastLoggedStep(place) + 1;
    const last = first + POINTS_A_LIFE;
    const trainer = place.start('stepping-trainer.ts', [String(first), String(last)], { RUNCAST__RESUME: 'allow' });
    expect(await trainer.ended).toMatchObject({ code: 0, stderr: '' });
    const whole = Array.from({ length: last }, (_, index) => [index + 1, Math.fround(1 / (index + 1))]);
    const shown = await server.poll(
      () => lossOf(server),
      (points) => points.at(-1)?.[0] === last,
    );
    expect(shown).toEqual(whole);
    const later = await open(place, reader);
    expect(
      await later.poll(
        () => lossOf(later),
        (points) => points.at(-1)?.[0] === last,
      ),
    ).toEqual(whole);
  });
});
