/**
 * W&B's own variables, as its clients read them: what they say stands where neither a `WANDB__` variable nor the program says
 * anything.
 */

import { readSection, type ConfigProblem, type Environment, type EnvReading } from '@runcast/core';
import { PUBLIC_BASE_URL, sinkConfigProblems, wandbEnv, type WandbConfig } from './config.ts';
import { readNetrcPassword } from './netrc.ts';

/** What the environment says of W&B and its runs. */
export interface WandbSettings extends WandbConfig {
  readonly baseUrl: string;
  /** Secret. Undefined where none is found. */
  readonly apiKey: string | undefined;
  /** Below it, in a directory `wandb`, offline runs are written. */
  readonly dir: string;
  /** From W&B's own variables. */
  readonly fallback: WandbFallback;
}

/** What W&B's own variables say of the run. */
export interface WandbFallback {
  readonly runId: string | undefined;
  readonly project: string | undefined;
  readonly entity: string | undefined;
  readonly group: string | undefined;
  readonly tags: readonly string[];
}

/** Older names that W&B's clients still take. */
const MODE_ALIASES: ReadonlyMap<string, string> = new Map([
  ['dryrun', 'offline'],
  ['run', 'online'],
]);

/** Reads both kinds. A sink that is on needs what it needs: a key where it is online. Throws nothing. */
export function readWandbSettings(env: Environment): EnvReading<WandbSettings> {
  const ownMode = value(env, 'WANDB__MODE');
  const wandbMode = value(env, 'WANDB_MODE')?.toLowerCase();
  const mode = ownMode ?? (wandbMode === undefined ? undefined : (MODE_ALIASES.get(wandbMode) ?? wandbMode));
  const reading = readSection(wandbEnv, { ...env, WANDB__MODE: mode });
  const problems = reading.problems.map((problem) =>
    problem.variable === 'WANDB__MODE' && ownMode === undefined ? { ...problem, variable: 'WANDB_MODE' } : problem,
  );
  const { config, warnings } = reading;
  if (config === undefined) return { config: undefined, problems, warnings };
  const baseUrl = (value(env, 'WANDB_BASE_URL') ?? PUBLIC_BASE_URL).replace(/\/+$/u, '');
  const settings: WandbSettings = Object.freeze({
    ...config,
    baseUrl,
    // A file of the user's is looked into only where it is needed.
    apiKey: value(env, 'WANDB_API_KEY') ?? (config.enabled ? storedKey(env, baseUrl) : undefined),
    dir: value(env, 'WANDB_DIR') ?? '.',
    fallback: {
      runId: value(env, 'WANDB_RUN_ID'),
      project: value(env, 'WANDB_PROJECT'),
      entity: value(env, 'WANDB_ENTITY'),
      group: value(env, 'WANDB_RUN_GROUP'),
      tags: (value(env, 'WANDB_TAGS') ?? '')
        .split(',')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ''),
    },
  });
  const needed = config.enabled ? settingsProblems(settings) : [];
  return needed.length > 0
    ? { config: undefined, problems: needed, warnings }
    : { config: settings, problems: [], warnings };
}

function settingsProblems(settings: WandbSettings): readonly ConfigProblem[] {
  const variables = {
    engine: 'WANDB__ENGINE',
    apiKey: 'WANDB_API_KEY',
    baseUrl: 'WANDB_BASE_URL',
    project: 'WANDB__PROJECT',
  };
  return sinkConfigProblems(settings, variables);
}

function storedKey(env: Environment, baseUrl: string): string | undefined {
  return URL.canParse(baseUrl) ? readNetrcPassword(env, new URL(baseUrl).hostname) : undefined;
}

function value(env: Environment, variable: string): string | undefined {
  const text = env[variable]?.trim() ?? '';
  return text === '' ? undefined : text;
}
