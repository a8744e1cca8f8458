import type { SummaryRule } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { RunSummary } from './run-summary.ts';

function after(rule: SummaryRule | undefined, texts: readonly string[]): string | undefined {
  const summary = new RunSummary([], []);
  for (const text of texts) summary.log('x', text, rule);
  return summary.texts()[0]?.[1];
}

describe('of values that are logged', () => {
  it.each<readonly [SummaryRule | undefined, readonly string[], string | undefined]>([
    [undefined, ['3', '1', '2'], '2'],
    ['last', ['3', '1', '2'], '{"last":2}'],
    ['first', ['3', '1', '2'], '{"first":3}'],
    ['min', ['3', '1', '2'], '{"min":1}'],
    ['max', ['1', '3', '2'], '{"max":3}'],
    ['mean', ['3', '1', '2'], '{"mean":2}'],
    ['none', ['3', '1'], undefined],
    ['min', ['3', 'NaN', '2'], '{"min":NaN}'],
    ['max', ['-Infinity', '3'], '{"max":3}'],
    ['min', ['1', '"text"'], '{"min":1}'],
    ['max', ['"text"', '1'], '{"max":1}'],
    ['mean', ['"text"'], '{"mean":"text"}'],
  ])('%s of %o is %s', (rule, texts, expected) => {
    expect(after(rule, texts)).toBe(expected);
  });

  it('the rule begins anew when it changes', () => {
    const summary = new RunSummary([], []);
    summary.log('x', '1', 'min');
    summary.log('x', '5', 'max');
    expect(summary.texts()[0]?.[1]).toBe('{"max":5}');
  });
});

it('a value that is set stands until the next is logged', () => {
  const summary = new RunSummary([], []);
  summary.log('x', '1', 'min');
  summary.set('x', '"best"');
  expect(summary.texts()[0]?.[1]).toBe('"best"');
  summary.log('x', '3', 'min');
  expect(summary.texts()[0]?.[1]).toBe('{"min":3}');
});

it('goes on from what it was', () => {
  const first = new RunSummary([], []);
  first.log('x', '3', 'mean');
  const second = new RunSummary(first.texts(), first.gathered);
  second.log('x', '5', 'mean');
  expect(second.texts()[0]?.[1]).toBe('{"mean":4}');
});
