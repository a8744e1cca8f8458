// The TensorBoard sink with the engine tfjs against the contract that every sink keeps. TensorFlow itself writes the files;
// its operations are made to fail by what stands between it and the sink.
import { readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { fromScalar, isScalar, type RunRecord } from '@runcast/core';
import {
  createTensorboardSink,
  readEvents,
  tensorboardTraits,
  type TensorboardEvent,
  type TfjsBinding,
} from '@runcast/tensorboard';
import { describeSinkContract, PIXEL_PNG, type BackendRow } from '@runcast/testing';
import { describe, it } from 'vitest';
import { tfjsBinding } from '../support/tfjs-binding.ts';
import { missingTfjs } from '../support/tfjs.ts';

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

/** A value of a tag. Tables and bar charts are known by their tags alone. */
function row(tag: string, value: unknown): BackendRow {
  return { row: /^(?:table|bars|empty)/u.test(tag) ? tag : `${tag}: ${String(value)}`, lane: tag };
}

function scalarRows(metrics: Readonly<Record<string, unknown>>): readonly BackendRow[] {
  return Object.entries(metrics).flatMap(([tag, value]) =>
    isScalar(value) ? [row(tag, Math.fround(fromScalar(value)))] : [],
  );
}

function expectedRows(record: RunRecord): readonly BackendRow[] {
  switch (record.kind) {
    case 'step':
    case 'epoch':
    case 'validation':
    case 'log':
    case 'system':
      return scalarRows(record.metrics);
    case 'final':
      return scalarRows({
        ...(record.total_steps === undefined ? {} : { 'final/total_steps': record.total_steps }),
        ...record.metrics,
      });
    case 'summary':
      return scalarRows(record.summary);
    case 'table':
      return [row(record.key, '')];
    case 'bar_chart':
      return [row(record.key, ''), row(`${record.key}/values`, '')];
    case 'text':
      return [row(record.key, record.text)];
    case 'histogram':
      return [row(record.key, record.counts)];
    case 'image':
      return [row(record.key, Buffer.from(PIXEL_PNG).join())];
    default:
      return [];
  }
}

function heldRow(event: TensorboardEvent): readonly BackendRow[] {
  switch (event.kind) {
    case 'scalar':
      return [row(event.tag, event.value)];
    case 'histogram':
      return [
        row(
          event.tag,
          event.value.map(([, , count]) => count),
        ),
      ];
    case 'text':
      return [row(event.tag, event.value[0])];
    case 'image':
      return [row(event.tag, event.value[0]?.join())];
    case 'corrupt':
      throw new Error(`${event.file}, byte ${event.offset}: ${event.problem}`);
    default:
      return [];
  }
}

async function heldRows(backend: EventDirectory): Promise<readonly BackendRow[]> {
  const rows: BackendRow[] = [];
  for (const file of eventFiles(backend)) for await (const event of readEvents(file)) rows.push(...heldRow(event));
  return rows;
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
      createTensorboardSink(
        { logDir: backend.logDir, logEveryNSteps: 1, engine: 'tfjs' },
        {
          binding: () => failing(backend),
          // What pictures look like is no matter of the engine's.
          rasteriser: { draw: () => PIXEL_PNG, close: () => undefined },
          // Files are not read by TensorBoard here, so that the order of names within a second does not matter.
          wait: () => undefined,
        },
      ),
    readBack: heldRows,
    expectedRows: (_, record) => expectedRows(record),
    failNextWrite: (backend) => {
      backend.failure = failure;
    },
    loseBackend: ({ logDir }) => rmSync(logDir, { recursive: true }),
  });
});
