/**
 * From an environment to what a publisher is opened with. Every section is read before anything is said, so that six
 * mistakes are one message.
 */

import {
  ConfigError,
  describeSection,
  readSection,
  type ConfigProblem,
  type Environment,
  type EnvReading,
  type EnvVariable,
  type SinkSpec,
} from '@runcast/core';
import { jsonlEnv, jsonlSink } from '@runcast/jsonl';
import { tensorboardEnv, tensorboardSink } from '@runcast/tensorboard';
import { runEnv, type RunEnvConfig } from './run-env.ts';

export interface Configuration {
  readonly run: Readonly<RunEnvConfig>;
  /** The sinks that are on. */
  readonly sinks: readonly SinkSpec[];
  readonly warnings: readonly string[];
  /** This process's place in a group that a launcher started, from `RANK`; 0 where there is none. */
  readonly rank: number;
}

/** Sinks of the design that this version does not have yet. Switched on, they are an error: nobody's data goes nowhere unnoticed. */
const UNAVAILABLE_PREFIXES = ['WANDB', 'REDIS', 'STORE', 'EPISODES'] as const;

/** Reads everything. Throws one ConfigError with all problems. */
export function readConfiguration(env: Environment): Configuration {
  const run = readSection(runEnv, env);
  const jsonl = readSection(jsonlEnv, env);
  const tensorboard = readSection(tensorboardEnv, env);
  const rank = readRank(env);
  const readings: readonly EnvReading<object>[] = [run, jsonl, tensorboard];
  const problems = [...readings.flatMap((reading) => reading.problems), ...unavailable(env), ...rank.problems];
  if (run.config === undefined || jsonl.config === undefined || tensorboard.config === undefined || problems.length > 0)
    throw new ConfigError(problems);
  const sinks: SinkSpec[] = [];
  if (jsonl.config.enabled)
    sinks.push(jsonlSink({ dir: jsonl.config.dir, logEveryNSteps: jsonl.config.log_every_n_steps }));
  if (tensorboard.config.enabled) {
    const { log_dir: logDir, flush_secs: flushSecs, log_every_n_steps: logEveryNSteps } = tensorboard.config;
    sinks.push(tensorboardSink({ logDir, flushSecs, logEveryNSteps }));
  }
  return { run: run.config, sinks, warnings: readings.flatMap((reading) => reading.warnings), rank: rank.value };
}

/** Every variable with its type, default, current value and meaning. */
export function describeConfiguration(env: Environment): readonly EnvVariable[] {
  return [...describeSection(runEnv, env), ...describeSection(jsonlEnv, env), ...describeSection(tensorboardEnv, env)];
}

function unavailable(env: Environment): readonly ConfigProblem[] {
  return UNAVAILABLE_PREFIXES.flatMap((prefix) => {
    const variable = `${prefix}__ENABLED`;
    const value = env[variable]?.trim().toLowerCase() ?? '';
    return /^(?:true|1|yes|on)$/u.test(value)
      ? [{ variable, message: 'this version of Runcast does not have that sink yet; unset it' }]
      : [];
  });
}

function readRank(env: Environment): { readonly value: number; readonly problems: readonly ConfigProblem[] } {
  const text = env['RANK']?.trim() ?? '';
  if (text === '') return { value: 0, problems: [] };
  if (/^\d+$/u.test(text)) return { value: Number(text), problems: [] };
  return {
    value: 0,
    problems: [{ variable: 'RANK', message: `expects an integer from 0, holds ${JSON.stringify(text)}` }],
  };
}
