/** A sink that publishes a run to a Redis stream, and what reads such a stream. */

export { redisEnv, serverAddress, type RedisConfig, type RedisSinkConfig, type RedisSinkOptions } from './config.ts';
export { keyBeside } from './append-script.ts';
export { RedisConnection, unexpectedReply, withRedis } from './connection.ts';
export { decodeEntry, type DecodedEntry, type StreamLine, type StreamRecord } from './decode.ts';
export { encodeEntry } from './encode.ts';
export { probeServer } from './probe-server.ts';
export { createRedisSink } from './sink.ts';
export { redisSink } from './spec.ts';
export { redisTraits } from './traits.ts';
export {
  compareEntryIds,
  entryFields,
  readEntries,
  readLastEntries,
  readPackedEntries,
  readGroupInfo,
  readStreamInfo,
  STREAM_START,
  type GroupInfo,
  type PackedEntry,
  type StepEntry,
  type StreamEntry,
  type StreamInfo,
} from './stream-reader.ts';
