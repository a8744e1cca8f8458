/** Where `runcast tail` finds records. */

import type { RunRecord } from '@runcast/core';

export interface TailedRecord {
  readonly run: string;
  readonly writer: string;
  readonly record: RunRecord;
}

export interface TailSource {
  /** The next records, none where there are none yet; at first the last few. */
  read(): Promise<readonly TailedRecord[]>;
  close(): void;
}
