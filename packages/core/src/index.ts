/** The vocabulary that every other package speaks: records, metric shapes, the publisher and sink contracts, configuration. */
export * from './closest-name.ts';
export * from './env-section.ts';
export * from './errors.ts';
export * from './histogram.ts';
export * from './json.ts';
export * from './metrics.ts';
export * from './publisher.ts';
export * from './record.ts';
export * from './redact.ts';
export * from './run-identity.ts';
export * from './scalar.ts';
export * from './sink.ts';
export * from './step-line.ts';
export * from './image-format.ts';
export * from './recorder.ts';
export * from './parse-record.ts';
export { RowReader } from './row-reader.ts';
export { LineBytes } from './line-bytes.ts';
