/** Run ids for runs that were named elsewhere: safe as directory names, telling, and unlike those that are there. */

import { checkRunId } from '@runcast/core';

/** Leaves room for a number behind it within the 128 bytes that an id may have. */
const MAX_BYTES = 112;

/**
 * An id for the run `name`. Slashes become dashes, and what else an id cannot hold underscores.
 *
 * @param taken Ids in lower case, since some file systems do not tell case apart.
 */
export function importedRunId(name: string, taken: ReadonlySet<string>): string {
  const base = safeId(name);
  let id = base;
  for (let count = 2; taken.has(id.toLowerCase()); count += 1) id = `${base}-${count}`;
  return id;
}

function safeId(name: string): string {
  const plain = name
    .toWellFormed()
    .replaceAll('/', '-')
    .replaceAll(/[\p{Cc}\\]/gu, '_')
    .replaceAll(/\.{2,}/gu, '_')
    .trim();
  const trimmed = shortened(plain)
    .replace(/^[.-]+/u, '_')
    .replace(/[.\s]+$/u, '_');
  if (trimmed === '') return 'run';
  return checkRunId(trimmed) === undefined ? trimmed : `run-${trimmed}`;
}

/** Cut between characters. */
function shortened(text: string): string {
  let kept = '';
  let bytes = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_BYTES) return kept;
    kept += character;
  }
  return kept;
}
