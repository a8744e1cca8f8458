// W&B's client for Node, npm's @wandb/sdk, against our server for tests. It knows rows, a summary of last values and the end of a
// run, and breaks one rule: its config is not wrapped, so that the Python client does not take the run for one it could resume.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { missingClient, OfficialClient } from './official-client.ts';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';

const CLIENT = path.join(import.meta.dirname, 'clients', 'sdk-client.ts');

describe('@wandb/sdk', () => {
  let server: WandbServer;

  beforeEach(async () => {
    server = await startWandbServer({ tolerated: ['config'] });
  });

  afterEach(() => server.close());

  async function logFromNode(): Promise<void> {
    const env = {
      HOME: path.join(import.meta.dirname, 'no-such-home'),
      WANDB_BASE_URL: server.url,
      WANDB_API_KEY: server.apiKey,
    };
    await promisify(execFile)(process.execPath, [CLIENT], { env });
  }

  it('logs rows, a summary and the end of a run', async () => {
    await logFromNode();
    const run = server.run('sdk', 'from-node');
    expect(run?.rows.map(({ _step, loss }) => [_step, loss])).toEqual(
      Array.from({ length: 50 }, (_, step) => [step, 1 / (step + 1)]),
    );
    expect(run).toMatchObject({
      displayName: 'baseline',
      config: { lr: 0.1 },
      summary: { _step: 49, loss: 0.02 },
      state: 'finished',
    });
    expect(server.violations).toEqual([]);
  });

  it.skipIf(missingClient !== undefined)('makes runs that the Python client finds no part of', async () => {
    await logFromNode();
    const client = new OfficialClient(server);
    try {
      const { output } = await client.run('resume_from_node');
      expect(output).toContain('refused: UsageError');
    } finally {
      client.remove();
    }
  });
});
