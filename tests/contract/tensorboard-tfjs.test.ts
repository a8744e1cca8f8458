// The TensorBoard sink with the engine tfjs against the contract that every sink keeps. TensorFlow itself writes the files;
// its operations are made to fail by what stands between it and the sink.
import { readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { createTensorboardSink, tensorboardTraits, type TfjsBinding } from '@runcast/tensorboard';
import { describeSinkContract } from '@runcast/testing';
import { describe, it } from 'vitest';
import { expectedRows, heldRows } from '../../packages/tensorboard/test/event-rows.ts';
import { missingTfjs, tfjsBinding } from '../support/tfjs.ts';

interface EventDirectory {
  readonly logDir: string;
  /** How the next operation that writes goes wrong. */
  failure: 'none' | 'told' | 'silent';
}

const missing = missingTfjs();

/** Files in the order in which they were begun: within one second, names are those of one process and tell it by number. */
function eventFiles({ logDir }: EventDirectory): readonly string[] {
  const entries = readdirSync(logDir, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && entry.name.startsWith('events.'));
  return names
    .map(({ parentPath, name }) => path.join(parentPath, name))
    .toSorted((one, other) => one.localeCompare(other, 'en', { numeric: true }));
}

/** TensorFlow reports an error of the disk, or passes over it: then bytes are missing. */
function failing(backend: EventDirectory): TfjsBinding {
  const binding = tfjsBinding();
  return {
    ...constantsOf(binding),
    createTensor: (...args) => binding.createTensor(...args),
    deleteTensor: (...args) => binding.deleteTensor(...args),
    executeOp: (name, ...args) => {
      const result = binding.executeOp(name, ...args);
      if (name !== 'FlushSummaryWriter' || backend.failure === 'none') return result;
      const { failure } = backend;
      backend.failure = 'none';
      if (failure === 'told') throw new Error('RESOURCE_EXHAUSTED: No space left on device');
      for (const file of eventFiles(backend).slice(-1)) truncateSync(file, readFileSync(file).length - 5);
      return result;
    },
  };
}

function constantsOf({
  TF_ATTR_STRING,
  TF_INT32,
  TF_STRING,
}: TfjsBinding): Pick<TfjsBinding, `TF_${string}` & keyof TfjsBinding> {
  return { TF_ATTR_STRING, TF_INT32, TF_STRING };
}

describe.skipIf(missing !== undefined).each(['told', 'silent'] as const)('a failed write that is %s', (failure) => {
  describeSinkContract<EventDirectory>({
    describe,
    it,
    name: 'tensorboard',
    traits: tensorboardTraits,
    prepare: ({ runDirectory }) => ({ logDir: path.join(runDirectory, 'tensorboard'), failure: 'none' }),
    createSink: (backend) =>
      createTensorboardSink({ logDir: backend.logDir, logEveryNSteps: 1, engine: 'tfjs' }, undefined, {
        binding: () => failing(backend),
        // Files are not read by TensorBoard here, so that the order of names within a second does not matter.
        wait: () => undefined,
      }),
    readBack: (backend) => heldRows(eventFiles(backend).map((file) => readFileSync(file))),
    expectedRows: (_, record) => expectedRows(record),
    failNextWrite: (backend) => {
      backend.failure = failure;
    },
    loseBackend: ({ logDir }) => rmSync(logDir, { recursive: true }),
  });
});
