// The TensorBoard sink with the tfjs-node that was set up for the tests. A module of its own, so that a worker can load it.
import type { CreateSink } from '@runcast/core';
import { createTensorboardSink } from '@runcast/tensorboard';
import { tfjsBinding } from '../support/tfjs-binding.ts';
import { textMember } from './switched-file-system.ts';

export const createSink: CreateSink = (config) =>
  createTensorboardSink(
    { logDir: textMember(config, 'logDir'), logEveryNSteps: 1, engine: 'tfjs' },
    {
      binding: tfjsBinding,
    },
  );
