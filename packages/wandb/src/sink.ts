/** The sink of W&B, online or offline. Delivery's worker loads this module by its URL. */

import type { CreateSink, JsonObject, Sink } from '@runcast/core';
import { parseSinkConfig, type WandbSinkOptions } from './config.ts';
import { createOnlineSink } from './online-sink.ts';

/** Makes the sink from a spec's configuration, WandbSinkOptions as JSON. Throws ConfigError where it is none. */
export const createSink: CreateSink = (config: JsonObject): Sink => createOnlineSink(parseSinkConfig(config), undefined);

/**
 * The sink with the `fetch` it is to use, the runtime's own where left out.
 *
 * @throws ConfigError where an option is out of range, or the key is missing.
 */
export function createWandbSink(options: WandbSinkOptions, fetchWith?: typeof fetch): Sink {
  return createOnlineSink(parseSinkConfig(options), fetchWith);
}
