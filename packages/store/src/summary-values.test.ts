import type { Scalar, SummaryRule } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { SummaryValues } from './summary-values.ts';

function summaryOf(rules: Readonly<Record<string, SummaryRule>>, values: readonly Scalar[]): unknown {
  const summary = new SummaryValues();
  for (const [metric, rule] of Object.entries(rules)) summary.define(metric, rule);
  for (const value of values) summary.log({ 'val/loss': value });
  return summary.state().values['val/loss'];
}

describe('a metric of a summary', () => {
  it.each([
    ['last', [3, 1, 2], 2],
    ['first', [3, 1, 2], 3],
    ['min', [3, 1, 2], 1],
    ['max', [1, 3, 2], 3],
    ['mean', [1, 2, 6], 3],
    ['none', [1], undefined],
    ['min', [1, 'NaN', 2], 'NaN'],
    ['max', ['-Infinity', 5], 5],
    ['mean', [1, 'Infinity'], 'Infinity'],
  ] as const)('is, by the rule %s, of %j the value %j', (rule, values, expected) => {
    expect(summaryOf({ 'val/loss': rule }, values)).toBe(expected);
  });

  it('is its last value where there is no rule', () => {
    expect(summaryOf({ 'train/*': 'min' }, [3, 1, 2])).toBe(2);
  });

  it('follows its own rule before those of prefixes, and of these the longest', () => {
    expect(summaryOf({ '*': 'max', 'val/*': 'first', 'v*': 'min' }, [3, 1, 2])).toBe(3);
    expect(summaryOf({ 'val/*': 'first', 'val/loss': 'min' }, [3, 1, 2])).toBe(1);
  });

  it('follows a rule that comes later from then on', () => {
    const summary = new SummaryValues();
    summary.log({ 'val/loss': 3 });
    summary.define('val/loss', 'max');
    summary.log({ 'val/loss': 2 });
    expect(summary.state().values).toEqual({ 'val/loss': 3 });
  });

  it.each(['good', true, null])('that was set to %j by hand gives way to what is logged', (value) => {
    const summary = new SummaryValues();
    summary.define('val/loss', 'min');
    summary.set({ 'val/loss': value });
    summary.log({ 'val/loss': 5 });
    expect(summary.state().values).toEqual({ 'val/loss': 5 });
  });

  it('goes on from its state as if it had never stopped', () => {
    const whole = new SummaryValues();
    whole.define('*', 'mean');
    whole.log({ a: 1, b: 'NaN' });
    const resumed = new SummaryValues(whole.state());
    for (const summary of [whole, resumed]) summary.log({ a: 4, b: 1 });
    expect(resumed.state()).toEqual(whole.state());
    expect(resumed.state().values).toEqual({ a: 2.5, b: 'NaN' });
  });
});
