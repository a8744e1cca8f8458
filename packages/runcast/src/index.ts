/** Log a training run once; read it everywhere; lose nothing. */
export * from '@runcast/core';
export { SinkOpenError } from '@runcast/delivery';
export { jsonlSink } from '@runcast/jsonl';
export { redisSink } from '@runcast/redis/spec';
export { storeSink } from '@runcast/store/spec';
export { tensorboardSink } from '@runcast/tensorboard/spec';
export { wandbSink, type WandbSinkOptions } from '@runcast/wandb/spec';
export type { SinkRunSettings } from './built-in-sinks.ts';
export { describeConfiguration, readConfiguration, type Configuration } from './configuration.ts';
export {
  createPublisher,
  type ObjectPublisherOptions,
  type PublisherOptions,
  type SpecPublisherOptions,
} from './open-publisher.ts';
export { publisherFromEnv, withPublisher, type PublisherFromEnvOptions } from './publisher-from-env.ts';
export { createWandbContext, loadWandbContext, wandbContext, type WandbContext } from './wandb-context.ts';
