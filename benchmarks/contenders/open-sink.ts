/** A sink by itself, opened as delivery opens it. */

import type { Sink } from '@runcast/core';

export async function openSink(sink: Sink, runId: string): Promise<Sink> {
  await sink.open?.({
    runId,
    runDirectory: '/',
    position: undefined,
    uploadPosition: undefined,
    signal: new AbortController().signal,
    notify: () => undefined,
  });
  return sink;
}
