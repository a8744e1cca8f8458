/** The sink of W&B, online or offline. Delivery's worker loads this module by its URL. */

import type { AppendFileSystem } from '@runcast/append-file';
import { ConfigError, type CreateSink, type JsonObject, type Sink } from '@runcast/core';
import { parseSinkConfig, type WandbSinkOptions } from './config.ts';
import { createOfflineSink } from './offline-sink.ts';
import type { SendRequest } from './http-request.ts';
import { createOnlineSink } from './online-sink.ts';
import { createSdkSink } from './sdk-sink.ts';

/** Makes the sink from a spec's configuration, WandbSinkOptions as JSON. Throws ConfigError where it is none. */
export const createSink: CreateSink = (config: JsonObject): Sink => createWandbSink(parseSinkConfig(config));

/** What a sink reaches the outside by, the runtime's own where left out. */
export interface WandbSinkParts {
  readonly send?: SendRequest;
  /** Of the file that an offline run is written to. */
  readonly fileSystem?: AppendFileSystem;
}

/** @throws ConfigError where an option is out of range, or the key is missing, or `mode` is `disabled`: no sink does nothing. */
export function createWandbSink(options: WandbSinkOptions, parts: WandbSinkParts = {}): Sink {
  const config = parseSinkConfig(options);
  switch (config.mode) {
    case 'online':
      return config.engine === 'sdk' ? createSdkSink(config, parts) : createOnlineSink(config, parts.send);
    case 'offline':
      return createOfflineSink(config, parts.fileSystem);
    case 'disabled':
      throw new ConfigError([{ variable: 'wandb.mode', message: 'is disabled: leave the sink out' }]);
    default:
      return config.mode satisfies never;
  }
}
