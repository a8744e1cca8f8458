/** TensorBoard event files, written natively: no TensorFlow, no Python. */

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
export { createTensorboardSink, type TensorboardSink, type TensorboardSupport } from './sink.ts';
export { tensorboardSink } from './spec.ts';
export { openSummaryWriter, type SummaryWriter, type SummaryWriterOptions } from './summary-writer.ts';
export { loadTfjsBinding, type Require, type TfjsBinding } from './tfjs-binding.ts';
export { tensorboardTraits } from './traits.ts';
