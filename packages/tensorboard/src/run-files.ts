/** What the sink asks of whoever writes the event files of a run: the same of both engines. */

import type { EncodedFile } from './event-encoder.ts';

/** A batch is in all of a run's files or in none. */
export interface RunFiles {
  /** Something is not known to be on the disk. */
  readonly dirty: boolean;
  /** Path below the run's directory and good length of each file that a position has to name. */
  lengths(): readonly (readonly [string, number])[];
  /**
   * Takes every file back to its good length, and removes those begun since: what they hold will be written again, and
   * not always to files of the same names. Throws PositionLostError where one is missing or shorter.
   *
   * @param replaced Files without a good length: they are whole or not there.
   */
  recover(runDirectory: string, replaced: readonly string[]): void;
  /** Appends to all of the files, or replaces them; where it throws, none is another. */
  append(parts: readonly EncodedFile[]): void;
  /** Forces everything to the disk. */
  sync(): void;
  close(): void;
}
