/**
 * The TENSORBOARD__ variables, and the same settings as the sink takes them.
 */

import { choice, ConfigError, flag, integer, text, type EnvSection, type JsonObject } from '@runcast/core';
import { z } from 'zod';

/** Who writes the event files: this package, or TensorFlow's own summary writer, by @tensorflow/tfjs-node. */
export type TensorboardEngine = 'native' | 'tfjs';

/** TensorBoard as configured by the environment. Frozen. */
export interface TensorboardConfig {
  readonly enabled: boolean;
  readonly log_dir: string;
  readonly flush_secs: number;
  readonly log_every_n_steps: number;
  readonly engine: TensorboardEngine;
}

const ENGINES = ['native', 'tfjs'] as const;
const DEFAULTS = { log_dir: '/data/tensorboard', flush_secs: 30, log_every_n_steps: 10, engine: 'native' } as const;

export const tensorboardEnv: EnvSection<TensorboardConfig> = {
  prefix: 'TENSORBOARD',
  schema: () =>
    z.object({
      enabled: flag(false),
      log_dir: text(DEFAULTS.log_dir),
      flush_secs: integer(DEFAULTS.flush_secs, 1),
      log_every_n_steps: integer(DEFAULTS.log_every_n_steps, 1),
      engine: choice(ENGINES, DEFAULTS.engine),
    }),
  docs: {
    enabled: { type: 'true or false', meaning: 'write TensorBoard event files' },
    log_dir: { type: 'path', meaning: 'the directory given to tensorboard --logdir; each run has a directory in it' },
    flush_secs: { type: 'integer from 1', meaning: 'how often what was written is forced to the disk, in seconds' },
    log_every_n_steps: { type: 'integer from 1', meaning: 'write every n-th logStep call only' },
    engine: {
      type: 'native or tfjs',
      meaning: 'who writes the files; tfjs is TensorFlow, and needs @tensorflow/tfjs-node',
    },
  },
};

export interface TensorboardSinkOptions {
  /** The directory given to `tensorboard --logdir`; the run's files go to `<logDir>/<run id>`. */
  readonly logDir: string;
  /** How often what was written is forced to the disk, in whole seconds from 1; 30 where left out. */
  readonly flushSecs?: number | undefined;
  /** Takes every n-th logStep call only; 10 where left out. */
  readonly logEveryNSteps?: number | undefined;
  /** `native` where left out; `tfjs` needs @tensorflow/tfjs-node, beside this package or in the working directory. */
  readonly engine?: TensorboardEngine | undefined;
}

/** {@link TensorboardSinkOptions} with their defaults. */
export interface TensorboardSinkConfig extends JsonObject {
  readonly logDir: string;
  readonly flushSecs: number;
  readonly logEveryNSteps: number;
  readonly engine: TensorboardEngine;
}

const sinkConfigSchema = () =>
  z.strictObject({
    logDir: z
      .string()
      .min(1, 'expects a path')
      .refine((path) => !path.includes('\0'), 'expects a path without NUL characters'),
    flushSecs: z.int().min(1).default(DEFAULTS.flush_secs),
    logEveryNSteps: z.int().min(1).default(DEFAULTS.log_every_n_steps),
    engine: z.enum(ENGINES).default(DEFAULTS.engine),
  });

/** Throws {@link ConfigError} with everything that is wrong. */
export function parseSinkConfig(options: JsonObject | TensorboardSinkOptions): TensorboardSinkConfig {
  const parsed = sinkConfigSchema().safeParse(options);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map((issue) => ({
      variable: ['tensorboard', ...issue.path].join('.'),
      message: issue.message,
    })),
  );
}
