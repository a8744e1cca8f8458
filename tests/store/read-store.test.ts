// The reader on what both databases hold, and on databases that hold something else.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openStore, QueryError, StoreError, type HistoryQuery, type RunQuery, type Store } from '@runcast/store';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeOnPostgres } from '../support/describe-on-postgres.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { buildStore, type BuiltRun } from '../support/store-builder.ts';

const NOW = 1_800_000_000;
const ODD_KEY = `odd "key".$[0] 'é\\\n💡`;
/** As many digits as a double has, which is more than SQLite's own parser keeps. */
const EXACT = 3.544417782022174e-145;

const RUNS: readonly BuiltRun[] = [
  {
    id: 'newest',
    row: {
      project: 'demo',
      name: 'Baseline 50%_',
      run_group: 'sweep',
      job_type: 'train',
      entity: 'lab',
      notes: 'as it is',
      status: 'running',
      started_at: NOW - 60,
      heartbeat_at: NOW - 10,
      duration_secs: 50.5,
      total_steps: 9_007_199_254_740_991,
      host: 'box',
      argv: '["node","train.ts"]',
      git_commit: 'abc',
      git_branch: 'main',
      git_message: 'Start',
      git_dirty: true,
      git_remote: 'https://example.com/x',
      config: '{"lr":0.001,"optimizer":"adam","model":{"width":128},"sizes":[1,2],"__proto__":1}',
      sink_state: '{"secret":1}',
    },
    config: {
      lr: 0.001,
      optimizer: 'adam',
      'model.width': 128,
      tuned: true,
      teacher: null,
      version: '3',
      sizes: '[1,2]',
      long: 'x'.repeat(200),
      loss: 'NaN',
    },
    summary: { 'val/loss': 1.5, best: null, worst: 'Infinity', [ODD_KEY]: EXACT },
    tags: ['baseline', 'tiny'],
  },
  {
    id: 'gone',
    row: { status: 'running', started_at: NOW - 5000, heartbeat_at: NOW - 301, git_commit: 'def', git_dirty: false },
    config: { lr: 0.1, optimizer: 'sgd', loss: 'Infinity' },
    summary: { 'val/loss': 'Infinity' },
  },
  {
    id: 'crashed',
    row: { status: 'crashed', name: 'base', run_group: 'Alpha', started_at: NOW - 6000, ended_at: NOW - 5500 },
    config: { lr: 1e-4, optimizer: 'adam', loss: '-Infinity' },
    summary: { 'val/loss': 'NaN' },
    tags: ['tiny'],
  },
  {
    id: 'oldest',
    row: {
      status: 'finished',
      name: 'other',
      run_group: 'beta',
      started_at: NOW - 7000,
      ended_at: NOW - 6900,
      total_steps: 3,
    },
    summary: { 'val/loss': -2 },
    history: [
      { step: 2, metrics: { 'train/loss': 0.5, [ODD_KEY]: EXACT }, time: 12.5 },
      { step: 1, metrics: { 'train/loss': 'NaN' }, time: 11 },
      { step: 10, metrics: { 'train/loss': 'Infinity', lr: 1e22 }, time: 13 },
      { step: 10, metrics: { 'train/loss': '-Infinity', other: 1 }, time: 14, writer: 'a' },
      { step: 10, metrics: { 'train/loss': 4 }, time: 14, writer: 'b', seq: 0 },
      { step: 11, metrics: { 'train/loss': 99 }, time: 15, superseded: true },
      { step: 1, axis: 'epoch', kind: 'epoch', metrics: { 'epoch/loss': 3, 'train/loss': 7 }, time: 20 },
      { step: null, axis: null, kind: 'system', metrics: { 'system/cpu': 0.5, 'train/loss': 8 }, time: 21 },
    ],
  },
  {
    id: 'keyed',
    row: { started_at: NOW - 8000 },
    history: [
      { step: 1, metrics: { 'train/loss': 1 } },
      // What no column holds as text, JSON does.
      { step: 2, metrics: { 'val/loss': 2, 'nul\0': 1, '\\u0000': 3 } },
    ],
    keyMetrics: {
      'train/loss': [
        [1, 5, 0.25],
        [2, 6, null],
        [3, 7, Infinity],
      ],
    },
  },
];

function readerTests(urlOf: () => string): void {
  let store: Store;

  beforeEach(async () => {
    store = await openStore(urlOf(), { nowSecs: () => NOW });
  });

  afterEach(async () => {
    await store.close();
    await store.close();
  });

  const idsOf = async (query: RunQuery): Promise<readonly string[]> => (await store.runs(query)).map(({ id }) => id);

  async function rowsOf(id: string, query?: HistoryQuery): Promise<readonly (readonly unknown[])[]> {
    const rows: (readonly unknown[])[] = [];
    for await (const { axis, step, writer, metrics } of store.history(id, query))
      rows.push([axis, step, writer, metrics]);
    return rows;
  }

  it('gives everything of a run', async () => {
    const [run] = await store.runs({ limit: 1 });
    expect(run).toEqual(await store.run('newest'));
    expect(run).toEqual({
      id: 'newest',
      project: 'demo',
      name: 'Baseline 50%_',
      entity: 'lab',
      group: 'sweep',
      jobType: 'train',
      notes: 'as it is',
      status: 'running',
      startedAt: NOW - 60,
      endedAt: undefined,
      heartbeatAt: NOW - 10,
      durationSecs: 50.5,
      totalSteps: 9_007_199_254_740_991,
      host: 'box',
      argv: ['node', 'train.ts'],
      git: { commit: 'abc', branch: 'main', message: 'Start', dirty: true, remote: 'https://example.com/x' },
      tags: ['baseline', 'tiny'],
      config: { lr: 0.001, optimizer: 'adam', model: { width: 128 }, sizes: [1, 2], ['__proto__']: 1 },
      summary: { 'val/loss': 1.5, best: null, worst: 'Infinity', [ODD_KEY]: EXACT },
    });
    const bare = await store.run('keyed');
    expect(bare).toMatchObject({ name: undefined, git: undefined, argv: [], tags: [], config: {}, summary: {} });
    expect((await store.run('gone'))?.git).toEqual({ commit: 'def', dirty: false });
    expect(await store.run('nobody')).toBeUndefined();
    expect(await store.run('no\0body')).toBeUndefined();
  });

  it('takes a run for crashed that was not heard of for minutes', async () => {
    expect((await store.run('gone'))?.status).toBe('crashed');
    await expect(idsOf({ where: ['status = running'] })).resolves.toEqual(['newest']);
    await expect(idsOf({ where: ['status = crashed'] })).resolves.toEqual(['gone', 'crashed']);
    await expect(idsOf({ where: ['status != crashed'] })).resolves.toEqual(['newest', 'oldest', 'keyed']);
    await expect(idsOf({ where: ['status ~ CRASH'] })).resolves.toEqual(['gone', 'crashed']);
    await expect(idsOf({ orderBy: 'status', limit: 2 })).resolves.toEqual(['gone', 'crashed']);
  });

  it.each([
    [[], ['newest', 'gone', 'crashed', 'oldest', 'keyed']],
    [['config.lr >= 1e-3'], ['newest', 'gone']],
    [
      ['config.lr < 0.1', 'config.optimizer = adam'],
      ['newest', 'crashed'],
    ],
    [['config.lr = 1E-3'], ['newest']],
    [['config.optimizer != sgd'], ['newest', 'crashed', 'oldest', 'keyed']],
    [['config.optimizer > b'], ['gone']],
    [['config.optimizer ~ DA'], ['newest', 'crashed']],
    [['config.model.width = 128'], ['newest']],
    [['config.tuned = true'], ['newest']],
    [['config.teacher = null'], ['newest']],
    [['config.version = 3'], ['newest']],
    [['config.version = "3"'], ['newest']],
    [['config.version > 2'], []],
    [[`config.long = ${'x'.repeat(300)}`], ['newest']],
    [['config.lr'], ['newest', 'gone', 'crashed']],
    [['!config.lr'], ['oldest', 'keyed']],
    [['summary.val/loss > 1'], ['newest', 'gone']],
    [['summary.val/loss >= Infinity'], ['gone']],
    [['summary.val/loss > Infinity'], []],
    [['summary.val/loss < Infinity'], ['newest', 'oldest']],
    [['summary.val/loss <= 1.5'], ['newest', 'oldest']],
    [['summary.val/loss = NaN'], ['crashed']],
    [['summary.val/loss = Infinity'], ['gone']],
    [['config.loss < 0'], ['crashed']],
    [['config.loss <= -Infinity'], ['crashed']],
    [['config.loss > -Infinity'], ['gone']],
    [[`summary."${ODD_KEY.replaceAll('"', '')}"`], []],
    [[`summary.'odd "key"'`], []],
    [['tag = tiny'], ['newest', 'crashed']],
    [['tag != tiny'], ['gone', 'oldest', 'keyed']],
    [['tag ~ BASE'], ['newest']],
    [['tag'], ['newest', 'crashed']],
    [['!tag'], ['gone', 'oldest', 'keyed']],
    [['name ~ BASE'], ['newest', 'crashed']],
    [['name ~ 0%_'], ['newest']],
    [['name ~ e%'], []],
    [['name != base'], ['newest', 'gone', 'oldest', 'keyed']],
    [['name'], ['newest', 'crashed', 'oldest']],
    [['name = null'], ['gone', 'keyed']],
    [['name != null'], ['newest', 'crashed', 'oldest']],
    [['group >= a'], ['newest', 'oldest']],
    [['git.dirty = true'], ['newest']],
    [['git.dirty = false'], ['gone']],
    [['git.dirty != true'], ['gone', 'crashed', 'oldest', 'keyed']],
    [['!ended'], ['newest', 'gone', 'keyed']],
    [[`started > ${NOW - 5000.5}`], ['newest', 'gone']],
    [[`started > ${new Date((NOW - 5001) * 1000).toISOString()}`], ['newest', 'gone']],
    [['duration > 50'], ['newest']],
    [['steps >= 2.5', 'steps < 4'], ['oldest']],
    [['id ~ old'], ['oldest']],
  ])('finds by %j', async (where, ids) => {
    await expect(idsOf({ where })).resolves.toEqual(ids);
  });

  it.each([
    ['started', ['keyed', 'oldest', 'crashed', 'gone', 'newest']],
    ['-steps', ['newest', 'oldest', 'gone', 'crashed', 'keyed']],
    ['name', ['newest', 'crashed', 'oldest', 'gone', 'keyed']],
    ['-name', ['oldest', 'crashed', 'newest', 'gone', 'keyed']],
    ['group', ['crashed', 'oldest', 'newest', 'gone', 'keyed']],
    ['summary.val/loss', ['oldest', 'newest', 'gone', 'crashed', 'keyed']],
    ['-summary.val/loss', ['gone', 'newest', 'oldest', 'crashed', 'keyed']],
    ['-config.lr', ['gone', 'newest', 'crashed', 'oldest', 'keyed']],
    ['config.optimizer', ['newest', 'crashed', 'gone', 'oldest', 'keyed']],
    ['-config.optimizer', ['gone', 'newest', 'crashed', 'oldest', 'keyed']],
  ])('orders by %s', async (orderBy, ids) => {
    await expect(idsOf({ orderBy })).resolves.toEqual(ids);
  });

  it('orders, filters and limits at once', async () => {
    await expect(idsOf({ where: ['config.lr', 'status != running'], orderBy: 'config.lr', limit: 1 })).resolves.toEqual(
      ['crashed'],
    );
  });

  it('rejects what is no filter', async () => {
    await expect(store.runs({ where: ['status = finishd'] })).rejects.toThrow(QueryError);
  });

  it('gives a history by axis, step and time, without what was superseded', async () => {
    await expect(rowsOf('oldest')).resolves.toEqual([
      ['epoch', 1, 'w', { 'epoch/loss': 3, 'train/loss': 7 }],
      ['step', 1, 'w', { 'train/loss': 'NaN' }],
      ['step', 2, 'w', { 'train/loss': 0.5, [ODD_KEY]: EXACT }],
      ['step', 10, 'w', { 'train/loss': 'Infinity', lr: 1e22 }],
      ['step', 10, 'a', { 'train/loss': '-Infinity', other: 1 }],
      ['step', 10, 'b', { 'train/loss': 4 }],
      [undefined, undefined, 'w', { 'system/cpu': 0.5, 'train/loss': 8 }],
    ]);
    const epochs = store.history('oldest', { axis: 'epoch' })[Symbol.asyncIterator]();
    expect((await epochs.next()).value).toEqual({
      writer: 'w',
      seq: 6,
      time: 20,
      kind: 'epoch',
      axis: 'epoch',
      step: 1,
      metrics: { 'epoch/loss': 3, 'train/loss': 7 },
    });
  });

  it('gives some keys, an axis, some steps of a history', async () => {
    await expect(rowsOf('oldest', { keys: [ODD_KEY, 'lr', 'toString'] })).resolves.toEqual([
      ['step', 2, 'w', { [ODD_KEY]: EXACT }],
      ['step', 10, 'w', { lr: 1e22 }],
    ]);
    await expect(rowsOf('oldest', { axis: 'step', from: 2, to: 9 })).resolves.toHaveLength(1);
    await expect(rowsOf('oldest', { from: 10 })).resolves.toHaveLength(3);
    await expect(rowsOf('oldest', { axis: 'training/step' })).resolves.toEqual([]);
    await expect(rowsOf('oldest', { keys: [] })).resolves.toEqual([]);
    await expect(rowsOf('oldest', { keys: ['a\0b'] })).resolves.toEqual([]);
    await expect(rowsOf('old\0est')).resolves.toEqual([]);
    await expect(rowsOf('nobody')).resolves.toEqual([]);
    await expect(rowsOf('oldest', { from: 1.5 })).rejects.toThrow('the first step is an integer, not 1.5');
    await expect(rowsOf('oldest', { to: Number.NaN })).rejects.toThrow(QueryError);
  });

  it('gives a curve of several runs, from key metrics or else from the history', async () => {
    const series = await store.series(['keyed', 'newest', 'oldest', 'nobody', 'no\0body'], 'train/loss');
    expect([...series]).toEqual([
      [
        'keyed',
        [
          { step: 1, time: 5, value: 0.25 },
          { step: 2, time: 6, value: Number.NaN },
          { step: 3, time: 7, value: Infinity },
        ],
      ],
      [
        'oldest',
        [
          { step: 1, time: 11, value: Number.NaN },
          { step: 2, time: 12.5, value: 0.5 },
          { step: 10, time: 14, value: 4 },
        ],
      ],
    ]);
    await expect(store.series(['oldest'], ODD_KEY)).resolves.toEqual(
      new Map([['oldest', [{ step: 2, time: 12.5, value: EXACT }]]]),
    );
    await expect(store.series(['keyed'], 'train/loss')).resolves.toHaveProperty('size', 1);
    await expect(store.series(['keyed'], 'val/loss')).resolves.toEqual(
      new Map([['keyed', [{ step: 2, time: 1, value: 2 }]]]),
    );
    await expect(rowsOf('keyed', { from: 2 })).resolves.toEqual([
      ['step', 2, 'w', { 'val/loss': 2, 'nul\0': 1, '\\u0000': 3 }],
    ]);
    await expect(rowsOf('keyed', { keys: ['val/loss'] })).resolves.toEqual([['step', 2, 'w', { 'val/loss': 2 }]]);
    await expect(store.series(['oldest'], 'a\0b')).resolves.toEqual(new Map());
    await expect(store.series([], 'train/loss')).resolves.toEqual(new Map());
  });

  it('may be left in the middle of a history, and asked other things meanwhile', async () => {
    for await (const { step } of store.history('oldest')) {
      expect(step).toBe(1);
      await expect(store.runs()).resolves.toHaveLength(RUNS.length);
      break;
    }
    await expect(rowsOf('oldest')).resolves.toHaveLength(7);
  });

  it('says that it was closed', async () => {
    const history = store.history('oldest')[Symbol.asyncIterator]();
    await store[Symbol.asyncDispose]();
    await expect(store.runs()).rejects.toThrow(StoreError);
    await expect(history.next()).rejects.toThrow(StoreError);
  });

  it('is closed under a history that nobody reads on', async () => {
    const history = store.history('oldest')[Symbol.asyncIterator]();
    await history.next();
    await store.close();
    await expect(history.return?.()).resolves.toMatchObject({ done: true });
  });
}

const MANY_ROWS = 2500;
const LONG_RUN: BuiltRun = {
  id: 'long',
  history: Array.from({ length: MANY_ROWS }, (_, step) => ({ step, metrics: { loss: step } })),
};

function manyRowsTest(urlOf: () => string): void {
  it('gives a long history piece by piece', async () => {
    await using store = await openStore(urlOf());
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    const steps: (number | undefined)[] = [];
    for await (const { step } of store.history('long')) steps.push(step);
    clearInterval(timer);
    expect(steps).toEqual(Array.from({ length: MANY_ROWS }, (_, step) => step));
    expect(turns).toBeGreaterThan(0);
  });
}

describe('a SQLite store', () => {
  let place = '';
  const urlOf = (name: string): string => `sqlite:${path.join(place, name)}`;

  beforeAll(async () => {
    place = mkdtempSync(path.join(tmpdir(), 'runcast-store-'));
    await buildStore(urlOf('runs.db'), RUNS);
    await buildStore(urlOf('long.db'), [LONG_RUN]);
    await buildStore(urlOf('later.db'), [], 2);
  });

  afterAll(() => rmSync(place, { recursive: true, force: true }));

  readerTests(() => urlOf('runs.db'));
  manyRowsTest(() => urlOf('long.db'));

  it('is found relative to a directory, and named by its absolute path', async () => {
    await using store = await openStore('sqlite:./runs.db', { cwd: place });
    expect(store.address).toBe(urlOf('runs.db'));
  });

  it('is read while it is written, without either waiting', async () => {
    const writer = new DatabaseSync(path.join(place, 'runs.db'));
    writer.exec(`BEGIN IMMEDIATE; UPDATE runs SET name = 'changed' WHERE run_id = 'oldest'`);
    await using store = await openStore(urlOf('runs.db'));
    expect((await store.run('oldest'))?.name).toBe('other');
    const history = store.history('oldest')[Symbol.asyncIterator]();
    await history.next();
    writer.exec('ROLLBACK');
    writer.exec(`UPDATE runs SET host = 'written' WHERE run_id = 'keyed'`);
    writer.close();
    await history.return?.();
    expect((await store.run('keyed'))?.host).toBe('written');
  });

  it('never writes', async () => {
    writeFileSync(path.join(place, 'empty.db'), '');
    await expect(openStore(urlOf('empty.db'))).rejects.toThrow('empty.db holds no runs: it becomes a run store when');
    await expect(openStore(urlOf('none.db'))).rejects.toThrow(
      `there is no run store ${path.join(place, 'none.db')}: set STORE__URL to where one is`,
    );
    await expect(openStore(urlOf('none.db'))).rejects.toThrow(StoreError);
  });

  it('is told from other files', async () => {
    writeFileSync(
      path.join(place, 'text.db'),
      'some text that is no database, and long enough to be one of that kind\n'.repeat(20),
    );
    mkdirSync(path.join(place, 'directory.db'));
    const other = new DatabaseSync(path.join(place, 'other.db'));
    other.exec('CREATE TABLE runs (id); CREATE TABLE runcast_schema (version)');
    other.close();
    for (const name of ['text.db', 'other.db'])
      await expect(openStore(urlOf(name))).rejects.toThrow(`${name} holds no runs`);
    await expect(openStore(urlOf('directory.db'))).rejects.toThrow('there is no run store');
    await expect(openStore(urlOf('later.db'))).rejects.toThrow('was written by a later version of Runcast');
  });

  it('is read as far as it makes sense where others wrote into it', async () => {
    await buildStore(urlOf('foreign.db'), [
      {
        id: 'odd',
        row: { status: 'lost', tags: '{}', config: '[1]', summary: '{"a":{"b":1},"c":1}', argv: '[1,"x"]' },
        history: [
          { step: 1, kind: 'odd', metrics: { loss: 'text' } },
          { step: 2, metrics: { loss: 1 } },
        ],
      },
    ]);
    await using store = await openStore(urlOf('foreign.db'));
    expect(await store.run('odd')).toMatchObject({
      status: 'unknown',
      tags: [],
      config: {},
      summary: { c: 1 },
      argv: ['x'],
    });
    const history = store.history('odd')[Symbol.asyncIterator]();
    expect((await history.next()).value).toMatchObject({ kind: 'log', step: 1, metrics: {} });
    expect((await store.series(['odd'], 'loss')).get('odd')?.map(({ value }) => value)).toEqual([Number.NaN, 1]);
  });

  it('says what a URL is', async () => {
    await expect(openStore('mysql://me:secret@host/db')).rejects.toThrow(/expects sqlite:<file> or postgres:/u);
    await expect(openStore('mysql://me:secret@host/db')).rejects.not.toThrow('secret');
  });
});

describeOnPostgres((program) => {
  let server: PostgresServer;
  const urlOf = (database: string): string => server.urlOf({ database });

  beforeAll(async () => {
    server = await PostgresServer.start(program, { password: true });
    for (const name of ['runs', 'long', 'later', 'other'])
      await server.query(server.urlOf(), `CREATE DATABASE ${name}`);
    await buildStore(urlOf('runs'), RUNS);
    await buildStore(urlOf('long'), [LONG_RUN]);
    await buildStore(urlOf('later'), [], 2);
  });

  afterAll(() => server.end());

  readerTests(() => urlOf('runs'));
  manyRowsTest(() => urlOf('long'));

  it('is named without user and password', async () => {
    await using store = await openStore(`${urlOf('runs')}?application_name=x`);
    expect(store.address).toBe(`postgres://127.0.0.1:${server.port}/runs`);
  });

  it('says what is wrong, and never the password', async () => {
    const { port } = server;
    const cases = [
      [server.urlOf({ password: 'wrongsecret' }), 'check user and password in STORE__URL'],
      [`postgres://runcast@127.0.0.1:${port}/postgres`, 'STORE__URL needs a password'],
      [server.urlOf({ database: 'nowhere' }), 'make it with createdb'],
      [urlOf('other'), 'holds no runs'],
      [urlOf('later'), 'was written by a later version of Runcast'],
      [`${server.urlOf()}?sslmode=verify-full`, 'remove sslmode'],
      ['postgres://me:wrongsecret@127.0.0.1:1/runs', 'nothing listens there'],
    ] as const;
    for (const [url, advice] of cases) {
      const error: unknown = await openStore(url).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(StoreError);
      expect(String(error)).toContain(advice);
      expect(String(error)).not.toMatch(/wrongsecret|opensesame/u);
    }
  });

  it('says that the server went away, and goes on when it is back', async () => {
    await using store = await openStore(urlOf('long'));
    const history = store.history('long')[Symbol.asyncIterator]();
    await history.next();
    await server.kill();
    const rest = async (): Promise<void> => {
      while ((await history.next()).done !== true);
    };
    await expect(rest()).rejects.toThrow(StoreError);
    await expect(store.runs()).rejects.toThrow('nothing listens there');
    await server.startAgain();
    await expect(store.runs()).resolves.toHaveLength(1);
  });
});
