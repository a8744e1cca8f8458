/**
 * A writer of event files for those who want nothing else: no publisher, no run log, no environment. It keeps the names
 * that TensorBoard's users know from other summary writers.
 */

import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { makeDirectory, type AppendFileSystem } from '@runcast/append-file';
import { bucketise, readImageHeader, type JsonPrimitive, type RecordBody, type RunRecord } from '@runcast/core';
import { EventEncoder } from './event-encoder.ts';
import { EventFiles } from './event-files.ts';
import { SvgRasteriser } from './svg-rasteriser.ts';

const DEFAULT_BUCKETS = 30;

/** The seconds in an event file's name. */
const FILE_SECONDS = /^events\.out\.tfevents\.(\d{10})\./u;

export interface SummaryWriterOptions {
  /** Unix time in milliseconds; Date.now where left out. */
  readonly now?: () => number;
  /** Both are part of the file's name; this machine's and this process's where left out. */
  readonly host?: string;
  readonly pid?: number;
  readonly fileSystem?: AppendFileSystem;
}

/**
 * - Ordering: points lie in the order of the calls. A step lower than its tag's last goes to `rewind-<k>` below the
 *   directory, since TensorBoard would erase what it has from that step on.
 * - Durability: when a call returns, its event is with the operating system; after `flush`, on the disk.
 * - Errors: a call throws what the file system throws, and then has written nothing. Steps that are no safe integers are
 *   a RangeError, images that are none a TypeError.
 */
export interface SummaryWriter extends Disposable {
  /** The value becomes a float32; NaN and infinities are kept. */
  addScalar(tag: string, value: number, step: number): void;
  /** Scalars `<mainTag>/<name>`, in one event. */
  addScalars(mainTag: string, scalars: Readonly<Record<string, number>>, step: number): void;
  /**
   * The session's hyperparameters, once, and metrics at the greatest step so far. They lie beside the other scalars, not in
   * a directory of their own, so that HParams shows all of the run's scalars as its metrics.
   */
  addHparams(hparams: Readonly<Record<string, JsonPrimitive>>, metrics: Readonly<Record<string, number>>): void;
  /** @param buckets 30 where left out. */
  addHistogram(tag: string, values: ArrayLike<number>, step: number, buckets?: number): void;
  /** @param image A PNG, JPEG, GIF, WebP or SVG file. An SVG is drawn: what is written is a PNG. */
  addImage(tag: string, image: Uint8Array, step: number, caption?: string): void;
  addText(tag: string, markdown: string, step: number): void;
  flush(): void;
  /** Ends the session as a success, flushes and releases the file. Idempotent; adding anything afterwards throws. */
  close(): void;
}

/** Begins an event file in `logDir`, which is made where it does not exist; the file comes with the first event. */
export function openSummaryWriter(logDir: string, options: SummaryWriterOptions = {}): SummaryWriter {
  makeDirectory(logDir);
  return new EventFileWriter(logDir, options);
}

class EventFileWriter implements SummaryWriter {
  readonly #encoder = new EventEncoder();
  readonly #files: EventFiles;
  readonly #now: () => number;
  readonly #rasteriser = new SvgRasteriser();
  #hasHparams = false;
  #closed = false;

  constructor(logDir: string, options: SummaryWriterOptions) {
    this.#files = new EventFiles(logDir, [], options.fileSystem);
    this.#now = options.now ?? Date.now;
    // Another writer's file stays as it is, and readers take the newer one, with the greater number, as the one that grows.
    const time = Math.max(this.#now() / 1000, lastSeconds(logDir) + 1);
    const { host = hostname(), pid = process.pid } = options;
    this.#write([{ kind: 'open', run: '', writer: '', host, pid, role: 'owner', config: {} }], time);
  }

  addScalar(tag: string, value: number, step: number): void {
    this.#write([{ kind: 'log', metrics: Object.fromEntries([[tag, value]]), step: checkedStep(step) }]);
  }

  addScalars(mainTag: string, scalars: Readonly<Record<string, number>>, step: number): void {
    const metrics = Object.fromEntries(Object.entries(scalars).map(([name, value]) => [`${mainTag}/${name}`, value]));
    this.#write([{ kind: 'log', metrics, step: checkedStep(step) }]);
  }

  addHparams(hparams: Readonly<Record<string, JsonPrimitive>>, metrics: Readonly<Record<string, number>>): void {
    if (this.#hasHparams) throw new Error('a run has hyperparameters once: TensorBoard shows the first ones only');
    this.#write([
      { kind: 'hparams', hparams },
      { kind: 'summary', summary: metrics },
    ]);
    this.#hasHparams = true;
  }

  addHistogram(tag: string, values: ArrayLike<number>, step: number, buckets: number = DEFAULT_BUCKETS): void {
    const { edges, counts, nonFinite } = bucketise(values, buckets);
    this.#write([{ kind: 'histogram', key: tag, edges, counts, non_finite: nonFinite, step: checkedStep(step) }]);
  }

  addImage(tag: string, image: Uint8Array, step: number, caption?: string): void {
    const header = readImageHeader(image);
    if (header === undefined) throw new TypeError(`${tag}: expects a PNG, JPEG, GIF, WebP or SVG image`);
    const file = header.format === 'svg' ? this.#rasteriser.draw(Buffer.from(image).toString()) : image;
    if (typeof file === 'string') throw new TypeError(`${tag}: ${file}`);
    const reference = { blob: '', bytes: image.length, sha256: '', ...(caption === undefined ? {} : { caption }) };
    const body: RecordBody = { kind: 'image', key: tag, step: checkedStep(step), ...reference, ...header };
    this.#write([body], this.#now() / 1000, file);
  }

  addText(tag: string, markdown: string, step: number): void {
    this.#write([{ kind: 'text', key: tag, text: markdown, step: checkedStep(step) }]);
  }

  flush(): void {
    this.#files.sync();
  }

  close(): void {
    if (this.#closed) return;
    try {
      this.#write([{ kind: 'close', status: 'finished', final: true }]);
    } finally {
      this.#closed = true;
      this.#rasteriser.close();
      this.#files.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #write(bodies: readonly RecordBody[], time: number = this.#now() / 1000, image?: Uint8Array): void {
    if (this.#closed) throw new Error('the summary writer is closed');
    const records = bodies.map((body): RunRecord => ({ v: 1, seq: 0, time, ...body }));
    this.#files.append(this.#encoder.encode(records, () => image));
    this.#encoder.commit();
  }
}

function checkedStep(step: number): number {
  if (!Number.isSafeInteger(step)) throw new RangeError(`${step} is no step: expects an integer`);
  return step;
}

function lastSeconds(logDir: string): number {
  const seconds = readdirSync(logDir).flatMap((name) => {
    const found = FILE_SECONDS.exec(name);
    return found === null ? [] : [Number(found[1])];
  });
  return Math.max(-1, ...seconds);
}
