/** The usual way in: where a run goes is the environment's business, not the trainer's. */

import {
  ConfigError,
  type Environment,
  type MetricShapes,
  type MetricsPublisher,
  type RunOptions,
} from '@runcast/core';
import { readConfiguration, type Configuration } from './configuration.ts';
import { contextFromEnv } from './context-file.ts';
import { openPublisher } from './open-publisher.ts';
import { processEnvironment } from './process-env.ts';
import { waitForOwner } from './wait-for-owner.ts';

/** Launchers start ranks seconds apart; rank 0 may be loading its data before it opens the run. */
const RANK_ZERO_TIMEOUT_MS = 120_000;

export interface PublisherFromEnvOptions {
  /** `process.env` where left out. */
  readonly env?: Environment;
  /** Goes before what the environment says of the run. */
  readonly run?: RunOptions;
}

/**
 * Opens a publisher with the sinks that the environment enables; with none it checks calls and writes nothing.
 *
 * @throws ConfigError with every problem of the environment at once, RunOpenError, SinkOpenError.
 */
export async function publisherFromEnv<Shapes extends MetricShapes = MetricShapes>(
  options: PublisherFromEnvOptions = {},
): Promise<MetricsPublisher<Shapes>> {
  const env = options.env ?? processEnvironment();
  const configuration = readConfiguration(env);
  for (const warning of configuration.warnings) process.emitWarning(warning, { type: 'RuncastWarning' });
  const { run: settings, rank, sinks } = configuration;
  const context = contextFromEnv(settings.context_file, env);
  const run = runOptions(configuration, options.run ?? {});
  const common = {
    dir: context?.dir ?? settings.dir,
    host: settings.host,
    keepLog: settings.keep_log,
    fsync: settings.fsync,
    closeTimeoutMs: settings.close_timeout_secs * 1000,
    systemMetricsIntervalMs: settings.system_metrics_secs * 1000,
  };
  if (context !== undefined) {
    const project = context.project ?? run.project;
    const joined = {
      ...run,
      id: context.runId,
      resume: 'allow',
      ...(project === undefined ? {} : { project }),
    } as const;
    return openPublisher<Shapes>({ ...common, sinks, run: joined }, true);
  }
  if (rank === 0) return openPublisher<Shapes>({ ...common, sinks, run }, false);
  if (settings.ranks === 'zero' || sinks.length === 0)
    return openPublisher<Shapes>({ ...common, sinks: [], run }, false);
  await waitForOwner(common.dir, rankedRunId(run), RANK_ZERO_TIMEOUT_MS);
  return openPublisher<Shapes>({ ...common, sinks, run: { ...run, resume: 'allow' } }, true);
}

/** Ranks that log to one run have to be told which. */
function rankedRunId(run: RunOptions): string {
  if (run.id !== undefined) return run.id;
  const message =
    'is needed where RANK is set, so that all ranks log to one run; or set RUNCAST__RANKS=zero, and ranks above 0 stay silent';
  throw new ConfigError([{ variable: 'RUNCAST__RUN_ID', message }]);
}

/** Runs `body` with a publisher and closes it: as finished, or as failed where the body throws, whose error goes on. */
export async function withPublisher<T, Shapes extends MetricShapes = MetricShapes>(
  options: PublisherFromEnvOptions,
  body: (publisher: MetricsPublisher<Shapes>) => T | Promise<T>,
): Promise<T> {
  const publisher = await publisherFromEnv<Shapes>(options);
  let result: T;
  try {
    result = await body(publisher);
  } catch (error) {
    await publisher.close({ status: 'failed' });
    throw error;
  }
  await publisher.close({ status: 'finished' });
  return result;
}

function runOptions({ run: env, runSettings }: Configuration, run: RunOptions): RunOptions {
  const own: RunOptions = {
    resume: env.resume,
    ...(env.run_id === undefined ? {} : { id: env.run_id }),
    ...(env.project === undefined ? {} : { project: env.project }),
    ...run,
  };
  const options = runSettings.reduce((options, { first, last }) => {
    const tags = [...new Set([...(last.tags ?? []), ...(options.tags ?? [])])];
    return { ...last, ...options, ...first, ...(tags.length === 0 ? {} : { tags }) };
  }, own);
  const problems = runSettings.flatMap((settings) => settings.problems(options));
  if (problems.length > 0) throw new ConfigError(problems);
  return options;
}
