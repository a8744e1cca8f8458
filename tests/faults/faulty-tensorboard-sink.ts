// The TensorBoard sink on a disk that fails while a switch is set. A module of its own, so that a worker can load it.
import type { CreateSink } from '@runcast/core';
import { createSinkOn } from '../../packages/tensorboard/src/sink.ts';
import { createSwitchedFileSystem, faultyConfig } from './switched-file-system.ts';

export const createSink: CreateSink = (config) => {
  const { switchFile, inner } = faultyConfig(config);
  return createSinkOn(inner, createSwitchedFileSystem(switchFile));
};
