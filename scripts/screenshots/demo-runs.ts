/** The trainings that the pictures show, by the demo's own code: only the environment and the terminal are others. */

import { copyFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { runDemo } from '../../examples/char-lm/src/demo.ts';
import { environmentCommand } from '../../tests/support/python.ts';
import { TERMINAL_COLUMNS } from './terminal-page.ts';

export interface DemoPlace {
  /** Where the demo writes; it must be the current directory. */
  readonly directory: string;
  /** Interrupts a training. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

interface SweepRun {
  readonly id: string;
  readonly hiddenUnits: number;
  readonly learningRate: number;
}

const SETTINGS_FILE = '.env.example';
const TOP = path.join(import.meta.dirname, '..', '..');

/** Two sizes of the model and three learning rates. */
export const SWEEP: readonly SweepRun[] = [16, 64].flatMap((hiddenUnits) =>
  [0.001, 0.003, 0.01].map((learningRate) => ({ id: `h${hiddenUnits}-lr${learningRate}`, hiddenUnits, learningRate })),
);

/** Short runs with large batches and many validations: smooth curves from a quarter of the demo's steps. */
const SWEEP_SETTINGS = {
  CHAR_LM__BATCH_SIZE: '256',
  CHAR_LM__EPOCHS: '40',
  CHAR_LM__STEPS_PER_EPOCH: '80',
  CHAR_LM__VALIDATION_POSITIONS: '5000',
  TENSORBOARD__LOG_EVERY_N_STEPS: '16',
};

/** Trains with the settings that a fresh clone has, and returns all that was written to the terminal. */
export async function trainUnchanged(place: DemoPlace): Promise<string> {
  place.say('Training the demo as it is');
  const output = await runInPlace(place, {});
  // A picture is public, the name of the machine that made it is not.
  return output.replaceAll(`.${hostname()}.`, '.localhost.');
}

/** Trains all of {@link SWEEP}, and returns the directory to give to TensorBoard, which holds nothing else. */
export async function trainSweep(place: DemoPlace): Promise<string> {
  const logDir = path.join(place.directory, 'sweep');
  for (const { id, hiddenUnits, learningRate } of SWEEP) {
    place.say(`Training ${id}`);
    await runInPlace(place, {
      ...SWEEP_SETTINGS,
      RUNCAST__RUN_ID: id,
      TENSORBOARD__LOG_DIR: logDir,
      CHAR_LM__HIDDEN_UNITS: String(hiddenUnits),
      CHAR_LM__LEARNING_RATE: String(learningRate),
    });
  }
  return logDir;
}

async function runInPlace(place: DemoPlace, settings: Readonly<Record<string, string>>): Promise<string> {
  const { directory, signal } = place;
  copyFileSync(path.join(TOP, SETTINGS_FILE), path.join(directory, SETTINGS_FILE));
  let output = '';
  const exitCode = await runDemo({
    directory,
    // The demo advises the `tensorboard` it finds on the path.
    environment: { PATH: path.dirname(environmentCommand('tensorboard')), ...settings },
    terminal: {
      isTTY: true,
      columns: TERMINAL_COLUMNS,
      write: (text) => {
        output += text;
      },
    },
    signal,
    now: () => performance.now(),
  });
  signal.throwIfAborted();
  if (exitCode !== 0) throw new Error(`the demo ended with exit code ${exitCode}:\n${output}`);
  return output;
}
