/** What a run store holds of a run, in either database. */

import { RECORD_KINDS, type SinkTraits } from '@runcast/core';

/** Every kind there is, each record once; the bytes of images, files and artifacts stay where they are, and are referred to. */
export const sqliteStoreTraits: SinkTraits = { kinds: RECORD_KINDS, guarantee: 'exactly-once', locality: 'local' };

/** The same, on a server. */
export const postgresStoreTraits: SinkTraits = { kinds: RECORD_KINDS, guarantee: 'exactly-once', locality: 'remote' };
