/** TensorBoard event files, written natively: no TensorFlow, no Python. */

import path from 'node:path';
import type { SinkSpec } from '@runcast/core';
import { parseSinkConfig, type TensorboardSinkOptions } from './config.ts';
import { createSink } from './sink.ts';

export {
  tensorboardEnv,
  type TensorboardConfig,
  type TensorboardEngine,
  type TensorboardSinkConfig,
  type TensorboardSinkOptions,
} from './config.ts';
export { EventEncoder, type EncodedFile, type ImageBytes } from './event-encoder.ts';
export { readEventBatches, readEvents, type ReadEventsOptions } from './read-events.ts';
export type {
  CorruptEvent,
  CorruptProblem,
  ExperimentEvent,
  FileVersionEvent,
  HistogramBucket,
  HistogramEvent,
  HparamValue,
  ImageEvent,
  ScalarEvent,
  SessionEndEvent,
  SessionLogEvent,
  SessionStartEvent,
  TensorboardEvent,
  TextEvent,
  UnknownEvent,
} from './read-tensorboard-event.ts';
export type { EncoderState } from './run-state.ts';
export { createTensorboardSink, type TensorboardSink } from './sink.ts';
export { openSummaryWriter, type SummaryWriter, type SummaryWriterOptions } from './summary-writer.ts';
export { tensorboardTraits } from './traits.ts';

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
    createSink,
  };
}
