/** Makes the sink of a run store, for the database that its URL names. */

import type { CreateSink, JsonObject, Sink } from '@runcast/core';
import { parseSinkConfig, sqliteFile, type StoreSinkConfig, type StoreSinkOptions } from './config.ts';
import { PostgresSink } from './postgres-sink.ts';
import { SqliteSink } from './sqlite-sink.ts';

/** Makes the sink from a spec's configuration. Throws ConfigError where it is none. */
export const createSink: CreateSink = (config: JsonObject): Sink => createStoreSink(parseSinkConfig(config));

/** @throws ConfigError where an option is none. */
export function createStoreSink(options: StoreSinkOptions | StoreSinkConfig): Sink {
  const config = parseSinkConfig(options);
  const file = sqliteFile(config.url);
  return file === undefined ? new PostgresSink(config) : new SqliteSink(file, config);
}
