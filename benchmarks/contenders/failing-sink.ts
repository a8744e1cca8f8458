/** A backend that fails, as a module that the worker loads: `down` takes nothing ever, `slow` takes a batch in five seconds. */

import { setTimeout as delay } from 'node:timers/promises';
import { RECORD_KINDS, RetryableSinkError, type CreateSink } from 'runcast';

const SLOW_MS = 5_000;

export const createSink: CreateSink = (config) => {
  const isDown = config['how'] === 'down';
  let signal: AbortSignal | undefined;
  return {
    name: isDown ? 'down' : 'slow',
    traits: { kinds: RECORD_KINDS, guarantee: 'at-least-once', locality: 'remote' },
    open: (context) => {
      ({ signal } = context);
    },
    write: async () => {
      if (isDown) throw new RetryableSinkError('connection refused');
      await delay(SLOW_MS, undefined, signal === undefined ? {} : { signal });
    },
    flush: () => undefined,
    close: () => undefined,
  };
};
