/**
 * A run to be handed from function to function, for pipelines whose parts take such a context or work without one: the calls of
 * a publisher under the names that pipelines on W&B use. The orchestrator creates it, subprocesses load it, and whoever created
 * it finishes it.
 */

import type {
  CloseReport,
  Environment,
  ExtraMetrics,
  ImageSource,
  JsonObject,
  JsonPrimitive,
  JsonValue,
  MetricsPublisher,
  RunOptions,
  RunStatus,
} from '@runcast/core';
import { errorMessage } from '@runcast/core';
import { readConfiguration } from './configuration.ts';
import { contextFromEnv } from './context-file.ts';
import { openPublisher } from './open-publisher.ts';
import { processEnvironment } from './process-env.ts';
import { publisherFromEnv, type PublisherFromEnvOptions } from './publisher-from-env.ts';

/** Each call is one of {@link MetricsPublisher}, with its promises: none throws, none waits. */
export interface WandbContext {
  /** For whatever is not here, health and events among it. */
  readonly publisher: MetricsPublisher;
  /** Why nothing is logged; undefined where all is well. */
  readonly failure: unknown;
  /** Variables to spread into a subprocess's environment, so that {@link loadWandbContext} finds the run there. */
  readonly childEnv: Readonly<Record<string, string>>;
  /** A point of a curve: `training/<stage>/<metric>` against `training/<stage>/step`. */
  logTrainingMetric(stage: string, metric: string, value: number, step: number): void;
  /** The same of several metrics at once. */
  logTrainingMetrics(stage: string, metrics: ExtraMetrics, step: number): void;
  /** Final scalars, `<prefix>/<name>`: they go to the summary, never to a chart of one point. */
  logEvalSummary(metrics: Readonly<Record<string, JsonPrimitive>>, prefix?: string): void;
  logTable(name: string, columns: readonly string[], rows: readonly (readonly JsonValue[])[]): void;
  /** Encoded bytes, an SVG document, or the path of a file that holds one of these. */
  logImage(name: string, image: ImageSource, caption?: string): void;
  /** The file as it is now; its stored name keeps its folder below `base`, the working directory where left out. */
  saveFile(path: string, base?: string): void;
  updateConfig(config: JsonObject): void;
  addTags(tags: readonly string[]): void;
  /** Ends the run, or this process's part of it. Idempotent; never rejects. `finished` where no status is given. */
  finish(status?: RunStatus): Promise<CloseReport>;
}

/** The context of a publisher that is open. */
export function wandbContext(publisher: MetricsPublisher): WandbContext {
  return contextOf(publisher, undefined);
}

/**
 * Opens a run with W&B switched on, unless the environment says otherwise. Never rejects: where the run cannot be opened, the
 * context does nothing, says why in {@link WandbContext.failure}, and a warning is printed.
 */
export async function createWandbContext(options: PublisherFromEnvOptions = {}): Promise<WandbContext> {
  const env = switchedOn(options.env ?? processEnvironment());
  return openContext({ ...options, env });
}

/**
 * The run that a context file names (`WANDB_CONTEXT_FILE` or `RUNCAST__CONTEXT_FILE`), to be joined; undefined where there is
 * none, and the process stands alone. Never rejects, as {@link createWandbContext}.
 */
export async function loadWandbContext(
  env: Environment = processEnvironment(),
  run: RunOptions = {},
): Promise<WandbContext | undefined> {
  const joining = switchedOn(env);
  try {
    if (contextFromEnv(readConfiguration(joining).run.context_file, joining) === undefined) return undefined;
  } catch (error) {
    return failedContext(run, error);
  }
  return openContext({ env: joining, run });
}

async function openContext(options: PublisherFromEnvOptions): Promise<WandbContext> {
  try {
    return wandbContext(await publisherFromEnv(options));
  } catch (error) {
    return failedContext(options.run ?? {}, error);
  }
}

/** Training goes on without a logger. */
async function failedContext(run: RunOptions, failure: unknown): Promise<WandbContext> {
  process.emitWarning(`nothing is logged: ${errorMessage(failure)}`, { type: 'RuncastWarning' });
  // What is wrong may be the run's own options, and a run that is written nowhere needs none.
  const named = typeof run.name === 'string' ? { name: run.name } : {};
  return contextOf(await openPublisher({ sinks: [], run: named }, false), failure);
}

function switchedOn(env: Environment): Environment {
  return { ...env, WANDB__ENABLED: (env['WANDB__ENABLED'] ?? '').trim() === '' ? 'true' : env['WANDB__ENABLED'] };
}

function contextOf(publisher: MetricsPublisher, failure: unknown): WandbContext {
  return {
    publisher,
    failure,
    childEnv: publisher.childEnv,
    logTrainingMetric: (stage, metric, value, step) =>
      publisher.log(`training/${stage}`, { [metric]: value }, { step }),
    logTrainingMetrics: (stage, metrics, step) => publisher.log(`training/${stage}`, metrics, { step }),
    logEvalSummary: (metrics, prefix = 'eval') => publisher.logSummary(metrics, { prefix }),
    logTable: (name, columns, rows) => publisher.logTable(name, { columns, rows }),
    logImage: (name, image, caption) => publisher.logImage(name, image, caption === undefined ? {} : { caption }),
    saveFile: (path, base) => publisher.saveFile(path, base === undefined ? {} : { base }),
    updateConfig: (config) => publisher.updateConfig(config),
    addTags: (tags) => publisher.addTags(tags),
    finish: (status = 'finished') => publisher.close({ status }),
  };
}
