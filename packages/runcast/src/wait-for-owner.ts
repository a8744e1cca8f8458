/** Ranks above 0 join the run that rank 0 owns, and may well start before it. */

import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { RunOpenError } from '@runcast/core';
import { isLeased, runDirectory } from '@runcast/runlog';

const POLL_INTERVAL_MS = 50;

/** Resolves once some process owns the run. Rejects with a RunOpenError when `timeoutMs` have passed without one. */
export async function waitForOwner(dir: string, runId: string, timeoutMs: number): Promise<void> {
  const directory = runDirectory(dir, runId);
  for (let waitedMs = 0; waitedMs <= timeoutMs; waitedMs += POLL_INTERVAL_MS) {
    // The owner writes the context file once it holds the lease. Asking earlier would take the lease from it for a moment.
    if (existsSync(directory.contextFile) && isLeased(directory.leaseFile)) return;
    await delay(POLL_INTERVAL_MS);
  }
  throw new RunOpenError(`rank 0 has not opened run ${JSON.stringify(runId)} in ${dir} within ${timeoutMs / 1000} s`);
}
