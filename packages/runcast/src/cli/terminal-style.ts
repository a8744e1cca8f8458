/** Colours, where they can be seen and nobody has asked for none (https://no-color.org). */

import { styleText } from 'node:util';
import type { Environment } from '@runcast/core';
import type { CliStream } from './command.ts';

export type Style = (format: 'bold' | 'dim' | 'red' | 'yellow' | 'green', text: string) => string;

export function styleFor(stream: CliStream, env: Environment): Style {
  const plain = stream.isTTY !== true || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return plain ? (_format, text) => text : (format, text) => styleText(format, text, { validateStream: false });
}
