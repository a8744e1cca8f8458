/** What a sink is told when it is opened, for tests that open one themselves. */

import type { SinkContext } from '@runcast/core';

/** A sink new to the run, and never given up, unless told otherwise. */
export function sinkContext(given: Partial<SinkContext> & Pick<SinkContext, 'runId' | 'runDirectory'>): SinkContext {
  return {
    position: undefined,
    uploadPosition: undefined,
    signal: new AbortController().signal,
    notify: () => undefined,
    ...given,
  };
}
