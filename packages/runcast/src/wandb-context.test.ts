import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError, type Environment } from '@runcast/core';
import { PIXEL_PNG } from '@runcast/testing';
import { readTransactions } from '@runcast/wandb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWandbContext, loadWandbContext, wandbContext } from './wandb-context.ts';

let place: string;
let warnings: string[];

function noticeWarning({ message }: Error): void {
  warnings.push(message);
}

beforeEach(() => {
  place = mkdtempSync(path.join(tmpdir(), 'runcast-context-'));
  warnings = [];
  process.on('warning', noticeWarning);
});

afterEach(() => {
  process.off('warning', noticeWarning);
  rmSync(place, { recursive: true });
});

function environment(more: Environment = {}): Environment {
  return {
    RUNCAST__DIR: path.join(place, 'runs'),
    RUNCAST__HOST: 'inline',
    WANDB_MODE: 'offline',
    WANDB_DIR: place,
    ...more,
  };
}

/** Kinds of the records that the run's writers have left, the first writer's first. */
function kindsOf(run: string): readonly string[] {
  const logs = path.join(place, 'runs', run, 'log');
  return readdirSync(logs).flatMap((log) =>
    [...readFileSync(path.join(logs, log), 'utf8').matchAll(/"kind":"(\w+)"/gu)].map(([, kind = '']) => kind),
  );
}

describe('a context', () => {
  it('logs each datum where it belongs', async () => {
    const context = await createWandbContext({ env: environment(), run: { id: 'run-1', project: 'demo' } });
    expect(context.failure).toBeUndefined();
    context.logTrainingMetric('operator', 'loss', 0.5, 1);
    context.logTrainingMetrics('operator', { loss: 0.25, lr: 0.1 }, 2);
    context.logEvalSummary({ nrmse: 0.09 });
    context.logEvalSummary({ nrmse: 0.1 }, 'eval/baseline');
    context.logTable('compared', ['model'], [['gru']]);
    context.logImage('picture', PIXEL_PNG, 'a pixel');
    context.logImage('plain', PIXEL_PNG);
    writeFileSync(path.join(place, 'model.bin'), 'weights');
    context.saveFile('model.bin', place);
    context.saveFile('package.json');
    context.updateConfig({ eval_samples: 3072 });
    context.addTags(['fast']);
    const report = await context.finish('failed');
    expect(report).toMatchObject({ status: 'failed', complete: true });
    expect(await context.finish()).toBe(report);
    expect(kindsOf('run-1')).toEqual(
      'open log log summary summary table image image file file config tags close'.split(' '),
    );
    const [directory = ''] = readdirSync(path.join(place, 'wandb'));
    const { transactions } = readTransactions(path.join(place, 'wandb', directory, 'run-run-1.wandb'));
    const rows = transactions.flatMap((transaction) => (transaction.kind === 'history' ? [transaction.items] : []));
    expect(rows[0]).toEqual(
      expect.arrayContaining([
        { path: ['training/operator/loss'], value: 0.5 },
        { path: ['training/operator/step'], value: 1 },
      ]),
    );
  });

  it('is found by a subprocess, which finishes its part only', async () => {
    const context = await createWandbContext({ env: environment(), run: { id: 'run-1' } });
    const joined = await loadWandbContext(environment(context.childEnv));
    expect(joined?.publisher.run.id).toBe('run-1');
    joined?.logEvalSummary({ nrmse: 0.09 });
    await joined?.finish();
    await context.finish();
    expect(kindsOf('run-1').filter((kind) => kind === 'close')).toHaveLength(2);
  });

  it('is none where the process stands alone', async () => {
    expect(await loadWandbContext(environment())).toBeUndefined();
    expect(await loadWandbContext(environment({ WANDB_CONTEXT_FILE: path.join(place, 'none') }))).toBeUndefined();
  });

  it('may be that of any publisher', async () => {
    const { publisher } = await createWandbContext({ env: environment({ WANDB_MODE: 'disabled' }) });
    const context = wandbContext(publisher);
    expect([context.publisher, context.failure]).toEqual([publisher, undefined]);
    context.logTrainingMetric('operator', 'loss', 0.5, 1);
    await context.finish();
    expect(readdirSync(place)).toEqual([]);
  });
});

describe('where the run cannot be opened', () => {
  it('a context does nothing, and says why', async () => {
    const env = environment({ WANDB_MODE: 'online', WANDB_API_KEY: ' ', HOME: place });
    const context = await createWandbContext({ env, run: { name: 'baseline' } });
    expect(context.failure).toBeInstanceOf(ConfigError);
    expect(context.publisher.health().host).toBe('none');
    context.logTrainingMetric('operator', 'loss', 0.5, 1);
    expect(await context.finish()).toMatchObject({ complete: true });
    await new Promise(setImmediate);
    expect(warnings).toEqual([
      expect.stringMatching(/^nothing is logged: 1 configuration problem\n {2}WANDB_API_KEY/u),
    ]);
    expect(readdirSync(place)).toEqual([]);
  });

  it('a context that cannot be read does nothing either', async () => {
    const file = path.join(place, 'context.json');
    writeFileSync(file, '{}');
    const context = await loadWandbContext(environment({ WANDB_CONTEXT_FILE: file }));
    expect(context?.failure).toBeInstanceOf(ConfigError);
  });
});
