/** From a run's logs to its sinks: cursors, batches, retries, and the worker they run in. */
export * from './backoff.ts';
export * from './cursor-store.ts';
export * from './delivered-logs.ts';
export * from './delivery-engine.ts';
export * from './delivery-event.ts';
export * from './delivery-host.ts';
export { InlineHost, SinkOpenError } from './inline-host.ts';
export * from './lag-records.ts';
export * from './load-sink.ts';
export { MemberHost } from './member-host.ts';
export * from './open-host.ts';
export * from './owed-records.ts';
export * from './scheduler.ts';
export * from './sink-delivery.ts';
export type { LaneName } from './sink-calls.ts';
export { cursorName, storedPositions, type StoredPositions } from './stored-positions.ts';
