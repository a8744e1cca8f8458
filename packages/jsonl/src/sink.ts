/**
 * The JSONL sink: rows appended to `<dir>/<run id>.jsonl`. A batch is one append, and the position is the file's length, so
 * that a run taken up again after any crash leaves the same bytes as one that never stopped.
 */

import { join, resolve } from 'node:path';
import {
  type AppendFile,
  type AppendFileSystem,
  makeDirectory,
  openAppendFile,
  ShortFileError,
} from '@runcast/append-file';
import {
  ConfigError,
  type CreateSink,
  errorCode,
  errorMessage,
  type JsonObject,
  type JsonValue,
  linesOf,
  PositionLostError,
  RECORD_KINDS,
  type RecordBatch,
  type Sink,
  type SinkContext,
  type SinkTraits,
} from '@runcast/core';
import { z } from 'zod';
import { encodeRow } from './encode.ts';

export interface JsonlSinkOptions {
  /** Directory of the row files; made where it does not exist. */
  readonly dir: string;
  /** Takes step records whose `n` is a multiple of this; 1 where left out. */
  readonly logEveryNSteps?: number;
}

/** Every kind there is, each record once, on this machine. */
export const jsonlTraits: SinkTraits = { kinds: RECORD_KINDS, guarantee: 'exactly-once', locality: 'local' };

const configSchema = () => z.object({ dir: z.string().min(1), logEveryNSteps: z.int().min(1).default(1) });
const positionSchema = () => z.object({ length: z.int().min(0) });

/** Makes the sink from a spec's configuration, {@link JsonlSinkOptions} as JSON. Throws ConfigError where it is none. */
export const createSink: CreateSink = (config: JsonObject): Sink => {
  const parsed = configSchema().safeParse(config);
  if (parsed.success) return createJsonlSink(parsed.data);
  throw new ConfigError(
    parsed.error.issues.map((issue) => ({ variable: `jsonl.${issue.path.join('.')}`, message: issue.message })),
  );
};

/** The sink with the file system calls it is to use, the real ones where left out. */
export function createJsonlSink(options: JsonlSinkOptions, fileSystem?: AppendFileSystem): Sink {
  return new JsonlSink(options, fileSystem);
}

class JsonlSink implements Sink {
  readonly name = 'jsonl';
  readonly traits: SinkTraits = jsonlTraits;
  readonly logEveryNSteps: number;
  readonly #dir: string;
  readonly #fileSystem: AppendFileSystem | undefined;
  #file: AppendFile | undefined;

  constructor(options: JsonlSinkOptions, fileSystem: AppendFileSystem | undefined) {
    this.logEveryNSteps = options.logEveryNSteps ?? 1;
    this.#dir = resolve(options.dir);
    this.#fileSystem = fileSystem;
  }

  open(context: SinkContext): void {
    const path = join(this.#dir, `${context.runId}.jsonl`);
    this.#makeDirectory();
    this.#file = context.position === undefined ? this.#startFile(path) : this.#resumeFile(path, context.position);
  }

  write(batch: RecordBatch): void {
    let rows = '';
    const lines = linesOf(batch);
    for (const [index, record] of batch.records.entries())
      rows += `${encodeRow(batch.writer, record, lines?.[index])}\n`;
    this.#opened().appendText(rows);
  }

  flush(): void {
    this.#opened().sync();
  }

  close(): void {
    this.#file?.close();
  }

  position(): JsonValue {
    return { length: this.#opened().length };
  }

  #opened(): AppendFile {
    if (this.#file === undefined) throw new Error('the jsonl sink is not open');
    return this.#file;
  }

  #makeDirectory(): void {
    try {
      makeDirectory(this.#dir);
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  /** Without a position nothing counts as delivered: rows of an attempt that got no further than this are written again. */
  #startFile(path: string): AppendFile {
    try {
      return this.#openFile(path, 'either', 0);
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  #resumeFile(path: string, position: JsonValue): AppendFile {
    const parsed = positionSchema().safeParse(position);
    if (!parsed.success) throw new PositionLostError(`${JSON.stringify(position)} is no position in ${path}`);
    try {
      return this.#openFile(path, 'reopen', parsed.data.length);
    } catch (error) {
      if (error instanceof ShortFileError) throw new PositionLostError(error.message, { cause: error });
      if (errorCode(error) === 'ENOENT') throw new PositionLostError(`${path} is gone`, { cause: error });
      throw this.#unusable(error);
    }
  }

  #openFile(path: string, mode: 'either' | 'reopen', length: number): AppendFile {
    return openAppendFile(path, {
      mode,
      length,
      ...(this.#fileSystem === undefined ? {} : { fileSystem: this.#fileSystem }),
    });
  }

  #unusable(error: unknown): ConfigError {
    return new ConfigError([
      { variable: 'JSONL__DIR', message: `${JSON.stringify(this.#dir)} cannot hold the rows: ${errorMessage(error)}` },
    ]);
  }
}
