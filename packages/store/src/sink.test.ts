import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  ConfigError,
  PositionLostError,
  RecordsRefusedError,
  RetryableSinkError,
  TerminalSinkError,
  type JsonValue,
  type RunRecord,
  type Sink,
} from '@runcast/core';
import {
  batchOf,
  closeRecord,
  configRecord,
  defineMetricRecord,
  epochRecord,
  finalRecord,
  hparamsRecord,
  logRecord,
  openRecord,
  sinkContext,
  stepRecord,
  summaryRecord,
  systemRecord,
  tableRecord,
  tagsRecord,
  validationRecord,
} from '@runcast/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStoreSink } from './sink.ts';

/** When the runs of these tests begin, in Unix seconds. */
const START = 1_795_254_000;

let folder: string;
let file: string;
const opened: Sink[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'runcast-store-'));
  file = join(folder, 'store', 'runcast.db');
});

afterEach(() => {
  for (const sink of opened.splice(0)) void sink.close({ status: 'unknown', final: false });
  rmSync(folder, { recursive: true });
});

function openSink(position?: JsonValue, keyMetrics?: readonly string[]): Sink {
  const sink = createStoreSink({ url: `sqlite:${file}`, keyMetrics });
  void sink.open?.(sinkContext({ runId: 'run-1', runDirectory: folder, position }));
  opened.push(sink);
  return sink;
}

function close(sink: Sink, status: 'finished' | 'crashed' = 'finished', final = true): void {
  opened.splice(opened.indexOf(sink), 1);
  void sink.close({ status, final });
}

/** Numbered from 0, a second apart. */
function write(sink: Sink, records: readonly RunRecord[], writer = 'w1', from = 0, time = START): void {
  const placed = records.map((record, index) => ({ ...record, seq: from + index, time: time + from + index }));
  void sink.write(batchOf(writer, placed));
}

function query(sql: string): readonly Readonly<Record<string, unknown>>[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
}

function execute(sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

describe('the row of a run', () => {
  it('says who, when, how it ended, and what its records come to', () => {
    const sink = openSink();
    write(sink, [
      openRecord({
        project: 'demo',
        name: 'baseline',
        entity: 'team',
        group: 'sweep',
        job_type: 'train',
        notes: 'the first',
        tags: ['lm'],
        argv: ['train.ts'],
        git: { commit: 'abc', branch: 'main', message: 'Begin', dirty: true, remote: 'https://example.org/x.git' },
      }),
      hparamsRecord({ hparams: { learning_rate: 0.1 } }),
      configRecord({ config: { model: { width: 3 } } }),
      tagsRecord({ tags: ['lm', 'fast'] }),
      stepRecord({ metrics: { 'train/loss': 2 } }),
      epochRecord({ metrics: { 'epoch/loss': 1.5 } }),
      validationRecord({ metrics: { 'val/loss': 'NaN' } }),
      systemRecord(),
      finalRecord({ metrics: { 'final/loss': 1 }, total_steps: 500 }),
      summaryRecord({ summary: { 'eval/verdict': 'good' } }),
      closeRecord({ status: 'failed' }),
    ]);
    close(sink);
    const [run] = query('SELECT * FROM runs');
    expect(run).toMatchObject({
      run_id: 'run-1',
      project: 'demo',
      name: 'baseline',
      entity: 'team',
      run_group: 'sweep',
      job_type: 'train',
      notes: 'the first',
      status: 'failed',
      started_at: START,
      ended_at: START + 10,
      heartbeat_at: START + 10,
      duration_secs: 10,
      total_steps: 500,
      host: 'trainer',
      argv: '["train.ts"]',
      git_commit: 'abc',
      git_branch: 'main',
      git_message: 'Begin',
      git_dirty: 1,
      git_remote: 'https://example.org/x.git',
      tags: '["lm","fast"]',
    });
    expect(JSON.parse(String(run?.['config']))).toEqual({ latent_dim: 32, learning_rate: 0.1, model: { width: 3 } });
    expect(JSON.parse(String(run?.['summary']))).toEqual({
      'train/loss': 2,
      'epoch/loss': 1.5,
      'val/loss': 'NaN',
      'final/loss': 1,
      'eval/verdict': 'good',
    });
  });

  it('counts steps where nobody says how many there were, and runs until somebody says that it ends', () => {
    const sink = openSink();
    write(sink, [openRecord(), stepRecord(), stepRecord({ n: 2, step: 2 }), closeRecord({ final: false })]);
    expect(query('SELECT status, ended_at, total_steps, duration_secs FROM runs')).toEqual([
      { status: 'running', ended_at: null, total_steps: 2, duration_secs: 3 },
    ]);
  });

  it('is ended by whoever closes the sink for good, if the run has not said how', () => {
    const left = openSink();
    write(left, [openRecord(), stepRecord()]);
    close(left, 'finished', false);
    expect(query('SELECT status FROM runs')).toEqual([{ status: 'running' }]);
    close(openSink({ held: { w1: 1 } }), 'crashed');
    expect(query('SELECT status, ended_at FROM runs')).toEqual([{ status: 'crashed', ended_at: START + 1 }]);
  });

  it('follows heartbeats, and is there again for those who go on with a run that had ended', () => {
    const sink = openSink();
    write(sink, [openRecord({ git: { commit: 'abc' } }), closeRecord()]);
    write(sink, [openRecord({ writer: 'w2', resumed: true, name: 'again' }), stepRecord()], 'w2', 0, START + 100);
    void sink.tick?.((START + 200) * 1000);
    expect(query('SELECT status, ended_at, started_at, heartbeat_at, name, git_commit FROM runs')).toEqual([
      {
        status: 'running',
        ended_at: null,
        started_at: START,
        heartbeat_at: START + 200,
        name: 'again',
        git_commit: 'abc',
      },
    ]);
  });

  it('goes on in a new instance as if it had never stopped', () => {
    const records = [
      openRecord({ git: { commit: 'abc', branch: 'main', message: 'Begin', dirty: false, remote: 'r' } }),
      defineMetricRecord({ metric: 'train/*', summary: 'mean' }),
      stepRecord({ metrics: { 'train/loss': 1 } }),
      stepRecord({ n: 2, step: 2, metrics: { 'train/loss': 4 } }),
    ];
    const sink = openSink();
    write(sink, records.slice(0, 3));
    close(sink, 'finished', false);
    write(openSink({ held: { w1: 2 } }), records.slice(3), 'w1', 3);
    expect(query('SELECT summary, total_steps, git_dirty FROM runs')).toEqual([
      { summary: '{"train/loss":2.5}', total_steps: 2, git_dirty: 0 },
    ]);
  });

  it('is begun by whoever comes first, be it a member', () => {
    const sink = openSink();
    write(sink, [openRecord({ role: 'member', writer: 'w2', config: { a: 1 } })], 'w2', 0, START + 5);
    expect(query('SELECT started_at, host, config FROM runs')).toEqual([
      { started_at: START + 5, host: null, config: '{"a":1}' },
    ]);
    write(sink, [openRecord({ config: { b: 2 } })], 'w1');
    expect(query('SELECT started_at, host, config FROM runs')).toEqual([
      { started_at: START, host: 'trainer', config: '{"a":1,"b":2}' },
    ]);
  });
});

describe('history', () => {
  it('has a row for each record of metrics, on its axis, digits as the log has them', () => {
    const sink = openSink();
    write(sink, [
      openRecord(),
      stepRecord({ step: 7, metrics: { 'train/loss': 0.1, 'train/grad_norm': 'Infinity' } }),
      epochRecord({ epoch: 2 }),
      validationRecord({ epoch: 2 }),
      logRecord({ step: 3, metrics: { 'a"b': -0 } }),
      logRecord({ step: 4, series: 'training/operator', metrics: { 'training/operator/loss': 0.3 } }),
      logRecord(),
      systemRecord(),
    ]);
    expect(query('SELECT seq, kind, axis, step, superseded, metrics FROM history')).toEqual([
      {
        seq: 1,
        kind: 'step',
        axis: 'step',
        step: 7,
        superseded: 0,
        metrics: '{"train/loss":0.1,"train/grad_norm":"Infinity"}',
      },
      { seq: 2, kind: 'epoch', axis: 'epoch', step: 2, superseded: 0, metrics: '{"epoch/loss":0.5}' },
      { seq: 3, kind: 'validation', axis: 'epoch', step: 2, superseded: 0, metrics: '{"val/loss":0.5}' },
      { seq: 4, kind: 'log', axis: 'step', step: 3, superseded: 0, metrics: String.raw`{"a\"b":-0}` },
      {
        seq: 5,
        kind: 'log',
        axis: 'training/operator/step',
        step: 4,
        superseded: 0,
        metrics: '{"training/operator/loss":0.3}',
      },
      { seq: 6, kind: 'log', axis: null, step: null, superseded: 0, metrics: '{"production/iron-plate":450.5}' },
      { seq: 7, kind: 'system', axis: null, step: null, superseded: 0, metrics: '{"system/cpu":0.25}' },
    ]);
  });

  it('has key metrics beside it as numbers, the later of two at a step', () => {
    const sink = openSink(undefined, ['train/loss', 'objective/*']);
    write(sink, [
      stepRecord({ step: 1, metrics: { 'train/loss': 3, 'train/grad_norm': 1, 'objective/a': 'NaN' } }),
      stepRecord({ n: 2, step: 1, metrics: { 'train/loss': 2, 'objective/b': '-Infinity' } }),
      logRecord({ metrics: { 'train/loss': 9 } }),
      logRecord({ step: 1, metrics: { [`objective/${'x'.repeat(900)}`]: 1 } }),
      logRecord({ step: 1, series: 's'.repeat(900), metrics: { 'objective/c': 1 } }),
    ]);
    expect(query('SELECT key, axis, step, time, value FROM key_metrics ORDER BY key')).toEqual([
      { key: 'objective/a', axis: 'step', step: 1, time: START, value: null },
      { key: 'objective/b', axis: 'step', step: 1, time: START + 1, value: -Infinity },
      { key: 'train/loss', axis: 'step', step: 1, time: START + 1, value: 2 },
    ]);
  });

  it('marks what a process that went back behind it supersedes, also what comes late', () => {
    const sink = openSink();
    const steps = [1, 2, 3].map((step) => stepRecord({ n: step, step }));
    write(sink, [openRecord(), ...steps, epochRecord({ epoch: 9 })]);
    write(
      sink,
      [openRecord({ writer: 'w2', resumed: true, resume_step: 2 }), stepRecord({ step: 2 })],
      'w2',
      0,
      START + 50,
    );
    write(sink, [stepRecord({ n: 4, step: 4 })], 'w1', 5);
    expect(query('SELECT writer, axis, step FROM history WHERE superseded = 1 ORDER BY step')).toEqual([
      { writer: 'w1', axis: 'step', step: 2 },
      { writer: 'w1', axis: 'step', step: 3 },
      { writer: 'w1', axis: 'step', step: 4 },
    ]);
    expect(query("SELECT step, time FROM key_metrics WHERE key = 'train/loss' ORDER BY step")).toEqual([
      { step: 1, time: START + 1 },
      { step: 2, time: START + 51 },
    ]);
  });
});

describe('other records', () => {
  it('are kept whole, with their key and step', () => {
    const sink = openSink();
    const table = tableRecord({ step: 3 });
    write(sink, [table, defineMetricRecord()]);
    const { v: _version, seq: _seq, time: _time, kind: _kind, ...data } = table;
    const rows = query('SELECT kind, key, step, data FROM records');
    expect(rows).toMatchObject([
      { kind: 'table', key: 'eval/comparison', step: 3 },
      { kind: 'define_metric', key: null, step: null },
    ]);
    expect(JSON.parse(String(rows[0]?.['data']))).toEqual(data);
  });
});

describe('the index of values', () => {
  const values = () => query('SELECT section, key, number, text FROM run_values ORDER BY section, key');

  it('has every leaf of the configuration, every value of the summary, and every tag', () => {
    const sink = openSink();
    write(sink, [
      openRecord({ tags: ['lm'], config: { model: { width: 3, act: 'relu' }, layers: [1, 2], none: null, on: true } }),
      summaryRecord({ summary: { 'val/loss': 0.5, bad: 'NaN', long: 'x'.repeat(300), ['k'.repeat(900)]: 1 } }),
    ]);
    void sink.flush();
    expect(values()).toEqual([
      { section: 'config', key: 'layers', number: null, text: '[1,2]' },
      { section: 'config', key: 'model.act', number: null, text: 'relu' },
      { section: 'config', key: 'model.width', number: 3, text: null },
      { section: 'config', key: 'none', number: null, text: 'null' },
      { section: 'config', key: 'on', number: null, text: 'true' },
      { section: 'summary', key: 'bad', number: null, text: 'NaN' },
      { section: 'summary', key: 'long', number: null, text: 'x'.repeat(200) },
      { section: 'summary', key: 'val/loss', number: 0.5, text: null },
      { section: 'tag', key: 'lm', number: null, text: 'lm' },
    ]);
  });

  it('follows a run, once a second of its own time, and loses what is gone', () => {
    const sink = openSink();
    write(sink, [openRecord({ config: { a: 1, b: 2 } })]);
    void sink.write(batchOf('w1', [{ ...configRecord({ config: { a: { deep: 3 } } }), seq: 1, time: START + 0.5 }]));
    expect(values()).toMatchObject([{ key: 'a' }, { key: 'b' }]);
    write(sink, [stepRecord({ metrics: { 'train/loss': 1 } })], 'w1', 2);
    expect(values()).toMatchObject([{ key: 'a.deep', number: 3 }, { key: 'b' }, { section: 'summary' }]);
  });

  it('is made anew by an instance that does not know what is in it', () => {
    const sink = openSink();
    write(sink, [openRecord({ config: { a: 1 } })]);
    close(sink, 'finished', false);
    execute(`INSERT INTO run_values VALUES ('run-1', 'config', 'stale', 1, NULL)`);
    const next = openSink({ held: { w1: 0 } });
    void next.tick?.(START * 1000);
    expect(values()).toMatchObject([{ key: 'a' }]);
  });
});

describe('a run id that is used again', () => {
  it('replaces a run that has ended, and what its writers left', () => {
    const sink = openSink();
    write(sink, [openRecord({ config: { old: 1 } }), stepRecord(), closeRecord()]);
    write(sink, [openRecord({ role: 'member', writer: 'm1' }), stepRecord()], 'm1', 0, START + 1);
    close(sink);
    const next = openSink();
    write(next, [openRecord({ writer: 'w9', config: { fresh: 1 } }), stepRecord()], 'w9', 0, START + 1000);
    write(next, [stepRecord({ n: 2, step: 2 })], 'w9', 2, START + 1000);
    expect(query('SELECT DISTINCT writer FROM history UNION SELECT writer FROM records')).toEqual([{ writer: 'w9' }]);
    expect(query('SELECT writer, seq FROM positions')).toEqual([{ writer: 'w9', seq: 2 }]);
    expect(query('SELECT config, started_at, total_steps FROM runs')).toEqual([
      { config: '{"fresh":1}', started_at: START + 1000, total_steps: 2 },
    ]);
    expect(query('SELECT count(*) AS count FROM key_metrics')).toEqual([{ count: 2 }]);
    expect(next.position?.()).toEqual({ held: { w9: 2 } });
  });

  it('is refused while the other run may go on', () => {
    write(openSink(), [openRecord(), stepRecord()]);
    const next = openSink();
    const begin = (): void => write(next, [openRecord({ writer: 'w9' })], 'w9', 0, START + 60);
    expect(begin).toThrow(TerminalSinkError);
    expect(begin).toThrow(/goes on elsewhere, or did minutes ago: choose another run id/u);
    expect(query('SELECT writer, seq FROM positions')).toEqual([{ writer: 'w1', seq: 1 }]);
  });
});

describe('what goes wrong', () => {
  it('tells that it is locked, and goes on when it is free', () => {
    const sink = openSink();
    write(sink, [openRecord()]);
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    expect(() => write(sink, [stepRecord()], 'w1', 1)).toThrow(RetryableSinkError);
    // A sink that is opened meanwhile waits for its first write.
    const second = openSink({ held: { w1: 0 } });
    expect(() => write(second, [stepRecord()], 'w1', 1)).toThrow(/is locked by another process/u);
    other.close();
    write(second, [stepRecord()], 'w1', 1);
    expect(query('SELECT seq FROM positions')).toEqual([{ seq: 1 }]);
  });

  it('refuses the records that the tables never take, and only these', () => {
    const sink = openSink();
    write(sink, [openRecord()]);
    execute(`CREATE TRIGGER picky BEFORE INSERT ON history WHEN NEW.step = 2
             BEGIN SELECT RAISE(ABORT, 'no step 2 here'); END`);
    const steps = [1, 2, 3].map((step) => stepRecord({ n: step, step }));
    const refused = (): void => write(sink, steps, 'w1', 1);
    expect(refused).toThrow(RecordsRefusedError);
    expect(refused).toThrow(/1 records refused, the first because: no step 2 here/u);
    write(sink, steps.slice(0, 1), 'w1', 1);
    write(sink, steps.slice(2), 'w1', 3);
    expect(query('SELECT step FROM history')).toEqual([{ step: 1 }, { step: 3 }]);
  });

  it('repeats a batch that fails although each of its records would do', () => {
    const sink = openSink();
    write(sink, [openRecord()]);
    execute(`CREATE TRIGGER picky BEFORE UPDATE ON positions WHEN (SELECT count(*) FROM history) > 1
             BEGIN SELECT RAISE(ABORT, 'one at a time'); END`);
    const both = (): void => write(sink, [stepRecord(), stepRecord({ n: 2 })], 'w1', 1);
    expect(both).toThrow(/one at a time/u);
    expect(both).not.toThrow(RecordsRefusedError);
  });

  it('tells what was lost with the file, and writes it again where it is told to', () => {
    const sink = openSink();
    write(sink, [openRecord(), stepRecord()]);
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    let thrown: unknown;
    try {
      write(sink, [stepRecord({ n: 2 })], 'w1', 2);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PositionLostError);
    expect(thrown).toMatchObject({ held: new Map([['w1', -1]]) });
    write(sink, [openRecord(), stepRecord(), stepRecord({ n: 2 })]);
    expect(query('SELECT seq FROM history')).toEqual([{ seq: 1 }, { seq: 2 }]);
  });

  it('tells that a position is none', () => {
    expect(() => openSink({ length: 3 })).toThrow(PositionLostError);
    expect(() => openSink({ held: { w1: 3 } })).toThrow(/has lost the last records of w1/u);
  });

  it('sees that somebody else has moved the position', () => {
    const sink = openSink();
    write(sink, [openRecord()]);
    execute('UPDATE positions SET seq = 5');
    expect(() => write(sink, [stepRecord()], 'w1', 1)).toThrow(/has not what it had of the writer w1/u);
    // It asks, and what the store has already is left out.
    write(sink, [stepRecord()], 'w1', 1);
    expect(query('SELECT * FROM history')).toEqual([]);
  });

  it('says that a directory is none, and a file no database, with the variable', () => {
    writeFileSync(join(folder, 'store'), 'a file');
    expect(() => openSink()).toThrow(ConfigError);
    rmSync(join(folder, 'store'));
    mkdirSync(join(folder, 'store'));
    writeFileSync(file, 'no database, however long one looks at it'.repeat(100));
    expect(() => openSink()).toThrow(/STORE__URL: .*cannot be used as a run store: file is not a database/su);
  });

  it('leaves alone what is not its own', () => {
    mkdirSync(join(folder, 'store'));
    execute('CREATE TABLE runs (id)');
    expect(() => openSink()).toThrow(/holds other tables named runs: set STORE__URL to/u);
    expect(query("SELECT name FROM sqlite_master WHERE type = 'table'")).toEqual([{ name: 'runs' }]);
  });

  it('leaves alone a store of a later version', () => {
    close(openSink());
    execute('UPDATE runcast_schema SET version = 99');
    expect(() => openSink()).toThrow(/is a run store of version 99, and this Runcast writes version 1/u);
    execute('DELETE FROM runcast_schema');
    expect(() => openSink()).toThrow(/of version unknown/u);
  });

  it('has a sink that is not open do nothing', () => {
    const sink = createStoreSink({ url: `sqlite:${file}` });
    expect(() => write(sink, [openRecord()])).toThrow(/is not open/u);
    expect(() => sink.position?.()).toThrow(/is not open/u);
    close(sink);
  });
});
