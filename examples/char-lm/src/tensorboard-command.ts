/** The command that opens the curves on this machine, with what is installed on it. */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from '@runcast/core';

/** Commands to type, one a line. */
export function tensorboardCommands(logDir: string, env: Environment): readonly string[] {
  const argument = quoted(logDir);
  if (isOnPath('tensorboard', env)) return [`tensorboard --logdir ${argument}`];
  if (isOnPath('pipx', env)) return [`pipx run tensorboard --logdir ${argument}`];
  return [
    'python3 -m venv .cache/tensorboard && .cache/tensorboard/bin/pip install tensorboard',
    `.cache/tensorboard/bin/tensorboard --logdir ${argument}`,
  ];
}

function isOnPath(command: string, env: Environment): boolean {
  return (env['PATH'] ?? '')
    .split(delimiter)
    .some((directory) => directory !== '' && isExecutable(join(directory, command)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** As a POSIX shell reads it as one word. */
function quoted(word: string): string {
  return /^[\w./-]+$/u.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
