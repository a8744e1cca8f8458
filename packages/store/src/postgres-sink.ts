/** The run store as a remote sink: a PostgreSQL database, in one transaction a batch. */

import {
  RetryableSinkError,
  type JsonValue,
  type RecordBatch,
  type RecordRefusal,
  type Sink,
  type SinkContext,
  type SinkOutcome,
  type SinkTraits,
} from '@runcast/core';
import { storeAddress, type StoreSinkConfig } from './config.ts';
import { DataError } from './data-error.ts';
import { PostgresDatabase } from './postgres-database.ts';
import { refusalOf, refused, singleBatches } from './refused-records.ts';
import { RunWriter } from './run-writer.ts';
import type { Work } from './statement.ts';
import { prepareTables } from './store-tables.ts';
import { postgresStoreTraits } from './traits.ts';

export class PostgresSink implements Sink {
  readonly name = 'store';
  readonly traits: SinkTraits = postgresStoreTraits;
  readonly #config: StoreSinkConfig;
  #database: PostgresDatabase | undefined;
  #writer: RunWriter | undefined;
  #isGivenUp = false;

  constructor(config: StoreSinkConfig) {
    this.#config = config;
  }

  open({ runId, position, signal }: SinkContext): void {
    const { url, keyMetrics } = this.#config;
    this.#writer = new RunWriter(runId, storeAddress(url), keyMetrics, position);
    // What is in flight rejects at once: a server that is silent must not hold up the end of the process.
    signal.addEventListener('abort', () => {
      this.#isGivenUp = true;
      this.#database?.close();
    });
  }

  async write(batch: RecordBatch): Promise<void> {
    if (batch.records.length === 0) return;
    try {
      await this.#do((writer) => writer.write(batch));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      throw refused(error, await this.#refusals(batch));
    }
  }

  /** A server's commit is durable, as far as it is set to be. What it lost since it was last asked is found here. */
  async flush(): Promise<void> {
    if (this.#writer?.hasRun === true) await this.#do((writer) => writer.writeAll());
  }

  async tick(now: number): Promise<void> {
    if (this.#writer?.hasRun !== true) return;
    try {
      await this.#do((writer) => writer.beat(now));
    } catch (error) {
      // A server that is down is the next write's business.
      if (!(error instanceof RetryableSinkError)) throw error;
    }
  }

  async close({ status, final }: SinkOutcome): Promise<void> {
    try {
      // Also where nothing was written since it was opened: the index of the run's values may be behind, and its end unsaid.
      if (!this.#isGivenUp && this.#writer?.hasRun === true)
        await this.#do((writer) => (final ? writer.end(status) : writer.writeAll()));
    } finally {
      this.#database?.close();
    }
  }

  position(): JsonValue {
    return this.#opened().position();
  }

  async #do(work: (writer: RunWriter) => Work<void>): Promise<void> {
    const { database, writer } = await this.#connected();
    try {
      await database.run(work(writer));
    } catch (error) {
      writer.forget();
      throw error;
    }
    writer.committed();
  }

  /** Which records of the batch the tables never take. */
  async #refusals(batch: RecordBatch): Promise<readonly RecordRefusal[]> {
    const refusals: RecordRefusal[] = [];
    for (const single of singleBatches(batch)) {
      const { database, writer } = await this.#connected();
      try {
        await database.rehearse(writer.write(single));
      } catch (error) {
        refusals.push(...refusalOf(single, error));
      } finally {
        writer.forget();
      }
    }
    return refusals;
  }

  async #connected(): Promise<{ readonly database: PostgresDatabase; readonly writer: RunWriter }> {
    const writer = this.#opened();
    if (this.#database?.isOpen === true && writer.isLoaded) return { database: this.#database, writer };
    try {
      const database = await this.#prepared(writer);
      if (!writer.isLoaded) await database.run(writer.load());
      return { database, writer };
    } catch (error) {
      // Tables that were there may be gone: the next connection makes them.
      this.#database?.close();
      throw error;
    }
  }

  async #prepared(writer: RunWriter): Promise<PostgresDatabase> {
    if (this.#database?.isOpen === true) return this.#database;
    const database = new PostgresDatabase(this.#config.url);
    // At once, so that it can be closed while it connects.
    this.#database = database;
    writer.forget();
    await database.connect();
    await database.run(prepareTables('postgres', database.address));
    return database;
  }

  #opened(): RunWriter {
    if (this.#writer === undefined) throw new Error('the store sink is not open');
    return this.#writer;
  }
}
