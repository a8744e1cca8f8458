/** The sinks of this version, one entry each: what reads its variables, and what they come to. */

import { resolve } from 'node:path';
import {
  describeSection,
  readSection,
  type Environment,
  type EnvReading,
  type EnvSection,
  type EnvVariable,
  type SinkSpec,
} from '@runcast/core';
import { jsonlEnv, jsonlSink } from '@runcast/jsonl';
import { tensorboardEnv, tensorboardSink } from '@runcast/tensorboard/spec';

/** A sink as the environment has it, on or off. */
export interface SinkSetting {
  readonly enabled: boolean;
  readonly spec: SinkSpec;
  readonly target: SinkTarget;
}

/** Where a sink delivers, and the variable that says so. */
export type SinkTarget =
  | { readonly kind: 'directory'; /** Absolute. */ readonly path: string; readonly variable: string }
  | {
      readonly kind: 'server';
      /** Without secrets. */
      readonly address: string;
      readonly variable: string;
      /** Resolves to what answered there; rejects with why nothing did and what to do. */
      readonly probe: () => Promise<string>;
    };

export interface BuiltInSink {
  readonly name: string;
  /** Of its variables, `JSONL`. */
  readonly prefix: string;
  /** Relative directories are below `cwd`. */
  read(env: Environment, cwd: string): EnvReading<SinkSetting>;
  describe(env: Environment): readonly EnvVariable[];
}

/** In the order in which they are shown. */
export const BUILT_IN_SINKS: readonly BuiltInSink[] = [
  builtIn('jsonl', jsonlEnv, (config, cwd) => {
    const directory = resolve(cwd, config.dir);
    const spec = jsonlSink({ dir: directory, logEveryNSteps: config.log_every_n_steps });
    return { spec, target: { kind: 'directory', path: directory, variable: 'JSONL__DIR' } };
  }),
  builtIn('tensorboard', tensorboardEnv, (config, cwd) => {
    const { log_dir: logDir, flush_secs: flushSecs, log_every_n_steps: logEveryNSteps } = config;
    const directory = resolve(cwd, logDir);
    const spec = tensorboardSink({ logDir: directory, flushSecs, logEveryNSteps });
    return { spec, target: { kind: 'directory', path: directory, variable: 'TENSORBOARD__LOG_DIR' } };
  }),
];

function builtIn<Config extends { readonly enabled: boolean }>(
  name: string,
  section: EnvSection<Config>,
  settle: (config: Readonly<Config>, cwd: string) => Omit<SinkSetting, 'enabled'>,
): BuiltInSink {
  return {
    name,
    prefix: section.prefix,
    read(env, cwd) {
      const { config, problems, warnings } = readSection(section, env);
      return {
        config: config === undefined ? undefined : { enabled: config.enabled, ...settle(config, cwd) },
        problems,
        warnings,
      };
    },
    describe: (env) => describeSection(section, env),
  };
}
