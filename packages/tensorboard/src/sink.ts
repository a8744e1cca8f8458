/**
 * The sink that writes TensorBoard event files: the only place of this package that touches the disk. Delivery's worker
 * loads this module by its URL.
 */

import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { openAppendFile, ShortFileError, type AppendFile, type AppendFileSystem } from '@runcast/append-file';
import {
  ConfigError,
  errorCode,
  errorMessage,
  PositionLostError,
  type CreateSink,
  type JsonObject,
  type JsonValue,
  type RecordBatch,
  type Sink,
  type SinkContext,
  type SinkTraits,
} from '@runcast/core';
import { z } from 'zod';
import { parseSinkConfig, type TensorboardSinkConfig } from './config.ts';
import { EventEncoder, type EncodedFile } from './event-encoder.ts';
import { encoderStateSchema } from './run-state.ts';
import { TENSORBOARD_TRAITS } from './traits.ts';

/** A run whose steps go back each epoch has a file for each; no more than these are open at once. */
const MAX_OPEN_FILES = 16;

/** Not an event file by its name, so that TensorBoard does not look at it. */
const PROBE = '.writable';

const positionSchema = z.object({
  version: z.literal(1),
  /** Path below the run's directory and good length of each file. */
  files: z.array(z.tuple([z.string(), z.int().nonnegative()])),
  encoder: encoderStateSchema,
});

/** Makes the sink. Throws {@link ConfigError} where the configuration is not a {@link TensorboardSinkConfig}. */
export const createSink: CreateSink = (config) => createSinkOn(config);

/** As {@link createSink}, on a file system of the caller's choice, so that tests can make it fail. */
export function createSinkOn(config: JsonObject, fileSystem?: AppendFileSystem): Sink & TensorboardLifecycle {
  return new TensorboardSink(parseSinkConfig(config), fileSystem);
}

/** What the sink has of the contract's optional parts: all of it, and synchronous. */
interface TensorboardLifecycle {
  open(context: SinkContext): void;
  write(batch: RecordBatch): void;
  flush(): void;
  tick(now: number): void;
  close(): void;
  position(): JsonValue;
}

class TensorboardSink implements Sink {
  readonly name = 'tensorboard';
  readonly traits: SinkTraits = TENSORBOARD_TRAITS;
  readonly logEveryNSteps: number;
  readonly #config: TensorboardSinkConfig;
  readonly #fileSystem: AppendFileSystem | undefined;
  #encoder = new EventEncoder();
  #files: EventFiles;
  /** When the files were last known to be on the disk, by the ticks' clock. */
  #durableAt: number | undefined;

  constructor(config: TensorboardSinkConfig, fileSystem: AppendFileSystem | undefined) {
    this.logEveryNSteps = config.log_every_n_steps;
    this.#config = config;
    this.#fileSystem = fileSystem;
    this.#files = new EventFiles(config.log_dir, [], fileSystem);
  }

  /**
   * Makes the run's directory and proves that it can be written to. Throws {@link ConfigError} where it cannot, and
   * {@link PositionLostError} where the files are not what the position says; without a position, files are begun anew.
   */
  open(context: SinkContext): void {
    const directory = path.join(this.#config.log_dir, context.runId);
    proveWritable(this.#config.log_dir, directory);
    const position = context.position === undefined ? undefined : readPosition(context.position);
    this.#encoder = new EventEncoder(position?.encoder);
    this.#files = new EventFiles(directory, position?.files ?? [], this.#fileSystem);
    this.#files.recover();
  }

  write(batch: RecordBatch): void {
    this.#files.append(this.#encoder.encode(batch.records));
    this.#encoder.commit();
  }

  /** Forces everything to the disk. */
  flush(): void {
    this.#files.sync();
  }

  /** As {@link flush}, where something is not on the disk and the last time is `flush_secs` ago. */
  tick(now: number): void {
    this.#durableAt ??= now;
    if (!this.#files.dirty) this.#durableAt = now;
    if (now - this.#durableAt < this.#config.flush_secs * 1000) return;
    this.flush();
    this.#durableAt = now;
  }

  close(): void {
    this.#files.close();
  }

  position(): JsonValue {
    return { version: 1, files: this.#files.lengths(), encoder: this.#encoder.position() };
  }
}

/** The event files of a run, each with the length up to which it is good. */
class EventFiles {
  readonly #directory: string;
  readonly #fileSystem: AppendFileSystem | undefined;
  readonly #lengths: Map<string, number>;
  /** By path, the longest open first. */
  readonly #open = new Map<string, AppendFile>();
  readonly #unsynced = new Set<string>();

  constructor(
    directory: string,
    lengths: readonly (readonly [string, number])[],
    fileSystem: AppendFileSystem | undefined,
  ) {
    this.#directory = directory;
    this.#lengths = new Map(lengths);
    this.#fileSystem = fileSystem;
  }

  get dirty(): boolean {
    return this.#unsynced.size > 0;
  }

  lengths(): readonly (readonly [string, number])[] {
    return [...this.#lengths];
  }

  /** Takes every file back to its good length. Throws {@link PositionLostError} where one is missing or shorter. */
  recover(): void {
    try {
      for (const name of this.#lengths.keys()) this.#opened(name);
    } catch (error) {
      this.#abandon();
      throw error;
    }
  }

  /** Appends to all of the files or, where it throws, to none. */
  append(parts: readonly EncodedFile[]): void {
    try {
      for (const part of parts) this.#opened(part.path).append(part.bytes);
    } catch (error) {
      this.#abandon();
      throw error;
    }
    for (const part of parts) {
      this.#lengths.set(part.path, (this.#lengths.get(part.path) ?? 0) + part.bytes.length);
      this.#unsynced.add(part.path);
    }
  }

  sync(): void {
    for (const name of this.#unsynced) this.#opened(name).sync();
    this.#unsynced.clear();
  }

  close(): void {
    try {
      this.sync();
    } finally {
      this.#abandon();
    }
  }

  #opened(name: string): AppendFile {
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    this.#makeRoom();
    const file = this.#openFile(name);
    this.#open.set(name, file);
    return file;
  }

  #openFile(name: string): AppendFile {
    const file = path.join(this.#directory, name);
    const fileSystem = this.#fileSystem === undefined ? {} : { fileSystem: this.#fileSystem };
    const length = this.#lengths.get(name);
    if (length === undefined) {
      mkdirSync(path.dirname(file), { recursive: true });
      return openAppendFile(file, { mode: 'either', length: 0, ...fileSystem });
    }
    try {
      return openAppendFile(file, { mode: 'reopen', length, ...fileSystem });
    } catch (error) {
      if (error instanceof ShortFileError || errorCode(error) === 'ENOENT')
        throw new PositionLostError(errorMessage(error), { cause: error });
      throw error;
    }
  }

  #makeRoom(): void {
    for (const [name, file] of this.#open) {
      if (this.#open.size < MAX_OPEN_FILES) return;
      file.sync();
      this.#unsynced.delete(name);
      this.#open.delete(name);
      file.close();
    }
  }

  /** Closes all files. Whoever opens one again takes it back to its good length. */
  #abandon(): void {
    for (const file of this.#open.values()) closeQuietly(file);
    this.#open.clear();
  }
}

function closeQuietly(file: AppendFile): void {
  try {
    file.close();
  } catch {
    // Nothing is lost by it: what had to be durable was synchronised before, and the error at hand is the one to report.
  }
}

function proveWritable(logDir: string, directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
    const probe = path.join(directory, PROBE);
    closeSync(openSync(probe, 'w'));
    rmSync(probe);
  } catch (error) {
    const notDirectory = ['EEXIST', 'ENOTDIR'].includes(String(errorCode(error)));
    const reason = notDirectory ? 'it or a part of its path is a file' : errorMessage(error);
    const advice = 'set it to a directory that can be written to, for instance TENSORBOARD__LOG_DIR=./tensorboard';
    const message = `event files cannot be written below ${JSON.stringify(logDir)}: ${reason}; ${advice}`;
    throw new ConfigError([{ variable: 'TENSORBOARD__LOG_DIR', message }]);
  }
}

function readPosition(json: JsonValue): z.infer<typeof positionSchema> {
  const parsed = positionSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new PositionLostError(`not a position of this version of the sink: ${z.prettifyError(parsed.error)}`);
}
