/**
 * The sink as data, with its environment: an entry of its own, since a process whose sink lives in a worker has no use for
 * the client, and need not load it.
 */

import path from 'node:path';
import { toJson, isJsonObject, type SinkSpec } from '@runcast/core';
import { parseSinkConfig, type WandbSinkOptions } from './config.ts';
import type { WandbSettings } from './wandb-variables.ts';

export { nameProblems, wandbEnv, type WandbConfig, type WandbMode, type WandbSinkOptions } from './config.ts';
export { describeWandbVariables } from './describe-wandb-variables.ts';
export { wandbOfflineTraits, wandbSdkTraits, wandbTraits } from './traits.ts';
export { readWandbSettings, type WandbFallback, type WandbSettings } from './wandb-variables.ts';

/**
 * The run on W&B's server, or with `mode: 'offline'` in a directory that `wandb sync` uploads. The key is in the spec's
 * configuration, which travels to the worker in memory and is written nowhere.
 *
 * @throws ConfigError where an option is out of range, or the key is missing.
 */
export function wandbSink(options: WandbSinkOptions): SinkSpec {
  const parsed = parseSinkConfig(options);
  return specOf({ ...parsed, dir: path.resolve(parsed.dir) });
}

/** The same of what an environment says, which is complete where the sink is on. Offline runs are written below `cwd`. */
export function wandbSinkOf(settings: WandbSettings, cwd: string): SinkSpec {
  const { project, entity, group } = settings.fallback;
  return specOf({
    mode: settings.mode === 'offline' ? 'offline' : 'online',
    engine: settings.engine,
    apiKey: settings.apiKey,
    baseUrl: settings.baseUrl,
    dir: path.resolve(cwd, settings.dir),
    project: settings.project,
    entity: settings.entity,
    group: settings.group,
    jobType: settings.job_type,
    logEveryNSteps: settings.log_every_n_steps,
    images: settings.image_format,
    maxImageSize: settings.max_image_size,
    fallback: { project, entity, group },
  });
}

/** Asks the server who the key belongs to. Rejects with why it does not say, and what to do. */
export async function probeWandb({ baseUrl, apiKey = '' }: WandbSettings): Promise<string> {
  const { probeServer } = await import('./probe-server.ts');
  return probeServer(baseUrl, apiKey);
}

function specOf(options: WandbSinkOptions): SinkSpec {
  const config = toJson(options);
  return {
    name: 'wandb',
    // The sink's module lies beside this one, as TypeScript or as JavaScript.
    module: new URL(`./sink${path.extname(import.meta.url)}`, import.meta.url).href,
    config: config.ok && isJsonObject(config.value) ? config.value : {},
    load: () => import('./sink.ts'),
  };
}
