import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createFaultFileSystem, describeSinkContract, type FaultFileSystem } from '@runcast/testing';
import { describe, it } from 'vitest';
import { expectedRows, heldRows } from '../test/event-rows.ts';
import { createTensorboardSink } from './sink.ts';
import { tensorboardTraits } from './traits.ts';

interface EventDirectory {
  readonly logDir: string;
  readonly runDirectory: string;
  readonly fileSystem: FaultFileSystem;
}

function eventFiles({ logDir }: EventDirectory): ReadonlyMap<string, Uint8Array> {
  const entries = readdirSync(logDir, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.startsWith('events.'),
  );
  const files = entries.map((entry) => path.join(entry.parentPath, entry.name)).toSorted();
  return new Map(files.map((file) => [path.relative(logDir, file), readFileSync(file)]));
}

describeSinkContract<EventDirectory>({
  describe,
  it,
  name: 'tensorboard',
  traits: tensorboardTraits,
  prepare: ({ runDirectory }) => ({
    logDir: path.join(runDirectory, 'tensorboard'),
    runDirectory,
    fileSystem: createFaultFileSystem(),
  }),
  createSink: ({ logDir, fileSystem }) => createTensorboardSink({ logDir, logEveryNSteps: 1 }, fileSystem),
  readBack: (directory) => heldRows(eventFiles(directory).values()),
  expectedRows: (_, record) => expectedRows(record),
  readFiles: eventFiles,
  failNextWrite: ({ fileSystem }) =>
    fileSystem.inject({ call: 'writeSync', takes: 20 }, { call: 'writeSync', code: 'ENOSPC' }),
  loseBackend: ({ logDir }) => rmSync(logDir, { recursive: true }),
});
