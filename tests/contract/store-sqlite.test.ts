// The run store in SQLite against the contract that every sink keeps: what its tables hold after crashes, while another process
// has the file locked, and when the file is gone.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Sink } from '@runcast/core';
import { createStoreSink, sqliteStoreTraits } from '@runcast/store';
import { describeSinkContract } from '@runcast/testing';
import { describe, it } from 'vitest';
import { expectedRecord, recordText, storedRecords } from '../support/stored-rows.ts';

class StoreFile {
  readonly file: string;
  readonly runId: string;
  #locked: DatabaseSync | undefined;

  constructor(file: string, runId: string) {
    this.file = file;
    this.runId = runId;
  }

  get url(): string {
    return `sqlite:${this.file}`;
  }

  /** As another process would, in the middle of a transaction. */
  lock(): void {
    this.#locked = new DatabaseSync(this.file);
    this.#locked.exec('BEGIN IMMEDIATE');
  }

  unlock(): void {
    this.#locked?.close();
    this.#locked = undefined;
  }
}

/** The sink waits on the one thread that there is: whoever has the lock can give it up only once the sink has. */
function unlockingAfterWrites(sink: Sink, store: StoreFile): Sink {
  return {
    name: sink.name,
    traits: sink.traits,
    open: (context) => sink.open?.(context),
    write: (batch) => {
      try {
        return sink.write(batch);
      } finally {
        store.unlock();
      }
    },
    flush: () => sink.flush(),
    close: (outcome) => sink.close(outcome),
    position: () => sink.position?.() ?? null,
    tick: (now) => sink.tick?.(now),
  };
}

describeSinkContract<StoreFile>({
  describe,
  it,
  name: 'store in SQLite',
  traits: sqliteStoreTraits,
  prepare: ({ runId, runDirectory }) => new StoreFile(path.join(runDirectory, 'store', 'runcast.db'), runId),
  createSink: (store) => unlockingAfterWrites(createStoreSink({ url: store.url }), store),
  readBack: async ({ url, runId }) =>
    (await storedRecords(url, runId)).map((record) => ({ row: recordText(record), lane: record.writer })),
  expectedRows: (writer, record) => [{ row: recordText(expectedRecord(writer, record)), lane: writer }],
  failNextWrite: (store) => store.lock(),
  loseBackend: ({ file }) => rmSync(file),
});
