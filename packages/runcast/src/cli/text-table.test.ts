import { styleText } from 'node:util';
import { expect, it } from 'vitest';
import { markdownTable, textTable } from './text-table.ts';

it('aligns columns and leaves no blanks at the ends of lines', () => {
  expect(
    textTable([
      ['a', 'bb', 'c'],
      ['aaa', 'b', ''],
      ['é', 'b'],
    ]),
  ).toBe('a    bb  c\naaa  b\né    b\n');
});

it('does not count colours', () => {
  const red = styleText('red', 'a', { validateStream: false });
  expect(
    textTable([
      [red, 'b'],
      ['aa', 'b'],
    ]),
  ).toBe(`${red}   b\naa  b\n`);
});

it('is nothing without rows', () => {
  expect(textTable([])).toBe('');
});

it('writes Markdown, bars escaped', () => {
  expect(markdownTable(['x', 'y'], [['a|b', 'c']])).toBe('| x | y |\n| --- | --- |\n| a\\|b | c |\n');
});
