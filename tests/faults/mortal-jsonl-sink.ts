// The JSONL sink, in whose write the worker dies while a switch is set; the main thread never does. A module of its own, so
// that a worker can load it.
import { existsSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import type { CreateSink } from '@runcast/core';
import { createJsonlSink } from '@runcast/jsonl';
import { faultyConfig, textMember } from './switched-file-system.ts';

export const createSink: CreateSink = (config) => {
  const { switchFile, inner } = faultyConfig(config);
  const sink = createJsonlSink({ dir: textMember(inner, 'dir') });
  const write = sink.write.bind(sink);
  sink.write = (batch) => {
    void write(batch);
    // After the rows, which nobody knows to be written.
    if (!isMainThread && existsSync(switchFile)) process.exit(3);
  };
  return sink;
};
