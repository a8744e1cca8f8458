/**
 * The trainer's own variables, read by the same machinery as Runcast's: a prefix, a schema and a description of each field
 * give typed values, and all mistakes at once.
 */

import {
  ConfigError,
  integer,
  readConfiguration,
  readSection,
  type ConfigProblem,
  type Environment,
  type EnvSection,
} from 'runcast';
import { z } from 'zod';

export interface Settings {
  readonly epochs: number;
  readonly steps_per_epoch: number;
  readonly batch_size: number;
  readonly learning_rate: number;
  readonly max_grad_norm: number;
  readonly hidden_units: number;
  readonly context_length: number;
  readonly bucket_bits: number;
  readonly validation_positions: number;
  readonly seed: number;
}

/** Reads a decimal number above 0, up to `most`. */
function positive(byDefault: number, most: number): z.ZodType<number> {
  const expected = `expects a number above 0, at most ${most}`;
  return z
    .string()
    .transform(Number)
    .refine((value) => value > 0 && value <= most, expected)
    .default(byDefault);
}

export const settingsSection: EnvSection<Settings> = {
  prefix: 'CHAR_LM',
  schema: () =>
    z.object({
      epochs: integer(12, 1, 1000),
      steps_per_epoch: integer(1000, 1, 1_000_000),
      batch_size: integer(64, 1, 4096),
      learning_rate: positive(0.003, 1),
      max_grad_norm: positive(1, 1e6),
      hidden_units: integer(128, 1, 1024),
      context_length: integer(8, 5, 64),
      bucket_bits: integer(14, 1, 20),
      validation_positions: integer(10_000, 1, 1_000_000),
      seed: integer(7, 0, 2 ** 32 - 1),
    }),
  docs: {
    epochs: {
      type: 'integer from 1 to 1000',
      meaning: 'how often the model is validated; the training is this many epochs long',
    },
    steps_per_epoch: { type: 'integer from 1', meaning: 'batches drawn at random per epoch' },
    batch_size: { type: 'integer from 1 to 4096', meaning: 'characters predicted per step' },
    learning_rate: { type: 'number above 0, at most 1', meaning: "the schedule's peak" },
    max_grad_norm: { type: 'number above 0', meaning: 'gradients with a greater norm are scaled down to it' },
    hidden_units: { type: 'integer from 1 to 1024', meaning: 'width of the hidden layer' },
    context_length: { type: 'integer from 5 to 64', meaning: 'characters the model looks back at' },
    bucket_bits: {
      type: 'integer from 1 to 20',
      meaning: 'two to this power is the number of rows for groups of one length',
    },
    validation_positions: { type: 'integer from 1', meaning: 'held-out characters predicted after each epoch' },
    seed: { type: 'integer from 0', meaning: 'fixes weights, batches and the sample' },
  },
};

export interface SettingsReading {
  readonly settings: Settings;
  readonly warnings: readonly string[];
}

/** @throws ConfigError naming every variable that is wrong, the trainer's and Runcast's together. */
export function readSettings(env: Environment): SettingsReading {
  const { config, problems, warnings } = readSection(settingsSection, env);
  const all = [...problems, ...runcastProblems(env)];
  if (config === undefined || all.length > 0) throw new ConfigError(all);
  return { settings: config, warnings };
}

function runcastProblems(env: Environment): readonly ConfigProblem[] {
  try {
    readConfiguration(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
