// Runs written offline, uploaded by W&B's own client: what the server then holds is what was logged.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PIXEL_PNG } from '@runcast/testing';
import { publisherFromEnv } from 'runcast';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { missingClient, OfficialClient } from './official-client.ts';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';

let server: WandbServer;
let client: OfficialClient;
let place: string;

beforeEach(async () => {
  server = await startWandbServer();
  client = new OfficialClient(server);
  place = mkdtempSync(path.join(tmpdir(), 'runcast-wandb-'));
});

afterEach(async () => {
  await server.close();
  client.remove();
  rmSync(place, { recursive: true });
});

describe.skipIf(missingClient !== undefined)('wandb sync', () => {
  it('uploads everything that was logged', async () => {
    const publisher = await publisherFromEnv({
      env: {
        RUNCAST__DIR: path.join(place, 'runs'),
        RUNCAST__HOST: 'inline',
        WANDB__ENABLED: 'true',
        WANDB_MODE: 'offline',
        WANDB_DIR: place,
      },
      run: {
        id: 'run-1',
        project: 'demo',
        name: 'baseline',
        group: 'sweep',
        jobType: 'train',
        tags: ['lm'],
        config: { latent_dim: 32 },
      },
    });
    publisher.defineMetric('train/loss', { summary: 'min' });
    for (const [index, loss] of [3, 1, Number.NaN, 2].entries()) publisher.logStep({ step: index * 10, loss });
    publisher.logEpoch({ epoch: 0, loss: 2.5 });
    publisher.log('training/operator', { loss: 0.5 }, { step: 7 });
    publisher.log({ padding: 1 }, { step: 40 });
    publisher.logSummary({ nrmse: 0.09 }, { prefix: 'eval' });
    publisher.updateConfig({ eval_samples: 3072 });
    publisher.addTags(['fast']);
    publisher.logTable('eval/compared', { columns: ['model', 'nrmse'], rows: [['gru', 0.09]] });
    publisher.logBarChart('violations', { mass: 3 });
    publisher.logHistogram('weights', [1, 2, 3], { buckets: 2 });
    publisher.logImage('picture', PIXEL_PNG, { caption: 'a pixel' });
    publisher.logText('samples', 'x'.repeat(100_000));
    writeFileSync(path.join(place, 'model.bin'), 'weights');
    publisher.saveFile('model.bin', { base: place });
    publisher.logArtifact({ name: 'model', type: 'model', files: ['model.bin'], base: place, aliases: ['best'] });
    publisher.alert({ title: 'Loss is rising', text: 'for 100 steps', level: 'warn' });
    const report = await publisher.close();
    expect(report).toMatchObject({ complete: true });

    const [directory = ''] = readdirSync(path.join(place, 'wandb'));
    expect(directory).toMatch(/^offline-run-\d{8}_\d{6}-run-1$/u);
    const ending = await client.command('sync', path.join(place, 'wandb', directory));
    expect(ending).toMatchObject({ code: 0 });

    const run = server.run('demo', 'run-1');
    expect(run).toMatchObject({
      displayName: 'baseline',
      group: 'sweep',
      jobType: 'train',
      tags: ['lm', 'fast'],
      complete: true,
      exitCode: 0,
    });
    expect(run?.config).toMatchObject({
      latent_dim: { value: 32 },
      eval_samples: { value: 3072 },
      _wandb: { value: { visualize: { violations: { panel_type: 'Vega2' } } } },
    });
    expect(run?.rows.map((row) => [row['_step'], row['train/loss'], row['padding']])).toEqual([
      [0, 3, undefined],
      [10, 1, undefined],
      [20, Number.NaN, undefined],
      [30, 2, undefined],
      [40, undefined, 1],
    ]);
    expect(run?.rows.at(3)).toMatchObject({
      'epoch/loss': 2.5,
      epoch: 0,
      'training/operator/loss': 0.5,
      'training/operator/step': 7,
    });
    expect(run?.rows.at(-1)).toMatchObject({
      weights: { _type: 'histogram', bins: [1, 2, 3], values: [1, 2] },
      picture: { _type: 'image-file', caption: 'a pixel' },
    });
    expect(run?.summary).toMatchObject({ 'train/loss': { min: Number.NaN }, 'eval/nrmse': 0.09, _step: 40 });
    const sizes = new Map(
      [...(run?.files ?? [])].map(([name, bytes]) => [name.replace(/_\d+_[0-9a-f]{20}/u, ''), bytes.length]),
    );
    expect(Object.fromEntries(sizes)).toMatchObject({
      'model.bin': 7,
      'media/images/picture.png': PIXEL_PNG.length,
      'media/table/eval/compared.table.json': 51,
      'media/table/violations_table.table.json': 49,
    });
    expect(run?.artifacts).toMatchObject([
      { name: 'model', type: 'model', state: 'COMMITTED', aliases: ['latest', 'best'] },
    ]);
    expect(run?.alerts).toMatchObject([{ title: 'Loss is rising', text: 'for 100 steps', severity: 'WARN' }]);
    expect(server.violations).toEqual([]);
  });
});
