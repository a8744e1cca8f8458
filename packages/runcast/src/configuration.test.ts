import { join } from 'node:path';
import { ConfigError } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { describeConfiguration, inspectConfiguration, readConfiguration } from './configuration.ts';

describe('an environment that says nothing', () => {
  it('has defaults, and no sink', () => {
    expect(readConfiguration({})).toEqual({
      run: {
        dir: './runs',
        resume: 'never',
        host: 'worker',
        keep_log: 'always',
        fsync: 'never',
        close_timeout_secs: 30,
        ranks: 'join',
        system_metrics_secs: 0,
      },
      sinks: [],
      runSettings: [],
      warnings: [],
      rank: 0,
    });
  });
});

describe('sinks that are on', () => {
  it('are given as data, with the options of their variables, directories below the one asked for', () => {
    const env = {
      JSONL__ENABLED: 'true',
      JSONL__DIR: 'rows',
      JSONL__LOG_EVERY_N_STEPS: '5',
      TENSORBOARD__ENABLED: 'yes',
      TENSORBOARD__LOG_DIR: '/events',
      TENSORBOARD__FLUSH_SECS: '7',
    };
    expect(readConfiguration(env, '/work place').sinks).toMatchObject([
      { name: 'jsonl', config: { dir: '/work place/rows', logEveryNSteps: 5 } },
      { name: 'tensorboard', config: { logDir: '/events', flushSecs: 7, logEveryNSteps: 10 } },
    ]);
    expect(
      readConfiguration({ STORE__ENABLED: '1', STORE__KEY_METRICS: 'loss, objective/*' }, '/there').sinks,
    ).toMatchObject([
      { name: 'store', config: { url: 'sqlite:/there/runs/runcast.db', keyMetrics: ['loss', 'objective/*'] } },
    ]);
    expect(readConfiguration({ JSONL__ENABLED: '1' }).sinks).toMatchObject([
      { config: { dir: join(process.cwd(), 'runs', 'jsonl') } },
    ]);
  });

  it('are told from those that are off, whose settings are read as well', () => {
    const { sinks } = inspectConfiguration({ JSONL__ENABLED: '1' }, '/there');
    expect(sinks.map(({ sink, setting }) => [sink.name, setting?.enabled, setting?.target])).toMatchObject([
      ['jsonl', true, { path: '/there/runs/jsonl', variable: 'JSONL__DIR' }],
      ['tensorboard', false, { path: '/data/tensorboard', variable: 'TENSORBOARD__LOG_DIR' }],
      ['redis', false, { address: 'redis://localhost:6379/0', variable: 'REDIS__URL' }],
      ['store', false, { path: '/there/runs', variable: 'STORE__URL' }],
      ['wandb', false, { address: 'https://api.wandb.ai' }],
    ]);
  });
});

describe('mistakes', () => {
  const env = {
    RUNCAST__CLOSE_TIMEOUT_SECS: '-1',
    JSONL__ENABLED: 'perhaps',
    TENSORBOARD__LOGDIR: '/x',
    RANK: 'first',
    EPISODES__ENABLED: ' On ',
    STORE__URL: 'mysql://here/x',
  };

  it('are told all at once, each by its variable', () => {
    const read = (): unknown => readConfiguration(env);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/^6 configuration problems\n/u);
    expect(inspectConfiguration(env).problems).toEqual([
      { variable: 'RUNCAST__CLOSE_TIMEOUT_SECS', message: 'expects a number of seconds from 0 to 86400, holds "-1"' },
      { variable: 'JSONL__ENABLED', message: 'expects true or false, holds "perhaps"' },
      { variable: 'TENSORBOARD__LOGDIR', message: 'is not known; did you mean TENSORBOARD__LOG_DIR?' },
      {
        variable: 'STORE__URL',
        message: 'expects sqlite:<file> or postgres://[user:password@]host[:port]/database, holds "mysql://here/x"',
      },
      { variable: 'EPISODES__ENABLED', message: 'this version of Runcast does not have that yet; unset it' },
      { variable: 'RANK', message: 'expects an integer from 0, holds "first"' },
    ]);
  });

  it('leave the valid parts to be looked at', () => {
    const reading = inspectConfiguration({ ...env, RUNCAST__CLOSE_TIMEOUT_SECS: '1' });
    expect(reading.configuration).toBeUndefined();
    expect(reading.run?.close_timeout_secs).toBe(1);
    expect(reading.sinks.map(({ setting }) => setting === undefined)).toEqual([true, true, false, true, false]);
  });

  it('that may be the variables of somebody else are warnings', () => {
    expect(readConfiguration({ JSONL__COMPRESSION: 'zstd', RUNCAST__SOMETHING: '1' }).warnings).toEqual([
      'RUNCAST__SOMETHING is not a variable of Runcast and is ignored',
      'JSONL__COMPRESSION is not a variable of Runcast and is ignored',
    ]);
  });
});

it('reads the rank that a launcher gives', () => {
  expect(readConfiguration({ RANK: ' 3 ' }).rank).toBe(3);
  expect(readConfiguration({ RANK: '' }).rank).toBe(0);
});

it('describes every variable once, with its type and meaning', () => {
  const variables = describeConfiguration({ RUNCAST__PROJECT: 'demo' });
  expect(new Set(variables.map(({ variable }) => variable)).size).toBe(variables.length);
  for (const { type, meaning } of variables) {
    expect(type).not.toBe('');
    expect(meaning).not.toBe('');
  }
  expect(variables.find(({ variable }) => variable === 'RUNCAST__PROJECT')).toMatchObject({ value: '"demo"' });
});
