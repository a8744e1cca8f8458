/** The command that opens the curves on this machine, with what is installed on it. */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from 'runcast';

/** Virtual environments below the repository's directory: the demo's own advice, and what the tests install. */
const VIRTUAL_ENVIRONMENTS = ['.cache/tensorboard', '.cache/venv'];

/** Commands to type in `directory`, one a line. */
export function tensorboardCommands(logDir: string, directory: string, env: Environment): readonly string[] {
  const options = `--logdir ${quoted(logDir)}`;
  if (isOnPath('tensorboard', env)) return [`tensorboard ${options}`];
  const installed = VIRTUAL_ENVIRONMENTS.map((folder) => `${folder}/bin/tensorboard`);
  const found = installed.find((command) => isExecutable(join(directory, command)));
  if (found !== undefined) return [`${found} ${options}`];
  if (isOnPath('pipx', env)) return [`pipx run tensorboard ${options}`];
  return [
    'python3 -m venv .cache/tensorboard && .cache/tensorboard/bin/pip install tensorboard',
    `.cache/tensorboard/bin/tensorboard ${options}`,
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
