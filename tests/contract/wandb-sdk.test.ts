// The W&B sink with the engine sdk against the contract that every sink keeps, as far as its traits promise it: rows only, and a
// run is begun once. W&B's own client for Node is the real one, and so are the breaks of its connections.
import { isScalar, type RunRecord } from '@runcast/core';
import { type BackendRow, describeSinkContract } from '@runcast/testing';
import { createWandbSink, wandbSdkTraits } from '@runcast/wandb';
import { describe, expect, it } from 'vitest';
import { startWandbServer, type WandbServer } from '../wandb/server/wandb-server.ts';

interface SdkBackend {
  readonly server: WandbServer;
  readonly runId: string;
}

const PROJECT = 'contract';
const AXES = /^(?:_(?:step|timestamp|runtime)|train\/step|epoch|log\/step|stage\/.*\/step)$/u;

function row(key: string, value: unknown): BackendRow {
  return { row: `${key}: ${JSON.stringify(value)}`, lane: key };
}

function expectedRows(record: RunRecord): readonly BackendRow[] {
  if (!('metrics' in record)) return [];
  return Object.entries(record.metrics).flatMap(([key, value]) => (isScalar(value) ? [row(key, value)] : []));
}

function heldRows({ server, runId }: SdkBackend): readonly BackendRow[] {
  expect(server.violations).toEqual([]);
  const cells = server.run(PROJECT, runId)?.rows.flatMap((line) => Object.entries(line)) ?? [];
  return cells.filter(([key]) => !AXES.test(key)).map(([key, value]) => row(key, value));
}

describeSinkContract<SdkBackend>({
  describe,
  it,
  name: 'wandb by its own client',
  traits: wandbSdkTraits,
  prepare: async ({ runId }) => ({ runId, server: await startWandbServer() }),
  createSink: ({ server }) =>
    createWandbSink({ engine: 'sdk', apiKey: server.apiKey, baseUrl: server.url, project: PROJECT }),
  readBack: heldRows,
  expectedRows: (_, record) => expectedRows(record),
  failNextWrite: ({ server }) => {
    // The first request for the run goes past the client, the others are the client's.
    server.fault({ match: { method: 'POST' }, action: { kind: 'reset-after' } });
  },
  release: ({ server }) => server.close(),
});
