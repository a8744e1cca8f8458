/**
 * The sink as data, with its environment section: an entry of its own, since a process whose sink lives in a worker has no
 * use for the encoder, and need not load it.
 */

import path from 'node:path';
import type { SinkSpec } from '@runcast/core';
import { parseSinkConfig, type TensorboardSinkOptions } from './config.ts';

export { tensorboardEnv, type TensorboardConfig } from './config.ts';

/**
 * Event files in `<logDir>/<run id>`. A relative `logDir` is taken from the current working directory, now.
 *
 * @throws ConfigError where an option is out of range.
 */
export function tensorboardSink(options: TensorboardSinkOptions): SinkSpec {
  const config = parseSinkConfig(options);
  return {
    name: 'tensorboard',
    // The sink's module lies beside this one, as TypeScript or as JavaScript.
    module: new URL(`./sink${path.extname(import.meta.url)}`, import.meta.url).href,
    config: { ...config, logDir: path.resolve(config.logDir) },
    load: () => import('./sink.ts'),
  };
}
