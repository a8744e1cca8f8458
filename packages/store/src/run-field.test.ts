import { describe, expect, it } from 'vitest';
import { QueryError } from './query-error.ts';
import { parseRunField, RUN_FIELD_NAMES, runFieldValue } from './run-field.ts';
import type { StoredRun } from './store.ts';

const RUN: StoredRun = {
  id: 'run-1',
  project: 'demo',
  name: 'baseline',
  entity: 'lab',
  group: 'sweep',
  jobType: 'train',
  notes: undefined,
  status: 'finished',
  startedAt: 100,
  endedAt: 160,
  heartbeatAt: 160,
  durationSecs: 60,
  totalSteps: 1000,
  host: 'box',
  argv: ['node', 'train.ts'],
  git: { commit: 'abc', branch: 'main', dirty: true },
  tags: ['baseline', 'tiny'],
  config: { lr: 1e-3, model: { width: 128, 'a.b': { c: 1 } }, 'x.y': 2, sizes: [1, 2] },
  summary: { 'val/loss': 1.5, best: null },
};

const valueOf = (name: string): unknown => runFieldValue(RUN, parseRunField(name));

describe('fields', () => {
  it('are the columns of a run', () => {
    const columns = RUN_FIELD_NAMES.filter((name) => !name.includes('<'));
    expect(Object.fromEntries(columns.map((name) => [name, valueOf(name)]))).toEqual({
      id: 'run-1',
      project: 'demo',
      name: 'baseline',
      status: 'finished',
      started: 100,
      ended: 160,
      duration: 60,
      steps: 1000,
      group: 'sweep',
      job_type: 'train',
      entity: 'lab',
      notes: undefined,
      host: 'box',
      'git.branch': 'main',
      'git.commit': 'abc',
      'git.dirty': true,
      'git.message': undefined,
      tag: ['baseline', 'tiny'],
    });
  });

  it('are values of a configuration, nested ones too, and of a summary', () => {
    expect(valueOf('config.lr')).toBe(1e-3);
    expect(valueOf('config.model.width')).toBe(128);
    expect(valueOf('config.model.a.b.c')).toBe(1);
    expect(valueOf('config.x.y')).toBe(2);
    expect(valueOf('config.sizes')).toEqual([1, 2]);
    expect(valueOf('config.model.depth')).toBeUndefined();
    expect(valueOf('config.toString')).toBeUndefined();
    expect(valueOf('config.toString.name')).toBeUndefined();
    expect(valueOf('summary.val/loss')).toBe(1.5);
    expect(valueOf('summary.best')).toBeNull();
    expect(valueOf('summary.toString')).toBeUndefined();
  });

  it('have keys that hold anything where they are quoted', () => {
    expect(parseRunField('summary."a > "b""')).toEqual({ source: 'summary', key: 'a > "b"' });
    expect(parseRunField("config.'x'")).toEqual({ source: 'config', key: 'x' });
    expect(parseRunField('config.""')).toEqual({ source: 'config', key: '' });
    expect(parseRunField('config."half')).toEqual({ source: 'config', key: '"half' });
  });

  it('say nothing of a run without tags or git', () => {
    const bare = { ...RUN, tags: [], git: undefined };
    expect(runFieldValue(bare, parseRunField('tag'))).toBeUndefined();
    expect(runFieldValue(bare, parseRunField('git.commit'))).toBeUndefined();
    expect(runFieldValue(bare, parseRunField('git.branch'))).toBeUndefined();
  });
});

describe('what is no field', () => {
  it.each([
    ['stauts', 'there is no field "stauts"; did you mean status? (fields: id, project, name, '],
    ['tags', 'did you mean tag?'],
    ['git.brnch', 'did you mean git.branch?'],
    ['confg.lr', 'did you mean config.lr?'],
    ['sumary.val/loss', 'did you mean summary.val/loss?'],
    ['learning_rate', 'there is no field "learning_rate" (fields: '],
    ['config', 'there is no field "config" (fields: '],
    ['config.', 'there is no field "config." '],
    ['', 'there is no field ""'],
    ['config.a\0b', 'NUL'],
  ])('%j is told what is meant', (name, message) => {
    expect(() => parseRunField(name)).toThrow(QueryError);
    expect(() => parseRunField(name)).toThrow(message);
  });
});
