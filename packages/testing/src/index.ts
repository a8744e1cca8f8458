/** What it takes to test a sink: the contract every sink keeps, records of every kind, a memory sink, and fakes that fail on demand. */
export * from './blobs.ts';
export * from './fault-file-system.ts';
export * from './record-builders.ts';
export * from './record-sequence.ts';
