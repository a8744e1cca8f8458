/** Where the bytes of a record lie, or why they never will. */

import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import { RecordsRefusedError, type RunRecord } from '@runcast/core';

/** The absolute path of a blob of the run. Throws RecordsRefusedError where there is none. */
export function blobPath(runDirectory: string, { seq }: RunRecord, blob: string): string {
  const path = join(runDirectory, blob);
  if (!path.startsWith(join(runDirectory, sep)))
    throw new RecordsRefusedError([{ seq, reason: `${blob} is outside the run directory` }]);
  if (!existsSync(path)) throw new RecordsRefusedError([{ seq, reason: `${blob} is missing in the run directory` }]);
  return path;
}
