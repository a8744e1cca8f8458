/** A file that only grows, and never keeps half an append. */
export * from './append-file.ts';
