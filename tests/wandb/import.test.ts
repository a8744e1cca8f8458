// Runs that W&B's own client wrote offline, as runs of ours.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseRecord, type RunRecord } from '@runcast/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { missingClient, OfficialClient } from './official-client.ts';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';

const bin = path.join(import.meta.dirname, '../../packages/runcast/src/bin.ts');

let server: WandbServer;
let client: OfficialClient;

beforeEach(async () => {
  server = await startWandbServer();
  client = new OfficialClient(server);
});

afterEach(async () => {
  await server.close();
  client.remove();
});

/** Records of the run that importing leaves, by kind. */
async function imported(
  scenario: string,
  id: string,
): Promise<Readonly<Partial<Record<string, readonly RunRecord[]>>>> {
  expect(await client.run(scenario, { WANDB_MODE: 'offline' })).toMatchObject({ code: scenario === 'failed' ? 1 : 0 });
  const argv = [
    '--conditions=runcast-source',
    '--disable-warning=ExperimentalWarning',
    bin,
    'import',
    'wandb',
    'wandb',
  ];
  await promisify(execFile)(process.execPath, argv, { cwd: client.folder, env: { PATH: process.env['PATH'] } });
  const logs = path.join(client.folder, 'runs', id, 'log');
  const [log = ''] = readdirSync(logs);
  const records = readFileSync(path.join(logs, log), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const parsed = parseRecord(line);
      if (!parsed.ok) throw new Error(`${parsed.problem}: ${line}`);
      return parsed.record;
    });
  return Object.groupBy(records, ({ kind }) => kind);
}

describe.skipIf(missingClient !== undefined)('what the official client writes offline', () => {
  it('has its rows, summary, configuration and tags', async () => {
    const { open, log = [], summary, config, tags, table, close } = await imported('offline', 'offline');
    expect(open).toMatchObject([{ run: 'offline', project: 'official' }]);
    expect(log).toMatchObject(Array.from({ length: 100 }, (_, step) => ({ step, metrics: { loss: 1 / (step + 1) } })));
    expect(config).toMatchObject([{ config: { lr: 0.1 } }]);
    expect(tags).toMatchObject([{ tags: ['lm'] }]);
    expect(summary).toMatchObject([{ summary: { nrmse: 0.09 } }]);
    expect(table).toMatchObject([{ key: 'compared', columns: ['a'], rows: [[1]], step: 100 }]);
    expect(close).toMatchObject([{ status: 'finished' }]);
  });

  it('has its pictures, tables, histograms and files', async () => {
    const { image, table, histogram, file = [] } = await imported('media', 'media');
    expect(image).toMatchObject([{ key: 'eval/picture', caption: 'black', width: 6, height: 4, step: 1 }]);
    expect(table).toMatchObject([{ key: 'compared', columns: ['model', 'nrmse'] }]);
    expect(histogram).toMatchObject([{ key: 'weights', edges: [0, 0.5, 1, 1.5], counts: [3, 0, 2] }]);
    expect(file).toContainEqual(expect.objectContaining({ path: 'checkpoints/model.bin', bytes: 256 }));
  });

  it('has numbers that are none, and leaves out what is no number', async () => {
    const { log } = await imported('not_finite', 'not-finite');
    expect(log).toMatchObject([{ metrics: { a: 'NaN', b: 'Infinity', c: '-Infinity', e: 1, f: 2 ** 60, 'g.h': 1 } }]);
  });

  it('has its alerts', async () => {
    const { alert } = await imported('alert', 'alert');
    expect(alert).toMatchObject([{ title: 'Loss went up', text: 'from 1 to 3', level: 'warn' }]);
  });

  it('has its artifacts, and that it failed', async () => {
    const { artifact } = await imported('artifact', 'artifact-1');
    expect(artifact).toMatchObject([
      {
        name: 'report',
        type: 'report',
        aliases: ['best'],
        metadata: { seed: 7 },
        files: [{ path: 'summary.json' }, { path: 'tables/leaderboard.csv' }],
      },
    ]);
    const { close } = await imported('failed', 'failed');
    expect(close).toMatchObject([{ status: 'failed' }]);
  });
});
