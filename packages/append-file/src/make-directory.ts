/**
 * Directories that the configuration names are made with all that is missing above them. Node's own recursive `mkdirSync`
 * never returns where a directory is missing that nobody can make, such as one below /proc: the kernel answers ENOENT, and
 * Node goes up to its parent, which is there, and down again, for ever.
 */

import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and those missing above it; one that is there is left as it is. Returns the topmost that it has made,
 * undefined where all were there. Throws the system's error, which names the directory that could not be made.
 */
export function makeDirectory(path: string): string | undefined {
  try {
    return makeOne(path);
  } catch (error) {
    const parent = dirname(path);
    if (!hasCode(error, 'ENOENT') || parent === path) throw error;
    return [makeDirectory(parent), makeOne(path)].find((made) => made !== undefined);
  }
}

/** Returns undefined where it is there, as when another process was faster. */
function makeOne(path: string): string | undefined {
  try {
    mkdirSync(path);
    return path;
  } catch (error) {
    const isThere = hasCode(error, 'EEXIST') && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    if (isThere) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
