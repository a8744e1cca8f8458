/** Opens a store to read, whichever database it is in. */

import { parseSinkConfig, sqliteFile, storeAddress } from './config.ts';
import { SqlStore } from './sql-store.ts';
import type { StoreSource } from './store-source.ts';
import type { Store } from './store.ts';

export interface OpenStoreOptions {
  /** What the path of a SQLite file is relative to; the process's working directory where left out. */
  readonly cwd?: string;
  /** Unix seconds, which say whether a run was heard of lately; the system's clock where left out. */
  readonly nowSecs?: () => number;
}

/**
 * Opens `sqlite:<path>` or `postgres://…` to read it; writes nothing, and makes nothing.
 *
 * @throws ConfigError where the URL is neither.
 * @throws StoreError where there is no store, where it cannot be reached, or where a later version wrote it; says what to do.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  const { cwd = process.cwd(), nowSecs = () => Date.now() / 1000 } = options;
  return SqlStore.open(await openSource(parseSinkConfig({ url }).url, cwd), nowSecs);
}

async function openSource(url: string, cwd: string): Promise<StoreSource> {
  const file = sqliteFile(url, cwd);
  if (file !== undefined) return (await import('./sqlite-store.ts')).openSqliteSource(file);
  return (await import('./postgres-store.ts')).openPostgresSource(url, storeAddress(url));
}
