import type { DatabaseSync } from 'node:sqlite';
import { loadSqlite } from '@runcast/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueryError } from './query-error.ts';
import { runQueryStatement } from './run-query.ts';
import { TABLES } from './schema.ts';
import { createIndexesSql, createTableSql } from './sql-dialect.ts';
import type { RunQuery } from './store.ts';

const NOW = 1_000_000;

/** What follows the columns. */
function sqlOf(query: RunQuery, dialect: 'sqlite' | 'postgres'): readonly string[] {
  return runQueryStatement(query, dialect, NOW).sql.split('\n').slice(1);
}

describe('the statement', () => {
  it('asks for all runs, newest first, without what is the sink’s alone', () => {
    const { sql, values } = runQueryStatement({}, 'sqlite', NOW);
    expect(sql).toMatch(
      /^SELECT r\.run_id, r\.project, .*, r\.summary\nFROM runs r\nORDER BY r\.started_at DESC, r\.run_id$/u,
    );
    expect(sql).not.toContain('sink_state');
    expect(values).toEqual([]);
  });

  it('takes everything of the question as parameters', () => {
    const evil = `'; DROP TABLE runs; --`;
    const query: RunQuery = {
      where: [
        `name = ${evil}`,
        `name ~ ${evil}`,
        `config."${evil}" = ${evil}`,
        `summary."${evil}" > 1`,
        `tag = ${evil}`,
        `!config."${evil}"`,
      ],
      orderBy: `-config."${evil}"`,
      limit: 3,
    };
    for (const dialect of ['sqlite', 'postgres'] as const) {
      const { sql, values } = runQueryStatement(query, dialect, NOW);
      expect(sql).not.toContain('DROP');
      const markers = [...sql.matchAll(/\$(\d+)/gu)].map(([, number]) => Number(number));
      expect(new Set(markers)).toEqual(new Set(values.map((_, index) => index + 1)));
    }
  });

  it('differs between the databases where they do', () => {
    const query: RunQuery = { where: ['name ~ 50%_\\', 'group > a', 'steps >= 3', 'git.dirty = true'], limit: 2 };
    expect(sqlOf(query, 'sqlite')).toEqual([
      'FROM runs r',
      String.raw`WHERE r.name LIKE $1 ESCAPE '\'`,
      '  AND r.run_group > $2',
      '  AND r.total_steps >= $3',
      '  AND r.git_dirty = $4',
      'ORDER BY r.started_at DESC, r.run_id',
      'LIMIT CAST($5 AS bigint)',
    ]);
    expect(sqlOf(query, 'postgres')).toEqual([
      'FROM runs r',
      String.raw`WHERE r.name ILIKE $1::text ESCAPE '\'`,
      '  AND r.run_group COLLATE "C" > $2::text',
      '  AND r.total_steps >= $3::double precision',
      '  AND r.git_dirty = $4::boolean',
      'ORDER BY r.started_at DESC, r.run_id',
      'LIMIT CAST($5::double precision AS bigint)',
    ]);
    expect(runQueryStatement(query, 'sqlite', NOW).values).toEqual([String.raw`%50\%\_\\%`, 'a', 3, true, 2]);
  });

  it.each([
    [{ limit: 0 }, 'a limit is an integer from 1, not 0'],
    [{ limit: 1.5 }, 'a limit is an integer from 1, not 1.5'],
    [{ orderBy: 'stauts' }, 'did you mean status?'],
    [{ orderBy: '-tag' }, 'runs have no order by tags'],
    [{ where: ['nonsense'] }, 'filter "nonsense": there is no field'],
  ])('is not made of %j', (query, message) => {
    expect(() => runQueryStatement(query, 'sqlite', NOW)).toThrow(QueryError);
    expect(() => runQueryStatement(query, 'sqlite', NOW)).toThrow(message);
  });
});

describe('in SQLite', () => {
  let database: DatabaseSync;

  beforeEach(() => {
    const { DatabaseSync: Database } = loadSqlite();
    database = new Database(':memory:');
    for (const table of TABLES)
      for (const sql of [createTableSql(table, 'sqlite'), ...createIndexesSql(table)]) database.exec(sql);
  });

  afterEach(() => database.close());

  function planOf(query: RunQuery): string {
    const { sql, values } = runQueryStatement(query, 'sqlite', NOW);
    const named = values.map(
      (value, index) => [`$${index + 1}`, typeof value === 'string' ? value : Number(value)] as const,
    );
    const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(Object.fromEntries(named));
    return steps.map(({ detail }) => String(detail)).join('\n');
  }

  const RUNS_BY_ID = /SEARCH r USING INDEX sqlite_autoindex_runs_1 \(run_id=\?\)/u;
  const BY_NUMBER =
    /SEARCH v USING COVERING INDEX run_values_section_key_number \(section=\? AND key=\? AND number[=>]/u;
  const BY_TEXT = /SEARCH v USING COVERING INDEX run_values_section_key_text \(section=\? AND key=\? AND text=/u;

  it.each([
    ['config.lr >= 1e-3', [RUNS_BY_ID, BY_NUMBER, BY_TEXT]],
    ['config.lr = 1e-3', [RUNS_BY_ID, BY_NUMBER, BY_TEXT]],
    ['config.lr > Infinity', [RUNS_BY_ID, BY_NUMBER]],
    ['config.optimizer = adam', [RUNS_BY_ID, BY_TEXT]],
    ['summary.val/loss', [/SEARCH v USING COVERING INDEX run_values_section_key_\w+ \(section=\? AND key=\?\)/u]],
    ['tag = baseline', [/SEARCH v USING COVERING INDEX run_values_section_key_\w+ \(section=\? AND key=\?\)/u]],
    ['config.optimizer != adam', [/SEARCH v USING PRIMARY KEY \(run_id=\? AND section=\? AND key=\?\)/u]],
    ['!summary.val/loss', [/SEARCH v USING PRIMARY KEY \(run_id=\? AND section=\? AND key=\?\)/u]],
  ] as const)('%s is found by the index of values, and its runs by their key', (filter, steps) => {
    const plan = planOf({ where: [filter] });
    for (const step of steps) expect(plan).toMatch(step);
    expect(plan).not.toContain('SCAN v');
  });

  it.each([
    ['status = finished', /SEARCH r USING INDEX runs_status \(status=\?\)/u],
    ['status = running', /SEARCH r USING INDEX runs_status \(status=\?\)/u],
    ['status = crashed', /MULTI-INDEX OR[^]*SEARCH r USING INDEX runs_status[^]*SEARCH r USING INDEX runs_status/u],
    ['project = demo', /SEARCH r USING INDEX runs_project \(project=\?\)/u],
    ['started >= 2026-11-01', /SEARCH r USING INDEX runs_started_at \(started_at>\?\)/u],
    ['id = run-1', /SEARCH r USING INDEX sqlite_autoindex_runs_1 \(run_id=\?\)/u],
  ])('%s is found by an index of runs', (filter, plan) => {
    expect(planOf({ where: [filter] })).toMatch(plan);
  });

  it('the newest runs are found without sorting all', () => {
    expect(planOf({ limit: 10 })).toMatch(/SCAN r USING INDEX runs_started_at/u);
  });

  it('what is ordered by is found by the key of values', () => {
    expect(planOf({ orderBy: '-summary.val/loss' })).toMatch(
      /SEARCH o USING PRIMARY KEY \(run_id=\? AND section=\? AND key=\?\)/u,
    );
  });
});
