import { describe, expect, it } from 'vitest';
import { markdownBars, markdownTable } from './markdown-table.ts';

describe('markdownTable', () => {
  it('has a line for the columns and one for each row', () => {
    expect(
      markdownTable(
        ['model', 'nrmse'],
        [
          ['baseline', 0.12],
          ['ttc', 9],
        ],
      ),
    ).toBe(['| model | nrmse |', '| --- | --- |', String.raw`| baseline | 0\.12 |`, '| ttc | 9 |'].join('\n'));
  });

  it('keeps cells apart and free of markup', () => {
    expect(markdownTable(['a|b'], [['*x* `y` [z](u) \\ _w_\n\n  &lt;']])).toBe(
      [String.raw`| a\|b |`, '| --- |', String.raw`| \*x\* \`y\` \[z\]\(u\) \\ \_w\_ &amp;lt; |`].join('\n'),
    );
  });

  it('writes what is no scalar as JSON, and null as nothing', () => {
    expect(
      markdownTable(['a'], [[{ b: [1, true] }], [null], [false]])
        .split('\n')
        .slice(2),
    ).toEqual([String.raw`| \{"b":\[1,true\]\} |`, '|  |', '| false |']);
  });

  it('is empty without columns', () => {
    expect(markdownTable([], [])).toBe('');
  });
});

describe('markdownBars', () => {
  it('has a line for each bar', () => {
    expect(markdownBars({ mass: 3, energy: 'NaN' }).split('\n').slice(2)).toEqual(['| mass | 3 |', '| energy | NaN |']);
  });
});
