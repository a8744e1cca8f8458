// W&B's official Python client against our server for tests: what it sends is understood, held as it means it, and breaks none of
// the server's rules. So the rules are W&B's, and what our own sink is held to is what the real client does.
import { globSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { missingClient, OfficialClient } from './official-client.ts';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';
import type { ServerRun } from './server/run-state.ts';
import { parseRow, type JsonRow } from './server/wandb-json.ts';

const PROJECT = 'official';
/** What the client writes for every run that has ended. */
const OWN_FILES = ['config.yaml', 'requirements.txt', 'wandb-metadata.json', 'wandb-summary.json'];

function runOf(server: WandbServer, id: string): ServerRun {
  const run = server.run(PROJECT, id);
  if (run === undefined) throw new Error(`no run ${id}`);
  return run;
}

/** Rows without when they were logged. */
function timeless(rows: readonly JsonRow[]): readonly JsonRow[] {
  return rows.map(({ _timestamp, _runtime, ...row }) => {
    expect(_timestamp).toBeTypeOf('number');
    expect(_runtime).toBeTypeOf('number');
    return row;
  });
}

/** The summary without the client's own times. */
function summaryOf({ summary = {} }: ServerRun): JsonRow {
  const { _timestamp, _runtime, _wandb, ...rest } = summary;
  return rest;
}

/** The config without the client's own part, unwrapped. */
function configOf({ config }: ServerRun): JsonRow {
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, item]) => (key === '_wandb' ? [] : [[key, valueOf(item)]])),
  );
}

function valueOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'value' in item ? item.value : undefined;
}

function member(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? new Map(Object.entries(inner)).get(key) : undefined),
    value,
  );
}

function sha256Start(path: unknown): string | undefined {
  return /_([0-9a-f]{20})\.[a-z.]+$/u.exec(String(path))?.[1];
}

describe.skipIf(missingClient !== undefined)('the official client', () => {
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

  async function succeed(scenario: string): Promise<string> {
    const ending = await client.run(scenario);
    expect(ending).toMatchObject({ code: 0 });
    return ending.output;
  }

  it('logs a run: rows, axes, summary, config, tags, console', async () => {
    await succeed('online');
    const run = runOf(server, 'online');
    expect(timeless(run.rows)).toEqual([
      ...Array.from({ length: 20 }, (_, step) => ({
        _step: step,
        'train/step': step * 10,
        'train/loss': 1 / (step + 1),
      })),
      { _step: 20, 'val/acc': 0.5 },
      { _step: 21, 'val/acc': 0.9 },
      { _step: 22, 'val/acc': 0.7 },
    ]);
    expect(summaryOf(run)).toEqual({
      _step: 22,
      'train/step': 190,
      'train/loss': 0.05,
      'val/acc': { max: 0.9 },
      nrmse: 0.09,
    });
    expect(configOf(run)).toEqual({ lr: 0.1, model: { layers: 2 }, eval_samples: 3072 });
    expect(member(run.config, '_wandb', 'value', 'cli_version')).toBe('0.31.0');
    const axes = member(run.config, '_wandb', 'value', 'm');
    // The client sends them in no order, each axis by its place in the list.
    if (!Array.isArray(axes)) throw new TypeError(`no list of axes: ${JSON.stringify(axes)}`);
    expect(axes).toHaveLength(3);
    expect(axes).toContainEqual({ '1': 'train/step', '6': [3], '7': [] });
    expect(axes).toContainEqual({ '1': 'val/acc', '6': [3], '7': [2] });
    const place = axes.findIndex((axis) => member(axis, '1') === 'train/step') + 1;
    expect(axes).toContainEqual({ '2': 'train/*', '5': place, '6': [1], '7': [] });
    expect(run).toMatchObject({
      entity: server.entity,
      displayName: 'baseline',
      notes: 'a note',
      group: 'night',
      jobType: 'train',
      tags: ['lm', 'small', 'fast'],
      complete: true,
      exitCode: 0,
      state: 'finished',
    });
    expect(run.output).toHaveLength(1);
    expect(run.output[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+ a line of the console$/u);
    expect([...run.files.keys()].toSorted()).toEqual([...OWN_FILES, 'output.log'].toSorted());
    expect([...run.uploaded].toSorted()).toEqual([...run.files.keys()].toSorted());
    expect(server.runs).toHaveLength(1);
    expect(server.violations).toEqual([]);
  });

  it('ends a run as failed when the trainer throws', async () => {
    const { code } = await client.run('failed');
    expect(code).toBe(1);
    const run = runOf(server, 'failed');
    expect({ state: run.state, exitCode: run.exitCode }).toEqual({ state: 'failed', exitCode: 1 });
    expect(timeless(run.rows)).toEqual([{ _step: 0, loss: 1 }]);
    expect(run.output.at(-1)).toMatch(/^ERROR .* RuntimeError: the trainer failed$/u);
    expect(server.violations).toEqual([]);
  });

  it('resumes a run where it ended, twice', async () => {
    await succeed('first');
    await succeed('resume_allow');
    await succeed('resume_must');
    const run = runOf(server, 'resumed');
    expect(timeless(run.rows)).toEqual(Array.from({ length: 9 }, (_, step) => ({ _step: step, loss: step })));
    expect(summaryOf(run)).toEqual({ _step: 8, loss: 8, best: 1 });
    expect(configOf(run)).toEqual({ lr: 0.1, wd: 0.5 });
    expect({ tags: run.tags, notes: run.notes, state: run.state }).toEqual({
      tags: ['lm'],
      notes: 'a note',
      state: 'finished',
    });
    expect(server.runs).toHaveLength(1);
    expect(server.violations).toEqual([]);
  });

  it('is told that a run it must resume is not there', async () => {
    expect(await succeed('resume_missing')).toContain('refused: UsageError');
    expect(server.runs).toEqual([]);
    expect(server.violations).toEqual([]);
  });

  it('uploads pictures, tables, pages and files, and names them in its rows', async () => {
    await succeed('media');
    const run = runOf(server, 'media');
    const [, picture, pictures, compared, page, weights] = run.rows;
    expect(member(picture, 'eval/picture')).toMatchObject({
      _type: 'image-file',
      format: 'png',
      width: 6,
      height: 4,
      caption: 'black',
    });
    expect(member(pictures, 'pictures')).toMatchObject({ _type: 'images/separated', count: 2, width: 6, height: 4 });
    expect(member(compared, 'compared')).toMatchObject({ _type: 'table-file', ncols: 2, nrows: 2 });
    expect(member(page, 'page')).toMatchObject({ _type: 'html-file', size: 12 });
    expect(member(weights, 'weights')).toEqual({ _type: 'histogram', values: [3, 0, 2], bins: [0, 0.5, 1, 1.5] });

    const text = (path: unknown): string => Buffer.from(run.files.get(String(path)) ?? []).toString('utf8');
    expect(text(member(page, 'page', 'path'))).toBe('<p>hello</p>');
    expect(parseRow(text(member(compared, 'compared', 'path')))).toEqual({
      columns: ['model', 'nrmse'],
      data: [
        ['gru', 0.09],
        ['lstm', 0.1],
      ],
    });
    for (const [row, key] of [
      [picture, 'eval/picture'],
      [compared, 'compared'],
      [page, 'page'],
    ] as const) {
      const path = member(row, key, 'path');
      expect(path).toMatch(new RegExp(`^media/(?:images|table|html)/${key}_${String(member(row, '_step'))}_`, 'u'));
      expect(String(member(row, key, 'sha256')).slice(0, 20)).toBe(sha256Start(path));
      expect(run.files.get(String(path))).toHaveLength(Number(member(row, key, 'size')));
    }
    expect(run.files.get('checkpoints/model.bin')).toEqual(
      Buffer.from(Uint8Array.from({ length: 256 }, (_, at) => at)),
    );
    expect([...run.uploaded].toSorted()).toEqual([...run.files.keys()].toSorted());
    expect(server.artifacts.map(({ name, type, state }) => ({ name, type, state }))).toEqual([
      { name: 'run-media-compared', type: 'run_table', state: 'COMMITTED' },
    ]);
    expect(server.violations).toEqual([]);
  });

  it('logs versions of an artifact; one that is there already takes the new alias only', async () => {
    await succeed('artifact');
    const versions = server.artifacts.map(({ name, type, version, aliases, description, metadata, files }) => ({
      name,
      type,
      version,
      aliases: [...aliases].toSorted(),
      description,
      metadata,
      files: Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString('utf8')])),
    }));
    const common = { name: 'report', type: 'report', description: 'of the night', metadata: { seed: 7 } };
    expect(versions).toEqual([
      {
        ...common,
        version: 0,
        aliases: ['first'],
        files: { 'summary.json': '{"nrmse": 0.09}', 'tables/leaderboard.csv': 'model,nrmse\ngru,0.09\n' },
      },
      {
        ...common,
        version: 1,
        aliases: ['again', 'best', 'latest'],
        files: { 'summary.json': '{"nrmse": 0.09}', 'tables/leaderboard.csv': 'model,nrmse\ngru,0.08\n' },
      },
    ]);
    expect(server.runs.map(({ id, artifacts }) => [id, artifacts.map(({ version }) => version)])).toEqual([
      ['artifact-0', [0]],
      ['artifact-1', [1]],
      ['artifact-2', [1]],
    ]);
    expect(server.violations).toEqual([]);
  });

  it('sends an alert', async () => {
    await succeed('alert');
    expect(runOf(server, 'alert').alerts).toEqual([
      { title: 'Loss went up', text: 'from 1 to 3', severity: 'WARN', waitDuration: 5000 },
    ]);
    expect(server.violations).toEqual([]);
  });

  it('sends NaN and the infinities as they are', async () => {
    await succeed('not_finite');
    const run = runOf(server, 'not-finite');
    const row = { a: Number.NaN, b: Infinity, c: -Infinity, d: null, e: true, f: 2 ** 60, g: { h: 1 } };
    expect(timeless(run.rows)).toEqual([{ _step: 0, ...row }]);
    expect(run.history[0]).toContain('"a":NaN');
    expect(run.history[0]).toContain('"c":-Infinity');
    expect(run.history[0]).toContain(`"f":${2n ** 60n}`);
    expect(server.violations).toEqual([]);
  });

  it('sends a run logged offline when it is told to sync', async () => {
    await succeed('offline');
    expect(server.requests).toEqual([]);
    const folders = globSync('wandb/offline-run-*', { cwd: client.folder });
    expect(await client.command('sync', ...folders)).toMatchObject({ code: 0 });
    const run = runOf(server, 'offline');
    const rows = timeless(run.rows);
    expect(rows.slice(0, 100)).toEqual(
      Array.from({ length: 100 }, (_, step) => ({ _step: step, loss: 1 / (step + 1) })),
    );
    expect(rows).toHaveLength(101);
    expect(summaryOf(run)).toMatchObject({ _step: 100, loss: 0.01, nrmse: 0.09 });
    expect(configOf(run)).toEqual({ lr: 0.1 });
    expect({ tags: run.tags, state: run.state }).toEqual({ tags: ['lm'], state: 'finished' });
    expect(run.files.has(String(member(rows[100], 'compared', 'path')))).toBe(true);
    expect(server.artifacts.map(({ name, state }) => ({ name, state }))).toEqual([
      { name: 'run-offline-compared', state: 'COMMITTED' },
    ]);
    expect(server.violations).toEqual([]);
  });
});
