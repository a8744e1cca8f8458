/** Entries of the stream that are no records of a run: kept as they are, with the reason, for whoever put them there. */

import { appendFileSync } from 'node:fs';
import { entryFields, type PackedEntry } from '@runcast/redis';

export interface DeadEntry {
  readonly entry: PackedEntry;
  readonly reason: string;
}

/** Appends a line of JSON for each. Throws the system's error. */
export function writeDeadLetters(path: string, letters: readonly DeadEntry[]): void {
  if (letters.length === 0) return;
  const lines = letters.map(({ entry, reason }) => {
    const fields = entryFields(entry);
    return `${JSON.stringify({ id: entry.id, reason, fields })}\n`;
  });
  appendFileSync(path, lines.join(''));
}
