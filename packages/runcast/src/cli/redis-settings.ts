/** Where the commands that read a stream find it: the same variables that trainers publish by, whether that is on or off. */

import { ConfigError, readSection, type Environment } from '@runcast/core';
import { redisEnv } from '@runcast/redis/spec';

export interface RedisSettings {
  readonly url: string;
  readonly stream: string;
}

/** Throws a ConfigError with every problem of the variables. */
export function readRedisSettings(env: Environment): RedisSettings {
  const { config, problems } = readSection(redisEnv, env);
  if (config === undefined) throw new ConfigError(problems);
  return { url: config.url, stream: config.stream };
}
