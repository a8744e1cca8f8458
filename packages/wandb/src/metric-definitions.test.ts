import { expect, it } from 'vitest';
import { decodeMetrics, MetricDefinitions } from './metric-definitions.ts';

it('are encoded as W&B keeps them, axes by their place from 1', () => {
  const metrics = new MetricDefinitions([]);
  expect(metrics.define('val/acc', 'train/step', 'max')).toBe(true);
  expect(metrics.define('train/*', 'train/step', 'min')).toBe(true);
  expect(metrics.define('plain', undefined, undefined)).toBe(true);
  expect(metrics.encoded()).toEqual([
    { '1': 'train/step', '6': [3], '7': [] },
    { '1': 'val/acc', '5': 1, '6': [1, 3], '7': [2] },
    { '2': 'train/*', '5': 1, '6': [1], '7': [1] },
    { '1': 'plain', '6': [3], '7': [] },
  ]);
  expect(decodeMetrics(metrics.encoded())).toEqual(metrics.entries());
});

it('are added to, and say whether anything is new', () => {
  const metrics = new MetricDefinitions([]);
  metrics.define('a', 'x', undefined);
  expect(metrics.define('a', undefined, 'last')).toBe(true);
  expect(metrics.define('a', 'x', 'last')).toBe(false);
  expect(metrics.entries()).toEqual([
    { metric: 'x', step: null, summary: null, explicit: true },
    { metric: 'a', step: 'x', summary: 'last', explicit: true },
  ]);
  expect([metrics.hasStep('a'), metrics.hasStep('x'), metrics.hasStep('y')]).toEqual([true, false, false]);
});

it('have the rule of the key itself, then of the longest prefix', () => {
  const metrics = new MetricDefinitions([]);
  metrics.define('a/*', undefined, 'min');
  metrics.define('a/b/*', undefined, 'max');
  metrics.define('c/*', 'c/step', undefined);
  expect(['a/x', 'a/b/x', 'c/x', 'x', 'a/x'].map((key) => metrics.ruleOf(key))).toEqual([
    'min',
    'max',
    undefined,
    undefined,
    'min',
  ]);
  metrics.define('a/x', undefined, 'mean');
  expect(metrics.ruleOf('a/x')).toBe('mean');
});

it('of another client are read as far as they can be', () => {
  expect(decodeMetrics(undefined)).toEqual([]);
  expect(decodeMetrics('none')).toEqual([]);
  expect(decodeMetrics([{ '6': [3] }, { '1': 'axis' }, { '2': 'a/*', '5': 2 }])).toEqual([
    { metric: 'axis', step: null, summary: null, explicit: false },
    { metric: 'a/*', step: 'axis', summary: null, explicit: true },
  ]);
});
