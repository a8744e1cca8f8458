// The JSONL sink against the contract that every sink keeps: what its file holds after crashes, failed writes and losses.
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { createJsonlSink, encodeRow, jsonlTraits } from '@runcast/jsonl';
import { createFaultFileSystem, describeSinkContract, type FaultFileSystem } from '@runcast/testing';
import { describe, it } from 'vitest';

interface JsonlBackend {
  readonly dir: string;
  readonly path: string;
  readonly fileSystem: FaultFileSystem;
}

describeSinkContract<JsonlBackend>({
  describe,
  it,
  name: 'jsonl',
  traits: jsonlTraits,
  prepare: ({ runId, runDirectory }) => {
    const dir = join(runDirectory, 'rows');
    return { dir, path: join(dir, `${runId}.jsonl`), fileSystem: createFaultFileSystem() };
  },
  createSink: ({ dir, fileSystem }) => createJsonlSink({ dir }, fileSystem),
  readBack: ({ path }) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((row) => ({ row })),
  expectedRows: (writer, record) => [{ row: encodeRow(writer, record) }],
  readFiles: ({ path }) => new Map(existsSync(path) ? [['rows', readFileSync(path)]] : []),
  // A disk that becomes full in the middle of a row.
  failNextWrite: ({ fileSystem }) =>
    fileSystem.inject({ call: 'writeSync', takes: 100 }, { call: 'writeSync', code: 'ENOSPC' }),
  loseBackend: ({ path }) => truncateSync(path, 10),
});
