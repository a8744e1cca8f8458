/** A sink that takes everything at once. */

import { RECORD_KINDS, type CreateSink } from '@runcast/core';

export const createSink: CreateSink = () => ({
  name: 'takes-all',
  traits: { kinds: RECORD_KINDS, guarantee: 'at-least-once', locality: 'local' },
  write: () => undefined,
  flush: () => undefined,
  close: () => undefined,
});
