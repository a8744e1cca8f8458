// The W&B sink against the contract that every sink keeps: what a strict server holds after crashes, failed requests and losses.
import { createWandbSink, sendRequest, wandbTraits } from '@runcast/wandb';
import { fromScalar, isScalar, type RunRecord, type Sink } from '@runcast/core';
import { type BackendRow, describeSinkContract } from '@runcast/testing';
import { describe, expect, it } from 'vitest';
import { startWandbServer, type WandbServer } from '../wandb/server/wandb-server.ts';

interface WandbBackend {
  server: WandbServer;
  readonly runId: string;
  /** Held by an upload until it is let go. */
  gate: Promise<unknown>;
}

const PROJECT = 'contract';

function row(key: string, value: unknown): BackendRow {
  return { row: `${key}: ${typeof value === 'number' ? String(value) : JSON.stringify(value)}`, lane: key };
}

function scalarRows(metrics: Readonly<Record<string, unknown>>): readonly BackendRow[] {
  return Object.entries(metrics).flatMap(([key, value]) => (isScalar(value) ? [row(key, fromScalar(value))] : []));
}

/** What a record leaves in the history; what its axes add is left out on both sides. */
function expectedRows(record: RunRecord): readonly BackendRow[] {
  switch (record.kind) {
    case 'step':
    case 'epoch':
    case 'validation':
    case 'log':
      return scalarRows(record.metrics);
    case 'system':
      return scalarRows(
        Object.fromEntries(Object.entries(record.metrics).map(([key, value]) => [key.replace('/', '.'), value])),
      );
    case 'histogram':
      return [
        row(record.key, record.counts.length === 0 ? [0] : record.counts),
        ...(record.non_finite > 0 ? [row(`${record.key}/non_finite`, record.non_finite)] : []),
      ];
    case 'table':
    case 'image':
    case 'text':
      return [row(record.key, 'media')];
    case 'bar_chart':
      return [row(`${record.key}_table`, 'media')];
    case 'tags':
      return record.tags.map((tag) => row('tag', tag));
    case 'summary':
      return summaryRows(record.summary);
    // Merged into one document each; tested beside the encoder.
    case 'open':
    case 'final':
    case 'hparams':
    case 'config':
    case 'define_metric':
    case 'close':
    case 'file':
    case 'artifact':
    // The one kind that may come twice.
    case 'alert':
      return [];
    default:
      record satisfies never;
      return [];
  }
}

const AXES = /^(?:_(?:step|timestamp|runtime|wandb)|train\/step|epoch|log\/step|stage\/.*\/step)$/u;
/** Of the summary only what `logSummary` sets. */
const SUMMARY_KEYS = /^eval\//u;

function heldRows({ server, runId }: WandbBackend): readonly BackendRow[] {
  expect(server.violations).toEqual([]);
  const run = server.run(PROJECT, runId);
  if (run === undefined) return [];
  const cells = [...run.rows, ...run.events.map((line) => asRow(line))].flatMap((line) => Object.entries(line));
  return [
    ...cells.filter(([key]) => !AXES.test(key)).map(([key, value]) => row(key, shown(value))),
    ...run.tags.map((tag) => row('tag', tag)),
    ...summaryRows(run.summary ?? {}),
  ];
}

function summaryRows(summary: Readonly<Record<string, unknown>>): readonly BackendRow[] {
  const set = Object.entries(summary).filter(([key]) => SUMMARY_KEYS.test(key));
  return set.map(([key, value]) => row(`summary/${key}`, value));
}

function asRow(line: string): object {
  const parsed: unknown = JSON.parse(line);
  return typeof parsed === 'object' && parsed !== null ? parsed : {};
}

function shown(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('_type' in value)) return value;
  return value._type === 'histogram' && 'values' in value ? value.values : 'media';
}

function uploadedRows(record: RunRecord): readonly BackendRow[] {
  switch (record.kind) {
    case 'table':
      return [{ row: `media/table/${record.key}` }];
    case 'bar_chart':
      return [{ row: `media/table/${record.key}_table` }];
    case 'image':
      return [{ row: `media/images/${record.key}` }];
    case 'text':
      return [{ row: `media/html/${record.key}` }];
    case 'file':
      return [{ row: record.path }];
    case 'artifact':
      return [{ row: `artifact ${record.name} ${record.files.map(({ path }) => path).join()}`, lane: 'artifacts' }];
    default:
      return [];
  }
}

function uploads({ server, runId }: WandbBackend): readonly BackendRow[] {
  expect(server.violations).toEqual([]);
  const run = server.run(PROJECT, runId);
  if (run === undefined) return [];
  const named = [...run.files.keys()].map((path) => ({ row: path.replace(/_\d+_[0-9a-f]{20}\..*$/u, '') }));
  const artifacts = [...new Set(run.artifacts)].map(({ name, files }) => ({
    row: `artifact ${name} ${[...files.keys()].join()}`,
    lane: 'artifacts',
  }));
  return [...named, ...artifacts];
}

function createSink(backend: WandbBackend): Sink {
  const { server } = backend;
  return createWandbSink(
    { apiKey: server.apiKey, baseUrl: server.url, project: PROJECT },
    {
      send: async (url, request) => {
        if (request.method === 'PUT') await backend.gate;
        return sendRequest(url, request);
      },
    },
  );
}

describeSinkContract<WandbBackend>({
  describe,
  it,
  name: 'wandb',
  traits: wandbTraits,
  prepare: async ({ runId }) => ({ runId, server: await startWandbServer(), gate: Promise.resolve() }),
  createSink,
  readBack: heldRows,
  expectedRows: (_, record) => expectedRows(record),
  failNextWrite: ({ server }) => {
    server.fault({ match: { method: 'POST' }, action: { kind: 'reset-after' } });
  },
  loseBackend: async (backend) => {
    await backend.server.close();
    backend.server = await startWandbServer();
  },
  uploads: {
    kinds: createWandbSink({ apiKey: 'key' }).uploads?.kinds ?? [],
    guarantee: 'exactly-once',
    readBack: uploads,
    expectedRows: (_, record) => uploadedRows(record),
    failNextUpload: ({ server }) => {
      server.fault({ match: {}, action: { kind: 'reset-after' } });
    },
    holdNextUpload: (backend) => {
      const gate = Promise.withResolvers();
      backend.gate = gate.promise;
      return () => gate.resolve(undefined);
    },
  },
  release: ({ server }) => server.close(),
});
