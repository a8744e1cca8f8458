/**
 * The sink as data, with its environment section: an entry of its own, since a process whose sink lives in a worker has no
 * use for the client, and need not load it.
 */

import { extname } from 'node:path';
import type { SinkSpec } from '@runcast/core';
import { parseSinkConfig, type RedisSinkOptions } from './config.ts';

export { redisEnv, serverAddress, type RedisConfig, type RedisSinkOptions } from './config.ts';
export { redisTraits } from './traits.ts';

/**
 * One entry a record, in a stream that others read.
 *
 * @throws ConfigError where an option is none.
 */
export function redisSink(options: RedisSinkOptions = {}): SinkSpec {
  return {
    name: 'redis',
    // The sink's module lies beside this one, as TypeScript or as JavaScript.
    module: new URL(`./sink${extname(import.meta.url)}`, import.meta.url).href,
    config: parseSinkConfig(options),
    load: () => import('./sink.ts'),
  };
}
