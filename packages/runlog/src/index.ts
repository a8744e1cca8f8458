/** The run directory: its log, blobs, lease and layout. */
export * from './blob-store.ts';
export * from './lease.ts';
export * from './log-reader.ts';
export * from './log-writer.ts';
export * from './run-directory.ts';
export * from './run-logs.ts';
