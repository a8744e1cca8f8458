import { resolve } from 'node:path';
import { ConfigError, describeSection, readSection } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { absoluteStoreUrl, sqliteFile, storeAddress, storeEnv } from './config.ts';
import { createSink } from './sink.ts';
import { storeSink } from './spec.ts';

describe('the STORE__ variables', () => {
  it('have defaults', () => {
    expect(readSection(storeEnv, {}).config).toEqual({
      enabled: false,
      url: 'sqlite:./runs/runcast.db',
      key_metrics: ['train/loss', 'train/grad_norm', 'train/learning_rate'],
    });
  });

  it.each([
    'sqlite:runs.db',
    'sqlite:/data/runs.db',
    'postgres://localhost/runs',
    'postgresql://trainer:secret@db.example:5433/runs?sslmode=require',
  ])('take the URL %s', (url) => {
    expect(readSection(storeEnv, { STORE__URL: url }).config).toMatchObject({ url });
  });

  it.each(['runs.db', 'sqlite:', 'mysql://localhost/runs', 'postgres://localhost', 'postgres://localhost/'])(
    'refuse the URL %s',
    (url) => {
      const { problems } = readSection(storeEnv, { STORE__URL: url });
      expect(problems).toMatchObject([{ variable: 'STORE__URL' }]);
      expect(problems[0]?.message).toContain('expects sqlite:<file> or postgres://');
    },
  );

  it('take key metrics with blanks and empty places between commas', () => {
    expect(readSection(storeEnv, { STORE__KEY_METRICS: ' a/b , ,objective/*,' }).config).toMatchObject({
      key_metrics: ['a/b', 'objective/*'],
    });
  });

  it('never show a password', () => {
    const { problems } = readSection(storeEnv, { STORE__URL: 'http://trainer:opensesame@host/runs' });
    expect(JSON.stringify(problems)).not.toContain('opensesame');
    const shown = describeSection(storeEnv, { STORE__URL: 'postgres://trainer:opensesame@host/runs' });
    expect(JSON.stringify(shown)).not.toContain('opensesame');
  });
});

describe('the sink as data', () => {
  it('has defaults, and makes a sink for the database that its URL names', async () => {
    const spec = storeSink({ url: 'sqlite:/data/runs.db' });
    expect(spec).toMatchObject({
      name: 'store',
      config: { url: 'sqlite:/data/runs.db', keyMetrics: ['train/loss', 'train/grad_norm', 'train/learning_rate'] },
    });
    expect(spec.module).toMatch(/sink\.ts$/u);
    const module = await spec.load?.();
    expect(module?.createSink(spec.config)).toMatchObject({ name: 'store', traits: { locality: 'local' } });
    expect(createSink({ url: 'postgres://localhost/runs' })).toMatchObject({ traits: { locality: 'remote' } });
  });

  it('says everything that is wrong, without the password', () => {
    const make = (): unknown => createSink({ url: 'ftp://:opensesame@host', keyMetrics: [''], other: 1 });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/3 configuration problems/u);
    expect(make).not.toThrow(/opensesame/u);
  });
});

it('finds the file of a URL, relative ones from a directory', () => {
  expect(sqliteFile('sqlite:runs.db', '/work place')).toBe('/work place/runs.db');
  expect(sqliteFile('sqlite:///data/runs.db', '/there')).toBe('/data/runs.db');
  expect(sqliteFile('sqlite:runs.db')).toBe(resolve('runs.db'));
  expect(sqliteFile('postgres://localhost/runs', '/there')).toBeUndefined();
});

it('makes URLs absolute', () => {
  expect(absoluteStoreUrl('sqlite:runs.db', '/there')).toBe('sqlite:/there/runs.db');
  expect(absoluteStoreUrl('postgres://localhost/runs', '/there')).toBe('postgres://localhost/runs');
});

it('shows a store without user, password and options', () => {
  expect(storeAddress('postgresql://trainer:secret@host:5433/runs?sslkey=x')).toBe('postgres://host:5433/runs');
  expect(storeAddress('sqlite:/data/runs.db')).toBe('sqlite:/data/runs.db');
});
