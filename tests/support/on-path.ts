// Which of the programs that tests need are installed.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** The file of a command that can be run here. */
export function onPath(command: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, command))
    .find((file) => isExecutable(file));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
