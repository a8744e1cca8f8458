// A publisher with W&B switched on by the environment, against the strict server: what the server holds in the end, and what
// becomes of trouble on the way.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PIXEL_PNG } from '@runcast/testing';
import { publisherFromEnv, withPublisher, type Environment } from 'runcast';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';

let server: WandbServer;
let place: string;

beforeEach(async () => {
  server = await startWandbServer();
  place = mkdtempSync(path.join(tmpdir(), 'runcast-wandb-'));
});

afterEach(async () => {
  await server.close();
  rmSync(place, { recursive: true });
});

function environment(more: Environment = {}): Environment {
  return {
    RUNCAST__DIR: path.join(place, 'runs'),
    RUNCAST__HOST: 'inline',
    WANDB__ENABLED: 'true',
    WANDB_API_KEY: server.apiKey,
    WANDB_BASE_URL: server.url,
    ...more,
  };
}

describe('a run', () => {
  it('is on the server as it was logged, and complete', async () => {
    const env = environment({ WANDB_RUN_GROUP: 'sweep', WANDB_TAGS: 'a, b', WANDB__JOB_TYPE: 'train' });
    const file = path.join(place, 'weights', 'model.bin');
    const publisher = await publisherFromEnv({
      env,
      run: { id: 'run-1', project: 'demo', name: 'baseline', tags: ['lm'], config: { latent_dim: 32 }, notes: 'why' },
    });
    publisher.logHparams({
      model_family: 'gru',
      model_size: 'tiny',
      batch_size: 32,
      learning_rate: 3e-4,
      max_seq_len: 128,
      num_epochs: 2,
    });
    publisher.defineMetric('train/loss', { summary: 'min' });
    for (const [index, loss] of [3, 1, 2].entries()) publisher.logStep({ step: index * 10, loss });
    publisher.logEpoch({ epoch: 0, loss: 2.5 });
    publisher.logValidation({ epoch: 0, loss: Number.NaN });
    publisher.log('training/operator', { loss: 0.5 }, { step: 7 });
    publisher.logSummary({ nrmse: 0.09, better: true }, { prefix: 'eval' });
    publisher.logFinal({ loss: 0.25, total_steps: 3 });
    publisher.updateConfig({ eval_samples: 3072 });
    publisher.addTags(['fast']);
    publisher.logTable('eval/compared', { columns: ['model', 'nrmse'], rows: [['gru', 0.09]] });
    publisher.logBarChart('violations', { mass: 3 });
    publisher.logHistogram('weights', [1, 2, 3], { buckets: 2 });
    publisher.logImage('picture', PIXEL_PNG, { caption: 'a pixel' });
    publisher.logText('samples', 'a < b');
    rmSync(path.dirname(file), { recursive: true, force: true });
    writeFileSync(path.join(place, 'model.bin'), 'weights');
    publisher.saveFile('model.bin', { base: place });
    publisher.logArtifact({ name: 'model', type: 'model', files: ['model.bin'], base: place, aliases: ['best'] });
    publisher.alert({ title: 'Loss is rising', text: 'for 100 steps', level: 'warn' });
    const report = await publisher.close();
    expect(report.undelivered).toEqual([]);
    expect(server.violations).toEqual([]);

    const run = server.run('demo', 'run-1');
    expect(run).toMatchObject({
      displayName: 'baseline',
      group: 'sweep',
      jobType: 'train',
      notes: 'why',
      tags: ['a', 'b', 'lm', 'fast'],
      complete: true,
      exitCode: 0,
      state: 'finished',
    });
    expect(run?.config).toMatchObject({
      latent_dim: { value: 32 },
      model_family: { value: 'gru' },
      learning_rate: { value: 3e-4 },
      eval_samples: { value: 3072 },
      _wandb: { value: { t: {}, visualize: { violations: { panel_type: 'Vega2' } } } },
    });
    expect(run?.rows.map((row) => [row['_step'], row['train/loss'], row['train/step']])).toEqual([
      [0, 3, 0],
      [10, 1, 10],
      [20, 2, 20],
    ]);
    expect(run?.rows.at(-1)).toMatchObject({
      'epoch/loss': 2.5,
      'val/loss': Number.NaN,
      epoch: 0,
      'training/operator/loss': 0.5,
      'training/operator/step': 7,
      weights: { _type: 'histogram', bins: [1, 2, 3], values: [1, 2] },
      picture: { _type: 'image-file', caption: 'a pixel', width: 1, height: 1 },
    });
    expect(run?.summary).toMatchObject({
      'train/loss': { min: 1 },
      'train/perplexity': Math.exp(2),
      'eval/nrmse': 0.09,
      'eval/better': true,
      'final/loss': 0.25,
      'final/total_steps': 3,
      _step: 20,
    });
    expect(run?.history.some((line) => line.includes('final/'))).toBe(false);
    const texts = [...(run?.files ?? [])].map(([name, bytes]) => [
      name.replace(/[0-9a-f]{20}/u, '…'),
      Buffer.from(bytes).toString(),
    ]);
    expect(new Map(texts.map(([name = '', text = '']) => [name, text]))).toEqual(
      new Map([
        ['media/table/eval/compared_13_….table.json', '{"columns":["model","nrmse"],"data":[["gru",0.09]]}'],
        ['media/table/violations_table_14_….table.json', '{"columns":["label","value"],"data":[["mass",3]]}'],
        ['media/images/picture_16_….png', Buffer.from(PIXEL_PNG).toString()],
        [
          'media/html/samples_17_….html',
          '<!doctype html><meta charset="utf-8"><pre style="white-space:pre-wrap">a &lt; b</pre>\n',
        ],
        ['model.bin', 'weights'],
      ]),
    );
    expect(run?.uploaded.length).toBe(5);
    expect(run?.artifacts).toMatchObject([
      { name: 'model', type: 'model', state: 'COMMITTED', aliases: ['latest', 'best'] },
    ]);
    expect(run?.alerts).toMatchObject([{ title: 'Loss is rising', text: 'for 100 steps', severity: 'WARN' }]);
  });

  it('says where it can be seen, and that it is asked to stop', async () => {
    server.fault({ action: { kind: 'stop' } });
    const publisher = await publisherFromEnv({ env: environment(), run: { id: 'run-1', project: 'demo' } });
    const heard: string[] = [];
    publisher.on('runUrl', ({ url }) => heard.push(url));
    publisher.on('stopRequested', ({ sink }) => heard.push(`stop ${sink}`));
    publisher.logStep({ step: 1, loss: 1 });
    await publisher.flush();
    expect(heard).toEqual([`${server.url}/team/demo/runs/run-1`, 'stop wandb']);
    expect(publisher.run.url).toBe(`${server.url}/team/demo/runs/run-1`);
    await publisher.close();
  });

  it('ends as failed where its body threw', async () => {
    const failing = withPublisher({ env: environment(), run: { id: 'run-1', project: 'demo' } }, (publisher) => {
      publisher.logStep({ step: 1, loss: 1 });
      throw new Error('out of data');
    });
    await expect(failing).rejects.toThrow('out of data');
    expect(server.run('demo', 'run-1')).toMatchObject({ complete: true, exitCode: 1, state: 'failed' });
  });

  it('keeps its key out of every file', async () => {
    await withPublisher({ env: environment(), run: { config: { api_key: server.apiKey } } }, (publisher) => {
      publisher.logStep({ step: 1, loss: 1 });
    });
    const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(3);
    for (const { parentPath, name } of files)
      expect(readFileSync(path.join(parentPath, name), 'latin1')).not.toContain(server.apiKey);
  });

  it('sends what a worker delivers while the trainer goes on', async () => {
    const publisher = await publisherFromEnv({
      env: environment({ RUNCAST__HOST: 'worker' }),
      run: { id: 'run-1', project: 'demo' },
    });
    for (let step = 0; step < 5000; step += 1) publisher.logStep({ step, loss: 1 / (step + 1) });
    const report = await publisher.close();
    expect(report).toMatchObject({ complete: true, health: { host: 'worker' } });
    const rows = server.run('demo', 'run-1')?.rows ?? [];
    expect(rows.map((row) => row['_step'])).toEqual(Array.from({ length: 5000 }, (_, step) => step));
    expect(server.violations).toEqual([]);
  });
});
