// The offline W&B sink against the contract that every sink keeps: what its file of transactions holds after crashes, failed
// writes and losses. That W&B's client reads the same from it is shown in tests/wandb/offline.test.ts.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isScalar, type RunRecord } from '@runcast/core';
import { type BackendRow, createFaultFileSystem, describeSinkContract, type FaultFileSystem } from '@runcast/testing';
import { createWandbSink, readTransactions, wandbOfflineTraits, type WandbTransaction } from '@runcast/wandb';
import { describe, it } from 'vitest';

interface OfflineBackend {
  readonly dir: string;
  readonly fileSystem: FaultFileSystem;
}

function row(key: string, value: unknown): BackendRow {
  return { row: `${key}: ${JSON.stringify(value)}`, lane: key };
}

function scalarRows(metrics: Readonly<Record<string, unknown>>): readonly BackendRow[] {
  return Object.entries(metrics).flatMap(([key, value]) => (isScalar(value) ? [row(key, value)] : []));
}

function expectedRows(record: RunRecord): readonly BackendRow[] {
  switch (record.kind) {
    case 'step':
    case 'epoch':
    case 'validation':
    case 'log':
      return scalarRows(record.metrics);
    case 'histogram':
      return [
        row(record.key, 'media'),
        ...(record.non_finite > 0 ? [row(`${record.key}/non_finite`, record.non_finite)] : []),
      ];
    case 'table':
    case 'text':
    case 'image':
      return [row(record.key, 'media'), row('file', `media/${FOLDERS[record.kind]}/${record.key}`)];
    case 'bar_chart':
      return [row(`${record.key}_table`, 'media'), row('file', `media/table/${record.key}_table`)];
    case 'file':
      return [row('file', record.path)];
    case 'artifact':
      return [row('artifact', record.name)];
    case 'alert':
      return [row('alert', record.title)];
    case 'system':
      return scalarRows(record.metrics);
    // Merged into one document each, or told once; tested beside the encoder.
    case 'open':
    case 'final':
    case 'summary':
    case 'hparams':
    case 'config':
    case 'tags':
    case 'define_metric':
    case 'close':
      return [];
    default:
      record satisfies never;
      return [];
  }
}

const AXES = /^(?:_(?:step|timestamp|runtime)|train\/step|epoch|log\/step|stage\/.*\/step)$/u;
const FOLDERS = { table: 'table', image: 'images', text: 'html' } as const;

function heldRows(transaction: WandbTransaction): readonly BackendRow[] {
  switch (transaction.kind) {
    case 'history':
      return transaction.items.flatMap(({ path: [key = ''], value }) =>
        AXES.test(key) ? [] : [row(key, shown(value))],
      );
    case 'stats':
      return transaction.items.map(({ path: [key = ''], value }) => row(`system/${key}`, value));
    case 'files':
      return transaction.paths.map((path) => row('file', path.replace(/_\d+_[0-9a-f]{20}\..*$/u, '')));
    case 'artifact':
      return [row('artifact', transaction.name)];
    case 'alert':
      return [row('alert', transaction.title)];
    default:
      return [];
  }
}

function shown(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? 'media' : value;
}

function filesOf({ dir }: OfflineBackend): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();
}

/** Artifacts name the place of their files, which is another in each test: so the records are compared, not their frames. */
function content({ dir }: OfflineBackend, path: string): Uint8Array {
  if (!path.endsWith('.wandb')) return readFileSync(path);
  return Buffer.from(JSON.stringify(readTransactions(path)).replaceAll(dir, 'dir'));
}

describeSinkContract<OfflineBackend>({
  describe,
  it,
  name: 'wandb offline',
  traits: wandbOfflineTraits,
  prepare: ({ runDirectory }) => ({ dir: join(runDirectory, 'offline'), fileSystem: createFaultFileSystem() }),
  createSink: ({ dir, fileSystem }) => createWandbSink({ mode: 'offline', dir, project: 'contract' }, { fileSystem }),
  readBack: (backend) =>
    filesOf(backend)
      .filter((path) => path.endsWith('.wandb'))
      .flatMap((path) => readTransactions(path).transactions)
      .flatMap((transaction) => heldRows(transaction)),
  expectedRows: (_, record) => expectedRows(record),
  readFiles: (backend) =>
    new Map(filesOf(backend).map((path) => [relative(backend.dir, path), content(backend, path)])),
  failNextWrite: ({ fileSystem }) =>
    fileSystem.inject({ call: 'writeSync', takes: 100 }, { call: 'writeSync', code: 'ENOSPC' }),
  loseBackend: ({ dir }) => rmSync(dir, { recursive: true }),
});
