// A pipeline of three processes and its one run on W&B: whichever process logged a thing, and in whatever way it found the run,
// W&B has it in the right place, once.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { missingClient, OfficialClient } from './official-client.ts';
import type { ServerRun } from './server/run-state.ts';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';
import { isRow, parseRow, type JsonRow } from './server/wandb-json.ts';

let server: WandbServer;
let folder: string;

beforeEach(async () => {
  server = await startWandbServer();
  folder = mkdtempSync(path.join(tmpdir(), 'runcast-pipeline-'));
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const CONDITIONS = ['--conditions=runcast-source', '--disable-warning=ExperimentalWarning'];

function environment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    RUNCAST__DIR: path.join(folder, 'runs'),
    WANDB__ENABLED: 'true',
    WANDB_API_KEY: server.apiKey,
    WANDB_BASE_URL: server.url,
  };
}

function commandLine(script: string, ...flags: readonly string[]): readonly string[] {
  return [...CONDITIONS, path.join(import.meta.dirname, 'fixtures', script), folder, ...flags];
}

async function start(script: string, ...flags: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, commandLine(script, ...flags), { env: environment() });
}

/** Starts the pipeline as a group of processes of its own; returns what kills all of them with -9. */
function startToKill(...flags: readonly string[]): () => Promise<void> {
  const child = spawn(process.execPath, commandLine('orchestrate.ts', ...flags), {
    env: environment(),
    stdio: 'ignore',
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the pipeline did not start');
  const ended = once(child, 'exit');
  return async () => {
    process.kill(-pid, 'SIGKILL');
    await ended;
  };
}

async function sync(): Promise<void> {
  const command = path.join(import.meta.dirname, '..', '..', 'packages', 'runcast', 'src', 'bin.ts');
  const run = path.join(folder, 'runs', 'run-1');
  await promisify(execFile)(process.execPath, [...CONDITIONS, command, 'sync', run], { env: environment() });
}

function pipelineRun(): ServerRun {
  const run = server.run('pipeline', 'run-1');
  if (run === undefined) throw new Error('there is no run');
  return run;
}

/** The one row that has the key. */
function mediaAt(run: ServerRun, key: string): JsonRow {
  const found = run.rows.flatMap((row) => (isRow(row[key]) ? [row[key]] : []));
  expect(found).toHaveLength(1);
  return found[0] ?? {};
}

function textOf(run: ServerRun, file: unknown): string {
  return Buffer.from(run.files.get(String(file)) ?? []).toString('utf8');
}

/** Points of a training curve: its own axis and its values. */
function curve(run: ServerRun): readonly (readonly [unknown, unknown])[] {
  return run.rows.flatMap((row) =>
    'training/operator/loss' in row ? [[row['training/operator/step'], row['training/operator/loss']] as const] : [],
  );
}

/** Points of the curve in the logs of all processes. */
function loggedPoints(): number {
  const logs = path.join(folder, 'runs', 'run-1', 'log');
  const lines = readdirSync(logs).flatMap((name) => readFileSync(path.join(logs, name), 'utf8').split('\n'));
  return lines.filter((line) => line.includes('"training/operator/loss"')).length;
}

const CURVE = Array.from({ length: 200 }, (_, index) => [index + 1, 1 / (index + 1)]);

describe('a pipeline of orchestrator, training and evaluation', () => {
  it('is one run, with each datum where it belongs', async () => {
    await start('orchestrate.ts');
    expect(server.violations).toEqual([]);
    expect(server.runs).toHaveLength(1);
    const run = pipelineRun();
    expect(run).toMatchObject({
      displayName: 'operator',
      tags: ['pipeline', 'operator', 'done'],
      state: 'finished',
      exitCode: 0,
      config: { learning_rate: { value: 0.02 }, layers: { value: 4 }, eval_samples: { value: 3072 } },
    });
    expect(curve(run)).toEqual(CURVE);
    expect(run.summary).toMatchObject({ 'eval/operator/nrmse': 0.09, 'eval/operator/r2': 0.98 });
    expect(run.history.filter((line) => line.includes('eval/operator'))).toEqual([]);

    const table = mediaAt(run, 'eval/compared');
    expect(table).toMatchObject({ _type: 'table-file', ncols: 2, nrows: 2 });
    expect(parseRow(textOf(run, table['path']))).toEqual({
      columns: ['model', 'nrmse'],
      data: [
        ['baseline', 0.2],
        ['operator', 0.09],
      ],
    });
    const bars = mediaAt(run, 'eval/violations_table');
    expect(parseRow(textOf(run, bars['path']))).toEqual({
      columns: ['label', 'value'],
      data: [
        ['mass', 3],
        ['energy', 1],
      ],
    });
    const picture = mediaAt(run, 'eval/heatmap');
    expect(picture).toMatchObject({ _type: 'image-file', format: 'png', caption: 'where it errs' });
    expect(run.files.get(String(picture['path']))).toHaveLength(Number(picture['size']));
    expect(run.files.get('checkpoints/operator.bin')).toEqual(
      Buffer.from(Uint8Array.from({ length: 256 }, (_, at) => at)),
    );
    expect([...run.uploaded].toSorted()).toEqual([...run.files.keys()].toSorted());
    expect(
      run.artifacts.map(({ name, type, state, aliases, files }) => [
        name,
        type,
        state,
        aliases,
        [...files.keys()].toSorted(),
      ]),
    ).toEqual([['summary', 'report', 'COMMITTED', ['latest', 'best'], ['leaderboard.csv', 'summary.json']]]);
  });

  it('has its files and artifacts whole, and once, though every kind of upload failed', async () => {
    const put = { method: 'PUT' };
    server.fault({ match: put, action: { kind: 'reset-before' } });
    server.fault({ match: put, nth: 3, action: { kind: 'reset-after' } });
    server.fault({ match: put, nth: 5, action: { kind: 'status', status: 500 } });
    // The address has expired.
    server.fault({ match: put, nth: 7, action: { kind: 'status', status: 403 } });
    for (const operation of ['CreateRunFiles', 'CreateArtifact', 'CreateArtifactFiles', 'CommitArtifact'])
      server.fault({ match: { operation }, action: { kind: 'reset-after' } });
    await start('orchestrate.ts');
    expect(server.requests.filter(({ fault }) => fault !== undefined)).toHaveLength(8);
    const run = pipelineRun();
    expect([...run.files.keys()].map((name) => name.replace(/_\d+_[0-9a-f]{20}/u, '')).toSorted()).toEqual([
      'checkpoints/operator.bin',
      'media/images/eval/heatmap.png',
      'media/table/eval/compared.table.json',
      'media/table/eval/violations_table.table.json',
    ]);
    expect(
      server.artifacts.filter(({ state }) => state === 'COMMITTED').map(({ name, version }) => [name, version]),
    ).toEqual([['summary', 0]]);
    expect(run.state).toBe('finished');
    expect(server.violations).toEqual([]);
  });

  it('says of each stage which axis its curves have', async () => {
    await start('orchestrate.ts');
    const own = pipelineRun().config['_wandb'];
    const { m } = isRow(own) && isRow(own['value']) ? own['value'] : {};
    const metrics = Array.isArray(m) ? m.filter((metric): metric is JsonRow => isRow(metric)) : [];
    const axis = metrics.findIndex((metric) => metric['1'] === 'training/operator/step') + 1;
    expect(axis).toBeGreaterThan(0);
    expect(metrics).toContainEqual(expect.objectContaining({ '2': 'training/operator/*', '5': axis }));
  });

  it('ends as failed when a stage fails, with what was logged until then', async () => {
    await expect(start('orchestrate.ts', 'fail')).rejects.toThrow('the evaluation failed');
    const run = pipelineRun();
    expect(run).toMatchObject({ state: 'failed', exitCode: 1 });
    expect(curve(run)).toEqual(CURVE);
    expect(run.summary).toMatchObject({ 'eval/operator/nrmse': 0.09 });
    expect(server.runs).toHaveLength(1);
    expect(server.violations).toEqual([]);
  });

  it('is complete after every process of it was killed and the run synced', async () => {
    const kill = startToKill('hang');
    await server.until(() => (server.run('pipeline', 'run-1')?.history.length ?? 0) > 0);
    await kill();
    await sync();
    await sync();
    const run = pipelineRun();
    expect(curve(run)).toEqual(CURVE.slice(0, loggedPoints()));
    // Nobody ended it: W&B says crashed once it has been silent for some minutes.
    expect(run).toMatchObject({ complete: false, tags: ['pipeline', 'operator'], config: { layers: { value: 4 } } });
    expect(server.runs).toHaveLength(1);
    expect(server.violations).toEqual([]);
  });

  it('has stages that run alone, each as a run of its own', async () => {
    await start('train.ts');
    expect(server.runs).toHaveLength(1);
    const [run] = server.runs;
    expect(run).toMatchObject({ state: 'finished', tags: ['operator'] });
    expect(run === undefined ? [] : curve(run)).toEqual(CURVE);
    expect(server.violations).toEqual([]);
  });

  it.skipIf(missingClient !== undefined)("is a run that W&B's own client can go on with", async () => {
    await start('orchestrate.ts');
    const before = [...pipelineRun().history];
    const client = new OfficialClient(server);
    try {
      expect(await client.run('resume_pipeline')).toMatchObject({ code: 0 });
    } finally {
      client.remove();
    }
    const run = pipelineRun();
    expect(run.history.slice(0, before.length)).toEqual(before);
    const last = Number(parseRow(before.at(-1) ?? '')?.['_step']);
    expect(run.rows.slice(before.length).map((row) => [row['_step'], row['fine/loss']])).toEqual([
      [last + 1, 0.5],
      [last + 2, 0.25],
    ]);
    expect(run.summary).toMatchObject({ 'eval/operator/nrmse': 0.09, 'fine/loss': 0.25 });
    expect(run).toMatchObject({ state: 'finished', config: { learning_rate: { value: 0.02 } } });
    expect(server.runs).toHaveLength(1);
    expect(server.violations).toEqual([]);
  });
});
