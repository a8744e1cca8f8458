/**
 * The sink as data, with its environment section: an entry of its own, since a process whose sink lives in a worker has no
 * use for the databases' clients, and need not load them.
 */

import { extname } from 'node:path';
import type { SinkSpec } from '@runcast/core';
import { parseSinkConfig, type StoreSinkOptions } from './config.ts';

export {
  absoluteStoreUrl,
  sqliteFile,
  storeAddress,
  storeEnv,
  type StoreConfig,
  type StoreSinkOptions,
} from './config.ts';
export { postgresStoreTraits, sqliteStoreTraits } from './traits.ts';

/**
 * Everything of a run in tables that SQL reads.
 *
 * @throws ConfigError where an option is none.
 */
export function storeSink(options: StoreSinkOptions = {}): SinkSpec {
  return {
    name: 'store',
    // The sink's module lies beside this one, as TypeScript or as JavaScript.
    module: new URL(`./sink${extname(import.meta.url)}`, import.meta.url).href,
    config: parseSinkConfig(options),
    load: () => import('./sink.ts'),
  };
}
