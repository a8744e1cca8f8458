/**
 * The event files below a directory, as TensorBoard finds them: any file whose name holds `tfevents`, at any depth, links
 * followed; its directory is its run, and the files of a run come in the order of their names.
 */

import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { errorMessage } from '@runcast/core';

export interface EventPath {
  readonly run: string;
  readonly file: string;
}

export interface EventPaths {
  /** By run, `.` first, and within a run by name. */
  readonly files: readonly EventPath[];
  readonly unreadable: readonly (EventPath & { readonly detail: string })[];
}

/**
 * The files to read for `place`, an event file of any name or a directory. Throws the system's error where there is no such
 * place, and a TypeError where it is something else.
 */
export async function findEventPaths(place: string): Promise<EventPaths> {
  const found = await stat(place);
  if (found.isFile()) return { files: [{ run: '.', file: place }], unreadable: [] };
  if (!found.isDirectory()) throw new TypeError(`${place} is neither a file nor a directory`);
  const files: EventPath[] = [];
  const unreadable: (EventPath & { detail: string })[] = [];
  await visit(place, [], [], files, unreadable);
  return { files: files.toSorted(byRunAndName), unreadable };
}

function byRunAndName(one: EventPath, other: EventPath): number {
  return compare(one.run, other.run) || compare(one.file, other.file);
}

/** By UTF-16 units, as `<` has it. */
function compare(one: string, other: string): number {
  return Number(one > other) - Number(one < other);
}

async function visit(
  directory: string,
  names: readonly string[],
  ancestors: readonly string[],
  files: EventPath[],
  unreadable: (EventPath & { detail: string })[],
): Promise<void> {
  const run = names.join('/') || '.';
  try {
    const real = await realpath(directory);
    // A link to a directory that it lies in would never end.
    if (ancestors.includes(real)) return;
    const entries = await readdir(directory, { withFileTypes: true });
    for (const entry of entries) {
      const file = path.join(directory, entry.name);
      const type = await typeOf(entry, file);
      if (type === 'directory') await visit(file, [...names, entry.name], [...ancestors, real], files, unreadable);
      else if (type === 'file' && entry.name.includes('tfevents')) files.push({ run, file });
    }
  } catch (error) {
    unreadable.push({ run, file: directory, detail: errorMessage(error) });
  }
}

async function typeOf(entry: Dirent, file: string): Promise<'file' | 'directory' | 'other'> {
  // A link that leads nowhere is nothing to read.
  const target = entry.isSymbolicLink() ? await stat(file).catch(() => undefined) : entry;
  if (target?.isDirectory() === true) return 'directory';
  return target?.isFile() === true ? 'file' : 'other';
}
