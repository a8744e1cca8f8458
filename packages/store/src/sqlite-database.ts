/** A store's file on this machine, written by whoever has a run for it: transactions, and what becomes of them. */

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '@runcast/append-file';
import { errorMessage, loadSqlite, RetryableSinkError, TerminalSinkError } from '@runcast/core';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { DataError } from './data-error.ts';
import { isUpsert, type Row, type SqlValue, type Statement, type Work } from './statement.ts';
import { upsertSql } from './sql-dialect.ts';

/** How long a call waits for another process's transaction, before delivery tries again later. */
const BUSY_TIMEOUT_MS = 1_000;

/** How many pages of 4 KB lie in the log before they are copied into the file, which waits for the disk. */
const CHECKPOINT_PAGES = 4_000;

/** Primary result codes, https://www.sqlite.org/rescode.html. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_CORRUPT = 11;
const SQLITE_TOOBIG = 18;
const SQLITE_CONSTRAINT = 19;
const SQLITE_MISMATCH = 20;
const SQLITE_NOTADB = 26;

export class SqliteDatabase {
  readonly file: string;
  readonly #database: DatabaseSync;
  readonly #inode: number;
  readonly #prepared = new Map<string, StatementSync>();

  private constructor(file: string, database: DatabaseSync) {
    this.file = file;
    this.#database = database;
    this.#inode = statSync(file).ino;
  }

  /** Opens the file, or makes it with its directory. Throws as {@link run} does, or the system's error for the directory. */
  static open(file: string): SqliteDatabase {
    makeDirectory(dirname(file));
    try {
      const { DatabaseSync: Database } = loadSqlite();
      const database = new Database(file);
      // Readers and a writer do not wait for each other, and a commit waits for no disk: flush does.
      database.exec(
        `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
      );
      return new SqliteDatabase(file, database);
    } catch (error) {
      throw sqliteError(error, file);
    }
  }

  /** False where the file was removed, or another one put in its place: what is written then is seen by nobody. */
  isThere(): boolean {
    return statSync(this.file, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  /**
   * Does the work in one transaction. Throws what the work throws; a {@link DataError} for what the tables never take, a
   * RetryableSinkError while the file is locked, a TerminalSinkError for a file that is no database.
   */
  run<Result>(work: Work<Result>): Result {
    return this.#transact(work, 'COMMIT');
  }

  /** The same, and leaves nothing. */
  rehearse(work: Work<unknown>): void {
    this.#transact(work, 'ROLLBACK');
  }

  /** Forces everything committed so far to the disk. */
  sync(work: Work<unknown>): void {
    // A commit in this mode forces the log of the whole file, and with it all commits before.
    this.#database.exec('PRAGMA synchronous = FULL');
    try {
      this.run(work);
    } finally {
      this.#database.exec('PRAGMA synchronous = NORMAL');
    }
  }

  close(): void {
    this.#database.close();
  }

  #transact<Result>(work: Work<Result>, end: 'COMMIT' | 'ROLLBACK'): Result {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const result = this.#answered(work);
      this.#database.exec(end);
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw sqliteError(error, this.file);
    }
  }

  #answered<Result>(work: Work<Result>): Result {
    let step = work.next([]);
    while (step.done !== true) step = work.next(this.#answer(step.value));
    return step.value;
  }

  #answer(statement: Statement): readonly Row[] {
    if (!isUpsert(statement)) return this.#prepare(statement.sql).all(...bound(statement.values));
    const prepared = this.#prepare(upsertSql(statement.table));
    for (const row of statement.rows) prepared.run(...bound(row));
    return [];
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const prepared = this.#database.prepare(sql);
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}

function bound(values: readonly SqlValue[]): SQLInputValue[] {
  return values.map((value) => (typeof value === 'boolean' ? Number(value) : value));
}

function sqliteError(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error;
  const options = { cause: error };
  switch (error.errcode & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new RetryableSinkError(`${file} is locked by another process`, options);
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return new DataError(errorMessage(error), options);
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new TerminalSinkError(
        `${file} cannot be used as a run store: ${errorMessage(error)}; mend it, or set STORE__URL to another file`,
        options,
      );
    default:
      return error;
  }
}
