// What docs/store.md tells people to type: its SQL finds what it says in both databases, its commands and its program run.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeOnPostgres } from '../support/describe-on-postgres.ts';
import { PostgresServer, withPostgres } from '../support/postgres-server.ts';
import { buildStore, type BuiltRun } from '../support/store-builder.ts';

const TOP = path.join(import.meta.dirname, '..', '..');
const BIN = path.join(TOP, 'packages', 'runcast', 'src', 'bin.ts');
const DOCUMENT = readFileSync(path.join(TOP, 'docs', 'store.md'), 'utf8');

const RUNS: readonly BuiltRun[] = [
  {
    id: 'run-1',
    row: {
      project: 'demo',
      started_at: Date.UTC(2026, 10, 2) / 1000,
      ended_at: Date.UTC(2026, 10, 3) / 1000,
      duration_secs: 7200,
      config: '{"optimizer":"adam","lr":0.001,"model":{"width":128}}',
    },
    config: { optimizer: 'adam', lr: 0.001, 'model.width': 128 },
    summary: { 'val/loss': 1.5 },
    tags: ['baseline', 'tiny'],
    history: [
      { step: 200, metrics: { 'val/loss': 1.5, 'train/loss': 1 } },
      { step: 100, metrics: { 'val/loss': 2.5 } },
      { step: 300, metrics: { 'val/loss': 0 }, superseded: true },
      { step: 300, metrics: { 'train/loss': 1 } },
    ],
    keyMetrics: {
      'train/loss': [
        [1, 1, 2],
        [2, 2, 7],
        [3, 3, 6],
        [4, 4, null],
      ],
    },
  },
  {
    id: 'run-2',
    row: { project: 'demo', duration_secs: 3600, config: '{"optimizer":"adam","model":{"width":64}}' },
    config: { optimizer: 'adam', lr: 0.1 },
    summary: { 'val/loss': 1.25 },
    tags: ['tiny'],
  },
  {
    id: 'run-3',
    row: { project: 'demo', status: 'running', heartbeat_at: 1000, config: '{"optimizer":"sgd"}' },
    config: { optimizer: 'sgd' },
    summary: { 'val/loss': 3 },
  },
];

/** What each example finds, by its title. */
const FOUND: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  'Steps at which the loss was more than three times what it had been, or NaN.': [
    ['run-1', 2, 2, 7],
    ['run-1', 4, 6, null],
  ],
  'The best run of each optimizer.': [
    ['adam', 'run-2', 1.25],
    ['sgd', 'run-3', 3],
  ],
  'The loss curve of a run.': [
    [1, 2],
    [2, 7],
    [3, 6],
    [4, null],
  ],
  'Runs that have all of some tags.': [['run-1']],
  'Hours by project and status.': [
    ['demo', 'finished', 2, 3],
    ['demo', 'running', 1, 0],
  ],
  'any metric of a run, by step.': [
    [100, 2.5],
    [200, 1.5],
  ],
  'a nested member of the configuration, beside a result.': [
    ['run-1', 128, 1.5],
    ['run-2', 64, 1.25],
    ['run-3', null, 3],
  ],
  'runs that crashed without saying so.': [['run-3']],
};

interface Example {
  readonly title: string;
  readonly sql: string;
}

/** Examples for a database: those that name it, and those that name none. */
function examplesFor(database: 'SQLite' | 'PostgreSQL'): readonly Example[] {
  return [...DOCUMENT.matchAll(/^```sql\n-- (?:(SQLite|PostgreSQL): )?(.*)\n([^`]*)^```$/gmu)].flatMap(
    ([, named = database, title = '', sql = '']) => (named === database ? [{ title, sql }] : []),
  );
}

/** PostgreSQL's client gives large integers as text. */
function plain(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/u.test(value) ? Number(value) : value;
}

it('has every example that is tested here, for each database', () => {
  for (const database of ['SQLite', 'PostgreSQL'] as const)
    expect(examplesFor(database).map(({ title }) => title)).toEqual(Object.keys(FOUND));
});

describe('in SQLite', () => {
  let place = '';

  beforeAll(async () => {
    // Below the repository, so that the program resolves its packages.
    mkdirSync(path.join(TOP, '.cache'), { recursive: true });
    place = mkdtempSync(path.join(TOP, '.cache', 'store-document-'));
    mkdirSync(path.join(place, 'runs'));
    await buildStore(`sqlite:${path.join(place, 'runs', 'runcast.db')}`, RUNS);
  });

  afterAll(() => rmSync(place, { recursive: true, force: true }));

  it.each(examplesFor('SQLite'))('$title', ({ title, sql }) => {
    const database = new DatabaseSync(path.join(place, 'runs', 'runcast.db'), { readOnly: true });
    const rows = database.prepare(sql).all();
    database.close();
    expect(rows.map((row) => Object.values(row))).toEqual(FOUND[title]);
  });

  const commands = [...DOCUMENT.matchAll(/^runcast query.*$/gmu)].map(([command]) => command);

  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(3);
  });

  it.each(commands)('%s', (command) => {
    const script = `runcast() { "$NODE" --conditions=runcast-source "$BIN" "$@"; }; ${command}`;
    const env = { PATH: process.env['PATH'], NODE: process.execPath, BIN };
    const output = execFileSync('sh', ['-c', script], { cwd: place, env, encoding: 'utf8' });
    expect(output).toMatch(/run-1|train\/loss/u);
  });

  it('the program runs', () => {
    const [, code = ''] = /^```ts\n([^`]*)^```$/mu.exec(DOCUMENT) ?? [];
    const file = path.join(place, 'program.ts');
    writeFileSync(file, `${code}\nconsole.log(best?.id, curves.size);\n`);
    const argv = ['--conditions=runcast-source', '--disable-warning=ExperimentalWarning', file];
    expect(execFileSync(process.execPath, argv, { cwd: place, encoding: 'utf8' })).toBe('run-2 0\n');
  });
});

describeOnPostgres((program) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await PostgresServer.start(program);
    await buildStore(server.urlOf(), RUNS);
  });

  afterAll(() => server.end());

  it.each(examplesFor('PostgreSQL'))('$title', async ({ title, sql }) => {
    const rows = await withPostgres(server.urlOf(), async (client) => (await client.query<object>(sql)).rows);
    expect(rows.map((row) => Object.values(row).map((value: unknown) => plain(value)))).toEqual(FOUND[title]);
  });
});
