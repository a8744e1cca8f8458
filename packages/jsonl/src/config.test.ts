import { describeSection, readSection } from '@runcast/core';
import { expect, it } from 'vitest';
import { jsonlEnv } from './config.ts';

it('is off in an empty environment', () => {
  expect(readSection(jsonlEnv, {})).toEqual({
    config: { enabled: false, dir: './runs/jsonl', log_every_n_steps: 1 },
    problems: [],
    warnings: [],
  });
});

it('reads its variables', () => {
  const env = { JSONL__ENABLED: 'true', JSONL__DIR: '/data/rows', JSONL__LOG_EVERY_N_STEPS: '10' };
  expect(readSection(jsonlEnv, env).config).toEqual({ enabled: true, dir: '/data/rows', log_every_n_steps: 10 });
});

it('names every problem at once', () => {
  const { config, problems } = readSection(jsonlEnv, {
    JSONL__ENABLED: 'maybe',
    JSONL__LOG_EVERY_N_STEPS: '0',
    JSONL__DIRS: 'x',
  });
  expect(config).toBeUndefined();
  expect(problems.map((problem) => problem.variable)).toEqual([
    'JSONL__ENABLED',
    'JSONL__LOG_EVERY_N_STEPS',
    'JSONL__DIRS',
  ]);
});

it('documents each variable', () => {
  expect(describeSection(jsonlEnv, {}).map(({ variable, default: byDefault }) => `${variable}=${byDefault}`)).toEqual([
    'JSONL__ENABLED=false',
    'JSONL__DIR=./runs/jsonl',
    'JSONL__LOG_EVERY_N_STEPS=1',
  ]);
});
