// The TensorBoard sink on a disk that fails while a switch is set. A module of its own, so that a worker can load it.
import type { CreateSink } from '@runcast/core';
import { createTensorboardSink } from '@runcast/tensorboard';
import { createSwitchedFileSystem, faultyConfig, textMember } from './switched-file-system.ts';

export const createSink: CreateSink = (config) => {
  const { switchFile, inner } = faultyConfig(config);
  return createTensorboardSink(
    { logDir: textMember(inner, 'logDir'), logEveryNSteps: 1 },
    { fileSystem: createSwitchedFileSystem(switchFile) },
  );
};
