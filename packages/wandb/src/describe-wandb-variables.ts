/** Both kinds of W&B's variables, for whoever asks what can be set. */

import { describeSection, shownValue, type Environment, type EnvVariable } from '@runcast/core';
import { PUBLIC_BASE_URL, wandbEnv } from './config.ts';

/** W&B's own, as its clients read them: type, default, meaning. */
const OWN_VARIABLES = {
  WANDB_API_KEY: ['text', '', "the key; where unset, the server's in ~/.netrc, where wandb login leaves it"],
  WANDB_BASE_URL: ['URL', PUBLIC_BASE_URL, "W&B's server"],
  WANDB_MODE: ['online, offline or disabled', '', 'stands where WANDB__MODE is unset'],
  WANDB_PROJECT: ['text', '', 'the project where nothing else names one'],
  WANDB_ENTITY: ['text', '', 'user or team where nothing else names one'],
  WANDB_RUN_GROUP: ['text', '', 'group of the run where nothing else names one'],
  WANDB_RUN_ID: ['run id', '', 'id of the run where nothing else gives one'],
  WANDB_TAGS: ['text', '', 'tags of the run besides its own, with commas between'],
  WANDB_DIR: ['directory', '.', 'offline runs are written in a directory wandb below it'],
  WANDB_CONTEXT_FILE: [
    'file',
    '',
    'a run to join, as {run_id, project, entity}; nothing is joined where there is no file',
  ],
} as const;

/** Every variable with its value in this environment; of secrets, only that they are set. */
export function describeWandbVariables(env: Environment): readonly EnvVariable[] {
  const own = Object.entries(OWN_VARIABLES).map(([variable, [type, byDefault, meaning]]) => {
    const text = env[variable]?.trim() ?? '';
    return {
      variable,
      type,
      default: byDefault,
      value: text === '' ? undefined : shownValue(variable, text),
      meaning,
    };
  });
  return [...describeSection(wandbEnv, env), ...own];
}
