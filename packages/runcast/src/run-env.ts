/** The `RUNCAST__` variables: which run, where it lives, and how it is delivered. */

import { choice, optionalText, seconds, text, type EnvSection, type ResumeMode } from '@runcast/core';
import { z } from 'zod';

export interface RunEnvConfig {
  readonly dir: string;
  readonly project: string | undefined;
  readonly run_id: string | undefined;
  readonly resume: ResumeMode;
  readonly host: 'worker' | 'inline';
  readonly keep_log: 'always' | 'until-delivered';
  readonly fsync: 'never' | 'close';
  readonly close_timeout_secs: number;
  readonly context_file: string | undefined;
  readonly ranks: 'join' | 'zero';
  readonly system_metrics_secs: number;
}

export const runEnv: EnvSection<RunEnvConfig> = {
  prefix: 'RUNCAST',
  schema: () =>
    z.object({
      dir: text('./runs'),
      project: optionalText(),
      run_id: optionalText(),
      resume: choice(['never', 'allow', 'must'], 'never'),
      host: choice(['worker', 'inline'], 'worker'),
      keep_log: choice(['always', 'until-delivered'], 'always'),
      fsync: choice(['never', 'close'], 'never'),
      close_timeout_secs: seconds(30, 0, 86_400),
      context_file: optionalText(),
      ranks: choice(['join', 'zero'], 'join'),
      system_metrics_secs: seconds(0, 0, 86_400),
    }),
  docs: {
    dir: { type: 'directory', meaning: 'where run directories are made' },
    project: { type: 'text', meaning: 'the project the run belongs to' },
    run_id: { type: 'run id', meaning: 'the id of the run; made from the time where unset' },
    resume: {
      type: 'never, allow or must',
      meaning: 'what to do where the run exists already: refuse, go on with it, or refuse where it does not',
    },
    host: { type: 'worker or inline', meaning: 'where deliveries run: a worker thread, or the loop of the trainer' },
    keep_log: {
      type: 'always or until-delivered',
      meaning: 'whether the run log is deleted once every sink has all of it',
    },
    fsync: { type: 'never or close', meaning: 'when the run log is forced to the disk, against power cuts' },
    close_timeout_secs: { type: 'seconds from 0 to 86400', meaning: 'how long close waits for slow backends' },
    context_file: { type: 'file', meaning: 'the context file of a run to join, set for subprocesses by childEnv' },
    ranks: { type: 'join or zero', meaning: 'with RANK set: whether ranks above 0 log to the run, or stay silent' },
    system_metrics_secs: {
      type: 'seconds from 0 to 86400',
      meaning: 'how often to record processors, memory, disk, network and GPUs, such as 15; 0 is never',
    },
  },
};
