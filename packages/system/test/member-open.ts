/** The first record of a collector's log, without what the log adds to it. */

import type { OpenRecord, RecordBody } from '@runcast/core';

export function memberOpen(run: string = 'run-1'): RecordBody<OpenRecord> {
  return { kind: 'open', run, writer: 'system', host: 'trainer', pid: 4711, role: 'member', config: {} };
}
