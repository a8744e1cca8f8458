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
  type EnvVariable,
  type SinkSpec,
} from '@runcast/core';
import { BUILT_IN_SINKS, type BuiltInSink, type SinkRunSettings, type SinkSetting } from './built-in-sinks.ts';
import { runEnv, type RunEnvConfig } from './run-env.ts';

export interface Configuration {
  readonly run: Readonly<RunEnvConfig>;
  /** The sinks that are on. */
  readonly sinks: readonly SinkSpec[];
  /** What the variables of these sinks say of the run. */
  readonly runSettings: readonly SinkRunSettings[];
  readonly warnings: readonly string[];
  /** This process's place in a group that a launcher started, from `RANK`; 0 where there is none. */
  readonly rank: number;
}

/** Everything that an environment says, the valid parts beside what is wrong with the others. */
export interface ConfigurationReading {
  /** Undefined where there are problems. */
  readonly configuration: Configuration | undefined;
  readonly run: Readonly<RunEnvConfig> | undefined;
  /** Every sink, on or off; without a setting where its variables are wrong. */
  readonly sinks: readonly { readonly sink: BuiltInSink; readonly setting: SinkSetting | undefined }[];
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly string[];
}

/** What of the design this version does not have yet. Switched on, it is an error: nobody's data goes nowhere unnoticed. */
const UNAVAILABLE_PREFIXES = ['EPISODES'] as const;

/** Reads everything and throws nothing. Relative directories of sinks are below `cwd`. */
export function inspectConfiguration(env: Environment, cwd: string = '.'): ConfigurationReading {
  const run = readSection(runEnv, env);
  const rank = readRank(env);
  const readings = BUILT_IN_SINKS.map((sink) => ({ sink, reading: sink.read(env, cwd) }));
  const sinks = readings.map(({ sink, reading }) => ({ sink, setting: reading.config }));
  const problems = [
    ...run.problems,
    ...readings.flatMap(({ reading }) => reading.problems),
    ...unavailable(env),
    ...rank.problems,
  ];
  const warnings = [...run.warnings, ...readings.flatMap(({ reading }) => reading.warnings)];
  const enabled = sinks.flatMap(({ setting }) => (setting?.enabled === true ? [setting] : []));
  const runSettings = enabled.flatMap((setting) => (setting.run === undefined ? [] : [setting.run]));
  const configuration =
    run.config === undefined || problems.length > 0
      ? undefined
      : { run: run.config, sinks: enabled.map(({ spec }) => spec), runSettings, warnings, rank: rank.value };
  return { configuration, run: run.config, sinks, problems, warnings };
}

/** Reads everything. Throws one ConfigError with all problems. */
export function readConfiguration(env: Environment, cwd: string = '.'): Configuration {
  const { configuration, problems } = inspectConfiguration(env, cwd);
  if (configuration === undefined) throw new ConfigError(problems);
  return configuration;
}

/** Every variable with its type, default, current value and meaning. */
export function describeConfiguration(env: Environment): readonly EnvVariable[] {
  return [...describeSection(runEnv, env), ...BUILT_IN_SINKS.flatMap((sink) => sink.describe(env))];
}

function unavailable(env: Environment): readonly ConfigProblem[] {
  return UNAVAILABLE_PREFIXES.flatMap((prefix) => {
    const variable = `${prefix}__ENABLED`;
    const value = env[variable]?.trim().toLowerCase() ?? '';
    return /^(?:true|1|yes|on)$/u.test(value)
      ? [{ variable, message: 'this version of Runcast does not have that yet; unset it' }]
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
