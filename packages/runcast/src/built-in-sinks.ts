/** The sinks of this version, one entry each: what reads its variables, and what they come to. */

import { dirname, resolve } from 'node:path';
import {
  describeSection,
  readSection,
  type Environment,
  type EnvReading,
  type EnvSection,
  type EnvVariable,
  type ConfigProblem,
  type RunOptions,
  type SinkSpec,
} from '@runcast/core';
import { jsonlEnv, jsonlSink } from '@runcast/jsonl';
import { redisEnv, redisSink, serverAddress } from '@runcast/redis/spec';
import { absoluteStoreUrl, sqliteFile, storeAddress, storeEnv, storeSink } from '@runcast/store/spec';
import { tensorboardEnv, tensorboardSink } from '@runcast/tensorboard/spec';
import {
  describeWandbVariables,
  nameProblems,
  probeWandb,
  readWandbSettings,
  wandbEnv,
  wandbSinkOf,
  type WandbSettings,
} from '@runcast/wandb/spec';

/** A sink as the environment has it, on or off. */
export interface SinkSetting {
  readonly enabled: boolean;
  /** Why it is off although it is enabled. */
  readonly off?: string;
  readonly spec: SinkSpec;
  readonly target: SinkTarget;
  /** What the sink's variables say of the run itself. */
  readonly run?: SinkRunSettings;
}

/** What a sink's variables say of the run, for all: the same run has the same project everywhere. */
export interface SinkRunSettings {
  /** Goes before what the program and other variables say. */
  readonly first: RunOptions;
  /** Stands where nobody else says anything; its tags are added. */
  readonly last: RunOptions;
  /** What of a run the sink could never take. */
  readonly problems: (run: RunOptions) => readonly ConfigProblem[];
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
    const { log_dir: logDir, flush_secs: flushSecs, log_every_n_steps: logEveryNSteps, engine } = config;
    const directory = resolve(cwd, logDir);
    const spec = tensorboardSink({ logDir: directory, flushSecs, logEveryNSteps, engine });
    return { spec, target: { kind: 'directory', path: directory, variable: 'TENSORBOARD__LOG_DIR' } };
  }),
  builtIn('redis', redisEnv, (config) => {
    const { url, stream, max_len: maxLen, log_every_n_steps: logEveryNSteps } = config;
    const spec = redisSink({ url, stream, maxLen, logEveryNSteps });
    const probe = async (): Promise<string> => (await import('@runcast/redis')).probeServer(url, stream);
    return { spec, target: { kind: 'server', address: serverAddress(url), variable: 'REDIS__URL', probe } };
  }),
  builtIn('store', storeEnv, (config, cwd) => {
    const url = absoluteStoreUrl(config.url, cwd);
    const spec = storeSink({ url, keyMetrics: config.key_metrics });
    const file = sqliteFile(url);
    if (file !== undefined) return { spec, target: { kind: 'directory', path: dirname(file), variable: 'STORE__URL' } };
    const probe = async (): Promise<string> => (await import('@runcast/store')).probeStore(url);
    return { spec, target: { kind: 'server', address: storeAddress(url), variable: 'STORE__URL', probe } };
  }),
  {
    name: 'wandb',
    prefix: wandbEnv.prefix,
    read(env, cwd) {
      const { config, problems, warnings } = readWandbSettings(env);
      return { config: config === undefined ? undefined : wandbSetting(config, cwd), problems, warnings };
    },
    describe: describeWandbVariables,
  },
];

function wandbSetting(settings: WandbSettings, cwd: string): SinkSetting {
  const { project, entity, group, job_type: jobType, fallback } = settings;
  return {
    enabled: settings.enabled && settings.mode !== 'disabled',
    ...(settings.enabled ? { off: 'WANDB__MODE is disabled' } : {}),
    spec: wandbSinkOf(settings, cwd),
    target:
      settings.mode === 'offline'
        ? { kind: 'directory', path: resolve(cwd, settings.dir, 'wandb'), variable: 'WANDB_DIR' }
        : {
            kind: 'server',
            address: settings.baseUrl,
            variable: 'WANDB_BASE_URL and WANDB_API_KEY',
            probe: () => probeWandb(settings),
          },
    run: {
      first: present({ project, entity, group, jobType }),
      last: present({
        id: fallback.runId,
        project: fallback.project,
        entity: fallback.entity,
        group: fallback.group,
        tags: fallback.tags.length === 0 ? undefined : fallback.tags,
      }),
      problems: (run) => [
        ...nameProblems(run.project, 'run.project (RUNCAST__PROJECT, WANDB_PROJECT)'),
        ...nameProblems(run.id, 'run.id (RUNCAST__RUN_ID, WANDB_RUN_ID)'),
      ],
    },
  };
}

/** Without the members that hold nothing. */
function present(options: { readonly [K in keyof RunOptions]: RunOptions[K] | undefined }): RunOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

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
