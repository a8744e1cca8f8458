import { expect, test } from 'vitest';
import { createPaint, isInteractive, type Terminal } from './terminal.ts';

const file: Terminal = { write: () => true };
const tty: Terminal = { isTTY: true, write: () => true };

test('lines are redrawn on a terminal only, and not on a dumb one', () => {
  expect(isInteractive(tty, { TERM: 'xterm' })).toBe(true);
  expect(isInteractive(tty, { TERM: 'dumb' })).toBe(false);
  expect(isInteractive(file, { TERM: 'xterm' })).toBe(false);
});

test('colours need a terminal and no NO_COLOR', () => {
  expect(createPaint(tty, {})('green', 'whale')).toBe('\u{1B}[32mwhale\u{1B}[39m');
  expect(createPaint(tty, { NO_COLOR: '' })('green', 'whale')).toBe('\u{1B}[32mwhale\u{1B}[39m');
  expect(createPaint(tty, { NO_COLOR: '1' })('green', 'whale')).toBe('whale');
  expect(createPaint(file, {})('green', 'whale')).toBe('whale');
});
