/** What the demo needs to know of the terminal it writes to, so that tests can bring their own. */

import { styleText } from 'node:util';
import type { Environment } from 'runcast';

/** The part of `process.stdout` that is used. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** True where lines can be redrawn and coloured. */
export function isInteractive(terminal: Terminal, env: Environment): boolean {
  return terminal.isTTY === true && env['TERM'] !== 'dumb';
}

type Style = 'bold' | 'dim' | 'cyan' | 'green' | 'red' | 'yellow';

/** Puts a style on a text, or leaves it plain. */
export type Paint = (style: Style, text: string) => string;

/** Colours on an interactive terminal, unless `NO_COLOR` is set to anything (https://no-color.org). */
export function createPaint(terminal: Terminal, env: Environment): Paint {
  const coloured = isInteractive(terminal, env) && (env['NO_COLOR'] ?? '') === '';
  return (style, text) => (coloured ? styleText(style, text, { validateStream: false }) : text);
}
