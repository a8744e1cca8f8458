/** The Redis sink as delivery opens it. */

import type { Sink } from '@runcast/core';
import { createRedisSink } from '@runcast/redis';

export async function openSink(url: string, stream: string, runId: string): Promise<Sink> {
  const sink = createRedisSink({ url, stream });
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
