/** A file that only grows and never keeps half an append, and the directories that files are made in. */
export * from './append-file.ts';
export * from './make-directory.ts';
