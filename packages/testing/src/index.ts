/** What it takes to test a sink: the contract every sink keeps, records of every kind, a memory sink, and fakes that fail on demand. */
export * from './blobs.ts';
export * from './broken-sinks.ts';
export * from './describe-sink-contract.ts';
export * from './fault-file-system.ts';
export * from './held-rows.ts';
export * from './manual-clock.ts';
export * from './memory-contract.ts';
export * from './memory-sink.ts';
export * from './record-builders.ts';
export * from './record-sequence.ts';
export * from './scripted-backend.ts';
export * from './scripted-sink.ts';
export * from './sink-context.ts';
export * from './sink-contract.ts';
