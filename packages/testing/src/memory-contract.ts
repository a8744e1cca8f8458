/** The contract as the memory sink keeps it, and as sinks built upon it are checked: the backend can be failed and emptied. */

import type { RecordKind, RunRecord, Sink } from '@runcast/core';
import type { BackendRow } from './held-rows.ts';
import {
  createMemoryBackend,
  createMemorySink,
  type MemoryBackend,
  type MemorySinkOptions,
  type MemoryStore,
} from './memory-sink.ts';
import type { SinkContract } from './sink-contract.ts';

/**
 * @param createSink Makes the sink under test on a memory backend; a memory sink where left out.
 * @param uploads The kinds of its upload lane, if it has one.
 */
export function memorySinkContract(
  createSink: (backend: MemoryBackend) => Sink = (backend) =>
    createMemorySink({ backend, ...(uploads === undefined ? {} : { uploads }) }),
  traits: MemorySinkOptions['traits'] = {},
  uploads?: readonly RecordKind[],
): SinkContract<MemoryBackend> {
  const whole = createMemorySink({ traits }).traits;
  return {
    name: 'memory',
    traits: whole,
    prepare: createMemoryBackend,
    createSink,
    readBack: rowsOf,
    expectedRows,
    failNextWrite: (backend) => backend.failNextAppend(),
    loseBackend: (backend) => backend.cut(1),
    ...(uploads === undefined
      ? {}
      : {
          uploads: {
            kinds: uploads,
            guarantee: whole.guarantee,
            readBack: (backend) => rowsOf(backend.uploads),
            expectedRows,
            failNextUpload: (backend) => backend.uploads.failNextAppend(),
            holdNextUpload: (backend) => backend.holdNextUpload(),
          },
        }),
  };
}

function rowsOf({ entries }: MemoryStore): readonly BackendRow[] {
  return entries.flatMap(({ writer, record }) => expectedRows(writer, record));
}

function expectedRows(writer: string, record: RunRecord): readonly BackendRow[] {
  return [{ row: JSON.stringify([writer, record]) }];
}
