import { expect, it } from 'vitest';
import type { CliStream } from './command.ts';
import { styleFor } from './terminal-style.ts';

const terminal: CliStream = { write: () => undefined, isTTY: true };
const pipe: CliStream = { write: () => undefined };

it('colours on a terminal', () => {
  expect(styleFor(terminal, {})('red', 'text')).toBe('\u001B[31mtext\u001B[39m');
  expect(styleFor(terminal, { NO_COLOR: '' })('green', 'text')).toContain('\u001B[32m');
});

it.each([
  ['elsewhere', pipe, {}],
  ['with NO_COLOR', terminal, { NO_COLOR: '1' }],
  ['on a dumb terminal', terminal, { TERM: 'dumb' }],
])('does not %s', (_case, stream, env) => {
  expect(styleFor(stream, env)('red', 'text')).toBe('text');
});
