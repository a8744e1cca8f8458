/**
 * Who delivers a run: one process at a time, by a lock that the kernel releases when its holder dies, however it dies. Node
 * has no flock, so the lock is SQLite's on a small file: exclusive across processes and threads, taken in about a
 * millisecond, kept by a stopped process, gone with a killed one.
 */

import { loadSqlite } from '@runcast/core';

export interface Lease {
  /** Idempotent. */
  release(): void;
}

/** Takes the lease; undefined where another process or publisher holds it. Throws where the file cannot be used at all. */
export function acquireLease(path: string): Lease | undefined {
  const { DatabaseSync } = loadSqlite();
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  let held = true;
  return {
    release(): void {
      if (!held) return;
      held = false;
      // Closing rolls the empty transaction back and frees the lock.
      database.close();
    },
  };
}

/** True while somebody holds the lease. */
export function isLeased(path: string): boolean {
  const lease = acquireLease(path);
  lease?.release();
  return lease === undefined;
}

/** SQLITE_BUSY, https://www.sqlite.org/rescode.html#busy; extended codes have it in their low byte. */
const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    (error.errcode & 0xff) === SQLITE_BUSY
  );
}
