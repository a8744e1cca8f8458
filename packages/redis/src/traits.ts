/** What a stream holds of a run. */

import { RECORD_KINDS, type SinkTraits } from '@runcast/core';

/** Every kind there is, each record once; the bytes of images, files and artifacts stay where they are, and are referred to. */
export const redisTraits: SinkTraits = { kinds: RECORD_KINDS, guarantee: 'exactly-once', locality: 'remote' };
