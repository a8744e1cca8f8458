/** Contenders that run in Node: a built script of `contenders/`, missing where the package it measures is not installed. */

import path from 'node:path';
import type { Contender, Scale } from './benchmark.ts';

const folder = path.join(import.meta.dirname, '..', 'dist');

/** The script gets the directory, the count, and then `args`. */
export function nodeContender(
  name: string,
  peer: string,
  script: string,
  count: Readonly<Record<Scale, number>>,
  ...args: readonly string[]
): Contender {
  return {
    name,
    ...missingPackage(peer),
    command: ({ scale, directory }) => ({
      file: process.execPath,
      args: [path.join(folder, script), directory, String(count[scale]), ...args],
    }),
  };
}

/** A contender without a script: `code` is an ES module. */
export function inlineContender(name: string, peer: string, code: string): Contender {
  return {
    name,
    ...missingPackage(peer),
    command: () => ({ file: process.execPath, args: ['--input-type=module', '--eval', code] }),
  };
}

function missingPackage(peer: string): { readonly missing?: string } {
  try {
    import.meta.resolve(peer);
    return {};
  } catch {
    return { missing: `${peer} is not installed` };
  }
}
