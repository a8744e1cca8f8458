/** The usual way in: where a run goes is the environment's business, not the trainer's. */

import type { Environment, MetricShapes, MetricsPublisher, RunOptions } from '@runcast/core';
import { readConfiguration, type Configuration } from './configuration.ts';
import { readContext } from './context-file.ts';
import { createPublisher } from './open-publisher.ts';
import { processEnvironment } from './process-env.ts';

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
  const configuration = readConfiguration(options.env ?? processEnvironment());
  for (const warning of configuration.warnings) process.emitWarning(warning, { type: 'RuncastWarning' });
  const { run: env, rank, sinks } = configuration;
  const context = env.context_file === undefined ? undefined : readContext(env.context_file);
  const run = runOptions(configuration, options.run ?? {});
  return createPublisher<Shapes>({
    run:
      context === undefined
        ? run
        : {
            ...run,
            id: context.runId,
            resume: 'allow',
            ...(context.project === undefined ? {} : { project: context.project }),
          },
    dir: context?.dir ?? env.dir,
    sinks: rank > 0 && env.ranks === 'zero' ? [] : sinks,
    host: env.host,
    keepLog: env.keep_log,
    fsync: env.fsync,
    closeTimeoutMs: env.close_timeout_secs * 1000,
  });
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

function runOptions({ run: env }: Configuration, run: RunOptions): RunOptions {
  return {
    resume: env.resume,
    ...(env.run_id === undefined ? {} : { id: env.run_id }),
    ...(env.project === undefined ? {} : { project: env.project }),
    ...run,
  };
}
