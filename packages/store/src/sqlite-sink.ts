/** The run store as a local sink, which works synchronously: a file of this machine, written in one transaction a batch. */

import {
  ConfigError,
  errorMessage,
  PositionLostError,
  RetryableSinkError,
  type JsonValue,
  type RecordBatch,
  type RecordRefusal,
  type Sink,
  type SinkContext,
  type SinkOutcome,
  type SinkTraits,
} from '@runcast/core';
import type { StoreSinkConfig } from './config.ts';
import { DataError } from './data-error.ts';
import { refusalOf, refused, singleBatches } from './refused-records.ts';
import { RunWriter } from './run-writer.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import type { Work } from './statement.ts';
import { prepareTables } from './store-tables.ts';
import { sqliteStoreTraits } from './traits.ts';

export class SqliteSink implements Sink {
  readonly name = 'store';
  readonly traits: SinkTraits = sqliteStoreTraits;
  readonly #file: string;
  readonly #keyMetrics: readonly string[];
  #database: SqliteDatabase | undefined;
  #writer: RunWriter | undefined;

  constructor(file: string, { keyMetrics }: StoreSinkConfig) {
    this.#file = file;
    this.#keyMetrics = keyMetrics;
  }

  open({ runId, position }: SinkContext): void {
    this.#writer = new RunWriter(runId, this.#file, this.#keyMetrics, position);
    try {
      this.#connected();
    } catch (error) {
      if (error instanceof PositionLostError) throw error;
      // It will be free again; the next write waits for it.
      if (error instanceof RetryableSinkError) return;
      const message = `${JSON.stringify(this.#file)} cannot hold the store: ${errorMessage(error)}`;
      throw new ConfigError([{ variable: 'STORE__URL', message }]);
    }
  }

  write(batch: RecordBatch): void {
    if (batch.records.length === 0) return;
    try {
      this.#do((writer) => writer.write(batch));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      throw refused(error, this.#refusals(batch));
    }
  }

  flush(): void {
    const { database, writer } = this.#connected();
    if (!writer.hasRun) return;
    this.#attempt(writer, () => database.sync(writer.writeAll()));
  }

  tick(now: number): void {
    this.#do((writer) => writer.beat(now));
  }

  close({ status, final }: SinkOutcome): void {
    try {
      if (this.#writer !== undefined) this.#do((writer) => (final ? writer.end(status) : writer.writeAll()));
    } finally {
      this.#database?.close();
    }
  }

  position(): JsonValue {
    return this.#opened().position();
  }

  #do(work: (writer: RunWriter) => Work<void>): void {
    const { database, writer } = this.#connected();
    this.#attempt(writer, () => database.run(work(writer)));
  }

  #attempt(writer: RunWriter, transaction: () => void): void {
    try {
      transaction();
    } catch (error) {
      writer.forget();
      throw error;
    }
    writer.committed();
  }

  /** Which records of the batch the tables never take. */
  #refusals(batch: RecordBatch): readonly RecordRefusal[] {
    const refusals: RecordRefusal[] = [];
    for (const single of singleBatches(batch)) {
      const { database, writer } = this.#connected();
      try {
        database.rehearse(writer.write(single));
      } catch (error) {
        refusals.push(...refusalOf(single, error));
      } finally {
        writer.forget();
      }
    }
    return refusals;
  }

  #connected(): { readonly database: SqliteDatabase; readonly writer: RunWriter } {
    const writer = this.#opened();
    if (this.#database?.isThere() === false) {
      this.#database.close();
      this.#database = undefined;
      writer.forget();
    }
    if (this.#database === undefined) {
      const database = SqliteDatabase.open(this.#file);
      try {
        database.run(prepareTables('sqlite', this.#file));
      } catch (error) {
        database.close();
        throw error;
      }
      this.#database = database;
    }
    if (!writer.isLoaded) this.#database.run(writer.load());
    return { database: this.#database, writer };
  }

  #opened(): RunWriter {
    if (this.#writer === undefined) throw new Error('the store sink is not open');
    return this.#writer;
  }
}
