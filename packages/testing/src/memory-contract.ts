/** The contract as the memory sink keeps it, and as sinks built upon it are checked: the backend can be failed and emptied. */

import type { Sink } from '@runcast/core';
import { createMemoryBackend, createMemorySink, type MemoryBackend, type MemorySinkOptions } from './memory-sink.ts';
import type { SinkContract } from './sink-contract.ts';

/** @param createSink Makes the sink under test on a memory backend; a memory sink where left out. */
export function memorySinkContract(
  createSink: (backend: MemoryBackend) => Sink = (backend) => createMemorySink({ backend }),
  traits: MemorySinkOptions['traits'] = {},
): SinkContract<MemoryBackend> {
  return {
    name: 'memory',
    traits: createMemorySink({ traits }).traits,
    prepare: createMemoryBackend,
    createSink,
    readBack: ({ entries }) => entries.map(({ writer, record }) => ({ row: JSON.stringify([writer, record]) })),
    expectedRows: (writer, record) => [{ row: JSON.stringify([writer, record]) }],
    failNextWrite: (backend) => backend.failNextAppend(),
    loseBackend: (backend) => backend.cut(1),
  };
}
