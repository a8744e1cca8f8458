/** TensorBoard event files, written natively: no TensorFlow, no Python. */

import path from 'node:path';
import type { SinkSpec } from '@runcast/core';
import { parseSinkConfig } from './config.ts';
import { sinkModule } from './sink-module.ts';
import { createSink } from './sink.ts';

export { tensorboardEnv, type TensorboardConfig, type TensorboardEngine } from './config.ts';
export { EventEncoder, type EncodedFile } from './event-encoder.ts';
export { TENSORBOARD_TRAITS } from './traits.ts';

export interface TensorboardSinkOptions {
  /** The directory given to `tensorboard --logdir`; the run's files go to `<logDir>/<run id>`. */
  readonly logDir: string;
  /** How often what was written is forced to the disk, in whole seconds from 1; 30 where left out. */
  readonly flushSecs?: number;
  /** Takes every n-th logStep call only; 10 where left out. */
  readonly logEveryNSteps?: number;
}

/**
 * A sink for `createPublisher`. A relative `logDir` is taken from the current working directory, now.
 *
 * @throws ConfigError where an option is out of range.
 */
export function tensorboardSink(options: TensorboardSinkOptions): SinkSpec {
  const { log_dir: logDir, ...rest } = parseSinkConfig({
    log_dir: options.logDir,
    ...(options.flushSecs === undefined ? {} : { flush_secs: options.flushSecs }),
    ...(options.logEveryNSteps === undefined ? {} : { log_every_n_steps: options.logEveryNSteps }),
  });
  return {
    name: 'tensorboard',
    module: sinkModule(import.meta.url),
    config: { log_dir: path.resolve(logDir), ...rest },
    createSink,
  };
}
