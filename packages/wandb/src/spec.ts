/**
 * The sink as data, with its environment: an entry of its own, since a process whose sink lives in a worker has no use for
 * the client, and need not load it.
 */

import path from 'node:path';
import { toJson, isJsonObject, type SinkSpec } from '@runcast/core';
import { parseSinkConfig, type WandbSinkOptions } from './config.ts';

export { nameProblems, wandbEnv, type WandbConfig, type WandbMode, type WandbSinkOptions } from './config.ts';
export { wandbOfflineTraits, wandbTraits } from './traits.ts';
export { readWandbSettings, type WandbFallback, type WandbSettings } from './wandb-variables.ts';

/**
 * The run on W&B's server, or with `mode: 'offline'` in a directory that `wandb sync` uploads. The key is in the spec's
 * configuration, which travels to the worker in memory and is written nowhere.
 *
 * @throws ConfigError where an option is out of range, or the key is missing.
 */
export function wandbSink(options: WandbSinkOptions): SinkSpec {
  const parsed = parseSinkConfig(options);
  const config = toJson({ ...parsed, dir: path.resolve(parsed.dir) });
  return {
    name: 'wandb',
    // The sink's module lies beside this one, as TypeScript or as JavaScript.
    module: new URL(`./sink${path.extname(import.meta.url)}`, import.meta.url).href,
    config: config.ok && isJsonObject(config.value) ? config.value : {},
    load: () => import('./sink.ts'),
  };
}
