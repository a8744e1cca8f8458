import { expect, it } from 'vitest';
import { escapeXml, fitted, textWidth } from './svg-text.ts';

it('escapes what means something in XML, and replaces what XML cannot hold', () => {
  expect(escapeXml(`a<b>&"c"'\t𝜆\u0001`)).toBe('a&#60;b&#62;&#38;&#34;c&#34;&#39;\t𝜆\uFFFD');
});

it('takes narrow letters for narrower than wide ones', () => {
  const widths = ['iiii', 'rrrr', 'aaaa', 'AAAA', 'mmmm', '数数数数'].map((text) => textWidth(text, 10));
  expect(widths).toEqual(widths.toSorted((left, right) => left - right));
});

it('keeps as much of a text as there is room for', () => {
  expect(fitted('loss', 10, 100)).toBe('loss');
  expect(fitted('a long label', 10, 45)).toMatch(/^a lo[ng l]*…$/u);
  expect(fitted('loss', 10, 0)).toBe('…');
});
