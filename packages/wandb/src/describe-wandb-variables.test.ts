import { expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { describeWandbVariables } from './describe-wandb-variables.ts';

it('tells both kinds of variables, with their values, and of the key only that there is one', () => {
  const described = describeWandbVariables({ WANDB__MODE: 'offline', WANDB_API_KEY: 'k'.repeat(40), WANDB_TAGS: ' ' });
  const values = described.filter(({ value }) => value !== undefined).map(({ variable, value }) => [variable, value]);
  expect(values).toEqual([
    ['WANDB__MODE', '"offline"'],
    ['WANDB_API_KEY', '[redacted]'],
  ]);
});

it('leaves out none that is read', () => {
  const source = readFileSync(new URL('wandb-variables.ts', import.meta.url), 'utf8');
  const read = new Set(source.match(/\bWANDB_[A-Z]\w+/gu));
  const described = new Set(describeWandbVariables({}).map(({ variable }) => variable));
  expect([...read].filter((variable) => !described.has(variable))).toEqual([]);
});
