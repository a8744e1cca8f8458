// The JSONL sink on a disk that fails while a switch is set. A module of its own, so that a worker can load it.
import type { CreateSink } from '@runcast/core';
import { createJsonlSink } from '@runcast/jsonl';
import { createSwitchedFileSystem, faultyConfig, textMember } from './switched-file-system.ts';

export const createSink: CreateSink = (config) => {
  const { switchFile, inner } = faultyConfig(config);
  return createJsonlSink({ dir: textMember(inner, 'dir') }, createSwitchedFileSystem(switchFile));
};
