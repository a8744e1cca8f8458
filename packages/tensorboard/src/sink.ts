/** The sink that writes TensorBoard event files. Delivery's worker loads this module by its URL. */

import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory, type AppendFileSystem } from '@runcast/append-file';
import {
  ConfigError,
  errorCode,
  errorMessage,
  type BarChartRecord,
  type ImageRecord,
  PositionLostError,
  type RecordRefusal,
  RecordsRefusedError,
  type CreateSink,
  type JsonObject,
  type JsonValue,
  type RecordBatch,
  type Sink,
  type SinkContext,
  type SinkTraits,
} from '@runcast/core';
import { z } from 'zod';
import { barChartSvg } from './bar-chart-svg.ts';
import {
  parseSinkConfig,
  type TensorboardEngine,
  type TensorboardSinkConfig,
  type TensorboardSinkOptions,
} from './config.ts';
import { AMENDED_SESSION, EventEncoder } from './event-encoder.ts';
import { EventFiles } from './event-files.ts';
import type { RunFiles } from './run-files.ts';
import { encoderStateSchema } from './run-state.ts';
import { SvgRasteriser, type Rasteriser } from './svg-rasteriser.ts';
import { loadTfjsBinding, type TfjsBinding } from './tfjs-binding.ts';
import { TfjsEventFiles, type Wait } from './tfjs-event-files.ts';
import { tensorboardTraits } from './traits.ts';

/** Not an event file by its name, so that TensorBoard does not look at it. */
const PROBE = '.writable';

const positionSchema = z.object({
  version: z.literal(1),
  /** One does not go on with the files of another: they order and name them differently. */
  engine: z.enum(['native', 'tfjs']).default('native'),
  /** Path below the run's directory and good length of each file. */
  files: z.array(z.tuple([z.string(), z.int().nonnegative()])),
  encoder: encoderStateSchema,
});

/** What it goes by when it is opened. */
type OpenContext = Pick<SinkContext, 'runId' | 'runDirectory' | 'position'>;

/** The sink, synchronous throughout. */
export interface TensorboardSink extends Sink {
  open(context: OpenContext): void;
  write(batch: RecordBatch): void;
  flush(): void;
  tick(now: number): void;
  close(): void;
  position(): JsonValue;
}

/** What the sink works with, the real things where left out. */
export interface TensorboardSupport {
  /** Of the engine native, for event files. */
  readonly fileSystem?: AppendFileSystem;
  readonly rasteriser?: Rasteriser;
  /** Of the engine tfjs. */
  readonly binding?: () => TfjsBinding;
  /** Blocks for less than a second before a file of the engine tfjs is begun whose name could sort before the one it follows. */
  readonly wait?: Wait;
}

/** Makes the sink from a spec's configuration, {@link TensorboardSinkOptions} as JSON. Throws ConfigError where it is none. */
export const createSink: CreateSink = (config: JsonObject): Sink => new EventFileSink(parseSinkConfig(config));

/** The sink with stand-ins for what it works with. */
export function createTensorboardSink(
  options: TensorboardSinkOptions,
  support: TensorboardSupport = {},
): TensorboardSink {
  return new EventFileSink(parseSinkConfig(options), support);
}

class EventFileSink implements TensorboardSink {
  readonly name = 'tensorboard';
  readonly traits: SinkTraits = tensorboardTraits;
  readonly logEveryNSteps: number;
  readonly #config: TensorboardSinkConfig;
  readonly #support: TensorboardSupport;
  #encoder = new EventEncoder();
  #files: RunFiles;
  #runDirectory = '';
  readonly #rasteriser: Rasteriser;
  #warned = false;
  /** When the files were last known to be on the disk, by the ticks' clock. */
  #durableAt: number | undefined;

  constructor(config: TensorboardSinkConfig, support: TensorboardSupport = {}) {
    this.logEveryNSteps = config.logEveryNSteps;
    this.#config = config;
    this.#support = support;
    this.#rasteriser = support.rasteriser ?? new SvgRasteriser();
    this.#files = new EventFiles(config.logDir, [], support.fileSystem);
  }

  /**
   * Makes the run's directory and proves that it can be written to. Throws {@link ConfigError} where it cannot, or where the
   * engine is not to be had, and {@link PositionLostError} where the files are not what the position says; without a position, files are begun anew.
   */
  open(context: OpenContext): void {
    const directory = path.join(this.#config.logDir, context.runId);
    proveWritable(this.#config.logDir, directory);
    this.#runDirectory = context.runDirectory;
    const position = context.position === undefined ? undefined : readPosition(context.position, this.#config.engine);
    this.#encoder = new EventEncoder(position?.encoder);
    this.#files = this.#openFiles(directory, position?.files ?? []);
    this.#files.recover(context.runDirectory, position?.encoder.amended === true ? [AMENDED_SESSION] : []);
  }

  #openFiles(directory: string, lengths: readonly (readonly [string, number])[]): RunFiles {
    if (this.#config.engine === 'native') return new EventFiles(directory, lengths, this.#support.fileSystem);
    const { binding = loadTfjsBinding, wait } = this.#support;
    return new TfjsEventFiles(binding(), directory, lengths, wait);
  }

  write(batch: RecordBatch): void {
    const refusals: RecordRefusal[] = [];
    const encoded = this.#encoder.encode(batch.records, (record) => {
      if (record.kind === 'bar_chart') return this.#drawBars(record);
      const image = this.#readImage(record);
      if (typeof image !== 'string') return image;
      refusals.push({ seq: record.seq, reason: image });
      return undefined;
    });
    if (refusals.length > 0) throw new RecordsRefusedError(refusals);
    this.#files.append(encoded);
    this.#encoder.commit();
  }

  /** The image's file, or why it can never be written. */
  #readImage(record: ImageRecord): Uint8Array | string {
    const file = path.join(this.#runDirectory, record.blob);
    if (!file.startsWith(path.join(this.#runDirectory, path.sep))) return `${record.blob} is outside the run directory`;
    try {
      const bytes = readFileSync(file);
      return record.format === 'svg' ? this.#rasteriser.draw(bytes.toString()) : bytes;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      return `${record.blob} is missing in the run directory`;
    }
  }

  /** The values are shown in any case, so that what keeps the picture from being drawn is told and no reason to refuse them. */
  #drawBars(record: BarChartRecord): Uint8Array | undefined {
    const picture = this.#rasteriser.draw(barChartSvg(record.key, record.bars));
    if (typeof picture !== 'string') return picture;
    if (!this.#warned)
      process.emitWarning(`bar charts are shown as tables only: ${picture}`, { type: 'RuncastWarning' });
    this.#warned = true;
    return undefined;
  }

  /** Forces everything to the disk. */
  flush(): void {
    this.#files.sync();
  }

  /** As {@link flush}, where something is not on the disk and the last time is `flushSecs` ago. */
  tick(now: number): void {
    this.#durableAt ??= now;
    if (!this.#files.dirty) this.#durableAt = now;
    if (now - this.#durableAt < this.#config.flushSecs * 1000) return;
    this.flush();
    this.#durableAt = now;
  }

  close(): void {
    this.#rasteriser.close();
    this.#files.close();
  }

  position(): JsonValue {
    return { version: 1, engine: this.#config.engine, files: this.#files.lengths(), encoder: this.#encoder.position() };
  }
}

function proveWritable(logDir: string, directory: string): void {
  try {
    makeDirectory(directory);
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

function readPosition(json: JsonValue, engine: TensorboardEngine): z.infer<typeof positionSchema> {
  const parsed = positionSchema.safeParse(json);
  if (parsed.success) {
    if (parsed.data.engine === engine) return parsed.data;
    throw new PositionLostError(`the files are those of the engine ${parsed.data.engine}: ${engine} writes them anew`);
  }
  throw new PositionLostError(`not a position of this version of the sink: ${z.prettifyError(parsed.error)}`);
}
