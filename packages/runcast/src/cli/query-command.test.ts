import { mkdirSync } from 'node:fs';
import { loadSqlite } from '@runcast/core';
import { systemScheduler, type Scheduler } from '@runcast/delivery';
import { createIndexesSql, createTableSql, SCHEMA_TABLE, SCHEMA_VERSION, TABLES } from '@runcast/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

type Row = Readonly<Record<string, string | number | null>>;

/** A store at its usual place, with rows by table. */
function makeStore(rows: readonly (readonly [string, Row])[]): void {
  mkdirSync(place.path('runs'), { recursive: true });
  const { DatabaseSync } = loadSqlite();
  const database = new DatabaseSync(place.path('runs', 'runcast.db'));
  database.exec('BEGIN');
  for (const table of [...TABLES, SCHEMA_TABLE])
    for (const sql of [createTableSql(table, 'sqlite'), ...createIndexesSql(table)]) database.exec(sql);
  for (const [table, row] of [[SCHEMA_TABLE.name, { version: SCHEMA_VERSION }] as const, ...rows]) {
    const columns = Object.keys(row);
    const markers = columns.map(() => '?');
    database
      .prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${markers.join(', ')})`)
      .run(...Object.values(row));
  }
  database.exec('COMMIT');
  database.close();
}

const STARTED = Date.UTC(2026, 10, 1, 9, 30) / 1000;

function runRow(id: string, row: Row = {}): readonly [string, Row] {
  return [
    'runs',
    {
      run_id: id,
      status: 'finished',
      started_at: STARTED,
      heartbeat_at: STARTED + 60,
      duration_secs: 60,
      total_steps: 1200,
      tags: '[]',
      config: '{}',
      summary: '{}',
      sink_state: '{}',
      ...row,
    },
  ];
}

function historyRow(
  run: string,
  seq: number,
  axis: string | null,
  step: number | null,
  metrics: object,
): readonly [string, Row] {
  const kind = axis === null ? 'system' : 'step';
  return [
    'history',
    {
      run_id: run,
      writer: 'w',
      seq,
      time: STARTED + seq,
      kind,
      axis,
      step,
      superseded: 0,
      metrics: JSON.stringify(metrics),
    },
  ];
}

const valueRow = (run: string, section: string, key: string, number: number): readonly [string, Row] => [
  'run_values',
  { run_id: run, section, key, number, text: null },
];

function makeTwoRuns(): void {
  makeStore([
    runRow('run-1', {
      project: 'demo',
      name: 'base\nline',
      entity: 'lab',
      run_group: 'sweep',
      job_type: 'train',
      notes: 'n'.repeat(100),
      ended_at: STARTED + 60,
      host: 'box',
      argv: '["node","train.ts"]',
      git_commit: '0123456789abcdef',
      git_branch: 'main',
      git_message: 'Start',
      git_dirty: 1,
      tags: '["a","b"]',
      config: '{"lr":0.001,"model":{"width":128,"sizes":[1,2]}}',
      summary: '{"val/loss":1.23456789,"best":null,"worst":"NaN"}',
    }),
    valueRow('run-1', 'config', 'lr', 0.001),
    valueRow('run-1', 'summary', 'val/loss', 1.23456789),
    historyRow('run-1', 0, 'step', 1, { 'train/loss': 0.5, 'a,b': 1 }),
    historyRow('run-1', 1, 'step', 2, { 'train/loss': 'NaN' }),
    historyRow('run-1', 2, null, null, { 'system/cpu': 0.25 }),
    runRow('run-2', { status: 'running', started_at: STARTED + 100, total_steps: 3, git_commit: 'abc' }),
    valueRow('run-2', 'config', 'lr', 0.1),
  ]);
}

/** So many seconds after the first run began. */
const clockAt = (seconds: number): Scheduler => ({ ...systemScheduler, nowMs: () => (STARTED + seconds) * 1000 });

describe('a list of runs', () => {
  it('is a table, newest first', async () => {
    makeTwoRuns();
    const { code, stdout, stderr } = await place.runcast(['query'], {}, { clock: clockAt(100) });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      'RUN    PROJECT  NAME       STATUS    STARTED (UTC)        DURATION    STEPS',
      'run-2  -        -          running   2026-11-01 09:31:40  1 min 00 s  3',
      'run-1  demo     base line  finished  2026-11-01 09:30:00  1 min 00 s  1,200',
      '',
    ]);
  });

  it('has the columns that are asked for, of the runs that fit, in the order asked for', async () => {
    makeTwoRuns();
    const { stdout } = await place.runcast([
      'query',
      '--where',
      'config.lr > 0',
      '--where=status != failed',
      '--sort=-config.lr',
      '--columns',
      'config.lr, summary.val/loss,config.model',
      '--columns',
      'tag,ended,notes,git.dirty',
    ]);
    const rows = stdout.split('\n').map((line) => line.split(/ {2,}/u));
    expect(rows.map(([id]) => id)).toEqual(['RUN', 'run-2', 'run-1', '']);
    expect(rows.map((cells) => cells.slice(7))).toEqual([
      ['config.lr', 'summary.val/loss', 'config.model', 'tag', 'ended', 'notes', 'git.dirty'],
      ['-', '-', '-', '-', '-', '-', '-'],
      ['0.001', '1.23457', '{"width":128,"sizes":[1,2]}', 'a, b', '2026-11-01 09:31:00', `${'n'.repeat(60)}…`, 'true'],
      [],
    ]);
    const { stdout: one } = await place.runcast(['query', '--sort', 'config.lr', '--limit', '1']);
    expect(one).toMatch(/^run-1 /mu);
    expect(one).not.toContain('run-2');
  });

  it('is JSON with everything', async () => {
    makeTwoRuns();
    const argv = ['query', '--json', '--columns', 'config.lr,config.x'];
    const { code, stdout } = await place.runcast(argv, {}, { clock: clockAt(1000) });
    expect(code).toBe(0);
    const printed: unknown = JSON.parse(stdout);
    expect(printed).toMatchObject({
      store: `sqlite:${place.path('runs', 'runcast.db')}`,
      runs: [
        { id: 'run-2', status: 'crashed', project: null, ended: null, git: { commit: 'abc' } },
        {
          id: 'run-1',
          project: 'demo',
          name: 'base\nline',
          entity: 'lab',
          group: 'sweep',
          job_type: 'train',
          started: STARTED,
          ended: STARTED + 60,
          heartbeat: STARTED + 60,
          duration_secs: 60,
          total_steps: 1200,
          host: 'box',
          argv: ['node', 'train.ts'],
          git: { commit: '0123456789abcdef', branch: 'main', message: 'Start', dirty: true },
          tags: ['a', 'b'],
          config: { lr: 0.001, model: { width: 128, sizes: [1, 2] } },
          summary: { 'val/loss': 1.23456789, best: null, worst: 'NaN' },
          columns: { 'config.lr': 0.001, 'config.x': null },
        },
      ],
    });
  });

  it('says so where nothing is found', async () => {
    makeStore([]);
    const address = `sqlite:${place.path('runs', 'runcast.db')}`;
    expect(await place.runcast(['query'])).toEqual({ code: 0, stdout: '', stderr: `no runs in ${address}\n` });
    const fitting = await place.runcast(['query', '--where', 'tag']);
    expect(fitting).toEqual({ code: 0, stdout: '', stderr: `no runs that fit in ${address}\n` });
    const asJson = await place.runcast(['query', '--json']);
    expect(JSON.parse(asJson.stdout)).toEqual({ store: address, runs: [] });
  });
});

describe('one run', () => {
  it('is shown with everything the store has of it', async () => {
    makeTwoRuns();
    const { code, stdout, stderr } = await place.runcast(['query', 'run-1']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`run-1     finished
project   demo
name      base line
group     sweep
job type  train
entity    lab
tags      a, b
notes     ${'n'.repeat(60)}…
started   2026-11-01 09:30:00 UTC
ended     2026-11-01 09:31:00 UTC
duration  1 min 00 s
steps     1,200
host      box
command   node train.ts
git       main 0123456789ab (changed) Start

configuration
  lr           0.001
  model.width  128
  model.sizes  1, 2

summary
  val/loss  1.23457
  best      null
  worst     NaN

METRIC      AXIS  VALUES  LAST STEP  LAST
train/loss  step  2       2          NaN
a,b         step  1       1          1
system/cpu  -     1       -          0.25
`);
    const { stdout: bare } = await place.runcast(['query', 'run-2'], {}, { clock: clockAt(100) });
    expect(bare).toBe(`run-2     running
started   2026-11-01 09:31:40 UTC
heard of  2026-11-01 09:31:00 UTC
duration  1 min 00 s
steps     3
git       abc
`);
  });

  it('is JSON with its metrics', async () => {
    makeTwoRuns();
    const { stdout } = await place.runcast(['query', 'run-1', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      id: 'run-1',
      summary: { best: null },
      metrics: [
        { key: 'train/loss', axis: 'step', values: 2, last_step: 2, last: 'NaN' },
        { key: 'a,b', axis: 'step', values: 1, last_step: 1, last: 1 },
        { key: 'system/cpu', axis: null, values: 1, last_step: null, last: 0.25 },
      ],
    });
  });
});

describe('a history', () => {
  const history = async (...options: readonly string[]): Promise<string> =>
    (await place.runcast(['query', 'run-1', '--history', ...options])).stdout;

  it('is a line a row', async () => {
    makeTwoRuns();
    expect(await history()).toBe(
      `09:30:00 step 1  train/loss 0.5  a,b 1\n09:30:01 step 2  train/loss NaN\n09:30:02 system  system/cpu 0.25\n`,
    );
    expect(await history('--keys', 'train/loss', '--from', '2', '--to', '2', '--axis', 'step')).toBe(
      '09:30:01 step 2  train/loss NaN\n',
    );
  });

  it('is JSON, a line a row', async () => {
    makeTwoRuns();
    const lines = (await history('--json')).trimEnd().split('\n');
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      {
        writer: 'w',
        seq: 0,
        time: STARTED,
        kind: 'step',
        axis: 'step',
        step: 1,
        metrics: { 'train/loss': 0.5, 'a,b': 1 },
      },
      { writer: 'w', seq: 1, time: STARTED + 1, kind: 'step', axis: 'step', step: 2, metrics: { 'train/loss': 'NaN' } },
      {
        writer: 'w',
        seq: 2,
        time: STARTED + 2,
        kind: 'system',
        axis: null,
        step: null,
        metrics: { 'system/cpu': 0.25 },
      },
    ]);
  });

  it('is CSV, a column a metric', async () => {
    makeTwoRuns();
    expect((await history('--csv')).split('\r\n')).toEqual([
      'axis,step,time,kind,train/loss,"a,b",system/cpu',
      `step,1,${STARTED},step,0.5,1,`,
      `step,2,${STARTED + 1},step,NaN,,`,
      `,,${STARTED + 2},system,,,0.25`,
      '',
    ]);
    expect((await history('--csv', '--keys', 'a,b', '--keys', 'system/cpu')).split('\r\n')).toEqual([
      'axis,step,time,kind,a,b,system/cpu',
      `,,${STARTED + 2},system,,,0.25`,
      '',
    ]);
  });

  it('may be long', async () => {
    makeStore([
      runRow('run-1'),
      ...Array.from({ length: 2500 }, (_, step) => historyRow('run-1', step, 'step', step, { loss: step })),
    ]);
    const lines = (await history()).trimEnd().split('\n');
    expect(lines.map((line) => line.split('  ')[1])).toEqual(lines.map((_, step) => `loss ${step}`));
    expect(lines).toHaveLength(2500);
  });

  it.each([[[]], [['--json']], [['--csv']]])('says why it is empty (%j)', async (form) => {
    makeTwoRuns();
    const misspelt = await place.runcast(['query', 'run-1', '--history', '--keys', 'train/los', ...form]);
    expect(misspelt).toEqual({
      code: 0,
      stdout: '',
      stderr: 'run-1: no metric "train/los"; did you mean train/loss?\n',
    });
    const empty = await place.runcast(['query', 'run-2', '--history', ...form]);
    expect(empty).toEqual({ code: 0, stdout: '', stderr: 'run-2: no rows of metrics\n' });
  });
});

describe('mistakes', () => {
  it.each([
    [
      ['query', '--where', 'stauts = finished'],
      'filter "stauts = finished": there is no field "stauts"; did you mean status?',
    ],
    [['query', '--sort', 'tag'], 'runs have no order by tags'],
    [['query', '--limit', '0'], 'a limit is an integer from 1, not 0'],
    [['query', '--limit', 'many'], '--limit expects an integer, holds "many"'],
    [['query', '--columns', 'confg.lr'], 'there is no field "confg.lr"; did you mean config.lr?'],
    [['query', 'run-3'], 'there is no run "run-3" in sqlite:'],
    [['query', 'runn-1'], '; did you mean run-1?'],
    [['query', 'run-3', '--history'], 'there is no run "run-3"'],
    [['query', '--history'], '--history needs a run'],
    [['query', 'run-1', '--csv'], '--csv is for --history'],
    [['query', 'run-1', '--from', '1'], '--from is for --history'],
    [['query', 'run-1', '--where', 'tag'], '--where is for a list of runs: leave out "run-1"'],
    [['query', 'run-1', '--history', '--csv', '--json'], 'choose --csv or --json'],
    [['query', 'run-1', '--history', '--to', '1.5'], '--to expects an integer, holds "1.5"'],
  ])('%j is told what is meant', async (argv, message) => {
    makeTwoRuns();
    const { code, stdout, stderr } = await place.runcast(argv);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).toContain('Try runcast query --help');
  });

  it('of the store are told with what to do', async () => {
    const missing = await place.runcast(['query'], { STORE__URL: 'sqlite:elsewhere.db' });
    expect([missing.code, missing.stdout]).toEqual([1, '']);
    expect(missing.stderr).toBe(
      `runcast: there is no run store ${place.path('elsewhere.db')}: set STORE__URL to where one is; one is made when a run is trained with STORE__ENABLED=true\n`,
    );
    const wrong = await place.runcast(['query'], { STORE__URL: 'mysql://me:secret@host' });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('STORE__URL: expects sqlite:');
    expect(wrong.stderr).not.toContain('secret');
    makeTwoRuns();
    const asked = await place.runcast(['query', '--store', 'sqlite:./runs/runcast.db'], {
      STORE__URL: 'sqlite:none.db',
    });
    expect(asked.code).toBe(0);
  });
});

it('shows its help', async () => {
  const { code, stdout } = await place.runcast(['query', '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('  runcast query [run] [--where <filter>]');
  expect(stdout).toContain('summary.<key>');
});
