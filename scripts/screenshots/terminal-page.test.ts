import { expect, test } from 'vitest';
import { terminalPage } from './terminal-page.ts';

test('a line drawn anew is shown as it was last', () => {
  const page = terminalPage('pnpm demo', 'first\n\r\u{1B}[K10 %\r\u{1B}[K100 %\nlast\n');
  expect(page).toContain('first\n100 %\nlast</pre>');
});

test('colours become classes, and text stays text', () => {
  const page = terminalPage('pnpm demo', '\u{1B}[36m<b>&\u{1B}[39m plain');
  expect(page).toContain('<span class="ansi-cyan-fg">&lt;b&gt;&amp;</span> plain</pre>');
});
