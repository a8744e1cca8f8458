/** What the environment says about JSONL rows: one schema for validation, `runcast env` and the documentation. */

import { type EnvSection, flag, integer, text } from '@runcast/core';
import { z } from 'zod';

export interface JsonlConfig {
  readonly enabled: boolean;
  /** Directory of the row files, relative to the working directory. */
  readonly dir: string;
  /** Step rows are written for every n-th call of `logStep`. */
  readonly log_every_n_steps: number;
}

/** The `JSONL__` variables. */
export const jsonlEnv: EnvSection<JsonlConfig> = {
  prefix: 'JSONL',
  schema: () =>
    z.object({
      enabled: flag(false),
      dir: text('./runs/jsonl'),
      log_every_n_steps: integer(1, 1),
    }),
  docs: {
    enabled: { type: 'true or false', meaning: 'write one flat JSON row a record' },
    dir: { type: 'directory', meaning: 'where the rows go, as <run id>.jsonl' },
    log_every_n_steps: { type: 'integer from 1', meaning: 'write every n-th step' },
  },
};
