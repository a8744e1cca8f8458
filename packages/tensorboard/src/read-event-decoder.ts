/**
 * Events from the data of frames, one decoder a run: what a tag is, its first metadata in the run says, and later values
 * leave it out.
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/summary.proto
 */

import { errorMessage } from '@runcast/core';
import { readHparamsContent } from './read-hparams.ts';
import type {
  HistogramBucket,
  HistogramEvent,
  ImageEvent,
  SessionLogEvent,
  TensorboardEvent,
} from './read-tensorboard-event.ts';
import { DT_STRING, readTensor, type Tensor } from './read-tensor.ts';
import {
  FIXED32,
  FIXED64,
  LENGTH_DELIMITED,
  readFields,
  readMessage,
  readRepeated,
  textOf,
  VARINT,
  WireError,
  WireReader,
} from './read-wire.ts';

/** Members of Event. */
const WALL_TIME = (1 << 3) | FIXED64;
const STEP = (2 << 3) | VARINT;
const FILE_VERSION = (3 << 3) | LENGTH_DELIMITED;
const SUMMARY = (5 << 3) | LENGTH_DELIMITED;
const SESSION_LOG = (7 << 3) | LENGTH_DELIMITED;
/** Event's oneof `what`. */
const EVENT_FORMS: ReadonlyMap<number, string> = new Map([
  [FILE_VERSION, 'file_version'],
  [(4 << 3) | LENGTH_DELIMITED, 'graph_def'],
  [SUMMARY, 'summary'],
  [(6 << 3) | LENGTH_DELIMITED, 'log_message'],
  [SESSION_LOG, 'session_log'],
  [(8 << 3) | LENGTH_DELIMITED, 'tagged_run_metadata'],
  [(9 << 3) | LENGTH_DELIMITED, 'meta_graph_def'],
]);

/** Members of Summary.Value. */
const VALUE = (1 << 3) | LENGTH_DELIMITED;
const TAG = (1 << 3) | LENGTH_DELIMITED;
const SIMPLE_VALUE = (2 << 3) | FIXED32;
const METADATA = (9 << 3) | LENGTH_DELIMITED;
/** Summary.Value's oneof `value`, without the simple one. */
const VALUE_FORMS: ReadonlyMap<number, ValueForm> = new Map([
  [(3 << 3) | LENGTH_DELIMITED, 'obsolete_old_style_histogram'],
  [(4 << 3) | LENGTH_DELIMITED, 'image'],
  [(5 << 3) | LENGTH_DELIMITED, 'histo'],
  [(6 << 3) | LENGTH_DELIMITED, 'audio'],
  [(8 << 3) | LENGTH_DELIMITED, 'tensor'],
]);

type ValueForm = 'none' | 'simple_value' | 'obsolete_old_style_histogram' | 'image' | 'histo' | 'audio' | 'tensor';

const SESSION_STATUSES = ['unspecified', 'start', 'stop', 'checkpoint'] as const;
const SESSION_STATUS = (1 << 3) | VARINT;

/** SummaryMetadata.data_class. */
const DATA_CLASS_SCALAR = 1;

type Head = Pick<SessionLogEvent, 'run' | 'step' | 'exactStep' | 'wallTime'>;

interface TagMetadata {
  readonly plugin: string;
  readonly content: Uint8Array;
  readonly description: string;
  readonly dataClass: number;
}

const NO_METADATA: TagMetadata = { plugin: '', content: new Uint8Array(), description: '', dataClass: 0 };

export class EventDecoder {
  readonly #run: string;
  readonly #reader = new WireReader();
  /** The first metadata of each tag. */
  readonly #tags = new Map<string, TagMetadata>();
  #file = '';
  /** Of the event at hand. */
  #offset = 0;
  #step = 0;
  #exactStep: bigint | undefined;
  #wallTime = 0;

  constructor(run: string) {
    this.#run = run;
  }

  /** The bytes that frames are in from now on, and the file they are of. */
  open(file: string, bytes: Buffer, view: DataView): void {
    this.#file = file;
    this.#reader.open(bytes, view);
  }

  /**
   * Appends to `events` what a frame's data, from `start` up to `end`, comes to: an event for each value, and one for what
   * is not well-formed. Never throws.
   *
   * @param offset Byte of the file at which the frame starts.
   */
  decode(start: number, end: number, offset: number, events: TensorboardEvent[]): void {
    const before = events.length;
    this.#offset = offset;
    try {
      this.#event(start, end, events);
    } catch (error) {
      // What came before the fault in this record may be as wrong as what comes after it.
      events.splice(before);
      this.#corrupt(error, events);
    }
  }

  #corrupt(error: unknown, events: TensorboardEvent[]): void {
    const problem = isInvalidText(error) ? 'invalid-utf8' : 'invalid-protobuf';
    const place = { run: this.#run, file: this.#file, offset: this.#offset };
    events.push({ kind: 'corrupt', ...place, problem, detail: errorMessage(error) });
  }

  #event(start: number, end: number, events: TensorboardEvent[]): void {
    const reader = this.#reader;
    let form = 0;
    let from = 0;
    let to = 0;
    this.#wallTime = 0;
    this.#step = 0;
    this.#exactStep = undefined;
    reader.seek(start, end);
    // Step and time may stand behind the payload.
    while (reader.more) {
      const key = reader.key();
      if (key === WALL_TIME) this.#wallTime = reader.double();
      else if (key === STEP) this.#readStep();
      else if (EVENT_FORMS.has(key)) {
        form = key;
        from = reader.pass();
        to = reader.at;
      } else reader.skip(key);
    }
    reader.seek(from, to);
    switch (form) {
      case 0:
        return;
      case SUMMARY:
        this.#summary(to, events);
        return;
      case FILE_VERSION:
        events.push({ kind: 'file_version', ...this.#head(), value: textOf(reader.slice(from, to)), file: this.#file });
        return;
      case SESSION_LOG:
        events.push({ kind: 'session_log', ...this.#head(), value: readSessionStatus(reader) });
        return;
      default:
        events.push({
          kind: 'unknown',
          ...this.#head(),
          plugin: '',
          form: String(EVENT_FORMS.get(form)),
          value: reader.slice(from, to),
        });
    }
  }

  #readStep(): void {
    this.#step = this.#reader.int64();
    this.#exactStep = Number.isSafeInteger(this.#step) ? undefined : this.#reader.exactInt64();
  }

  #summary(end: number, events: TensorboardEvent[]): void {
    const reader = this.#reader;
    while (reader.more) {
      const key = reader.key();
      if (key !== VALUE) {
        reader.skip(key);
        continue;
      }
      const start = reader.pass();
      const next = reader.at;
      reader.seek(start, next);
      try {
        this.#value(events);
      } catch (error) {
        // A text that is not one says nothing against the values beside it.
        if (!isInvalidText(error)) throw error;
        this.#corrupt(error, events);
      }
      reader.seek(next, end);
    }
  }

  #value(events: TensorboardEvent[]): void {
    const reader = this.#reader;
    let tag = '';
    let form: ValueForm = 'none';
    let scalar = 0;
    let from = 0;
    let to = 0;
    let own: TagMetadata | undefined;
    while (reader.more) {
      const key = reader.key();
      if (key === TAG) tag = reader.name();
      else if (key === SIMPLE_VALUE) {
        scalar = reader.float();
        form = 'simple_value';
      } else if (key === METADATA) own = this.#metadata();
      else {
        const found = VALUE_FORMS.get(key);
        if (found === undefined) reader.skip(key);
        else {
          form = found;
          from = reader.pass();
          to = reader.at;
        }
      }
    }
    const metadata = this.#metadataOf(tag, own);
    if (form === 'simple_value') {
      this.#scalar(tag, scalar, metadata, events);
      return;
    }
    if (own !== undefined && metadata.plugin === 'hparams' && this.#hparams(tag, own, events)) return;
    reader.seek(from, to);
    if (form === 'image') events.push({ kind: 'image', ...this.#tagged(tag, metadata), ...readLegacyImage(reader) });
    else if (form === 'histo')
      events.push({ kind: 'histogram', ...this.#tagged(tag, metadata), value: readLegacyHistogram(reader) });
    else if (form !== 'tensor' || !this.#tensor(tag, metadata, readTensor(reader), events)) {
      const { plugin } = metadata;
      events.push({ kind: 'unknown', ...this.#head(), tag, plugin, form, value: reader.slice(from, to) });
    }
  }

  /** False where the tensor is none that the tag's plugin has. */
  #tensor(tag: string, metadata: TagMetadata, tensor: Tensor, events: TensorboardEvent[]): boolean {
    const { shape, numbers, strings } = tensor;
    const [first] = numbers;
    if (metadata.plugin === 'scalars' || metadata.dataClass === DATA_CLASS_SCALAR) {
      if (first === undefined || numbers.length > 1 || shape.length > 0) return false;
      this.#scalar(tag, first, metadata, events);
      return true;
    }
    const count = shape.reduce((product, size) => product * size, 1);
    switch (metadata.plugin) {
      case 'histograms':
        if (shape.length !== 2 || shape[1] !== 3 || numbers.length !== count) return false;
        events.push({ kind: 'histogram', ...this.#tagged(tag, metadata), value: readBuckets(numbers) });
        return true;
      case 'text':
        if (tensor.dtype !== DT_STRING || strings.length !== count) return false;
        events.push({
          kind: 'text',
          ...this.#tagged(tag, metadata),
          value: strings.map((bytes) => textOf(bytes)),
          shape,
        });
        return true;
      case 'images': {
        const [width, height, ...images] = strings;
        if (tensor.dtype !== DT_STRING || width === undefined || height === undefined) return false;
        const size = { width: readDigits(width), height: readDigits(height) };
        events.push({ kind: 'image', ...this.#tagged(tag, metadata), value: images, ...size });
        return true;
      }
      default:
        return false;
    }
  }

  /** False where the content is of none of the three kinds. */
  #hparams(tag: string, metadata: TagMetadata, events: TensorboardEvent[]): boolean {
    const { content } = metadata;
    const reader = new WireReader();
    reader.open(
      Buffer.from(content.buffer, content.byteOffset, content.length),
      new DataView(content.buffer, content.byteOffset, content.length),
    );
    reader.seek(0, content.length);
    const read = readHparamsContent(reader);
    if (read === undefined) return false;
    events.push({ ...this.#tagged(tag, metadata), ...read });
    return true;
  }

  #scalar(tag: string, value: number, { description }: TagMetadata, events: TensorboardEvent[]): void {
    const head = { kind: 'scalar', run: this.#run, tag, step: this.#step, wallTime: this.#wallTime, value } as const;
    // Nearly all are as simple as that, and there may be a hundred million.
    if (this.#exactStep === undefined && description === '') events.push(head);
    else events.push({ ...head, ...this.#exactly(), ...describing(description) });
  }

  #head(): Head {
    return { run: this.#run, step: this.#step, ...this.#exactly(), wallTime: this.#wallTime };
  }

  #tagged(tag: string, { description }: TagMetadata): Head & { readonly tag: string; readonly description?: string } {
    return { ...this.#head(), tag, ...describing(description) };
  }

  #exactly(): { readonly exactStep?: bigint } {
    return this.#exactStep === undefined ? {} : { exactStep: this.#exactStep };
  }

  /** What the run's first metadata of the tag says. */
  #metadataOf(tag: string, own: TagMetadata | undefined): TagMetadata {
    // Runs of plain scalars have none at all.
    const first = this.#tags.size === 0 ? undefined : this.#tags.get(tag);
    if (first !== undefined || own === undefined) return first ?? NO_METADATA;
    this.#tags.set(tag, own);
    return own;
  }

  #metadata(): TagMetadata {
    const reader = this.#reader;
    let plugin = '';
    let content = NO_METADATA.content;
    let description = '';
    let dataClass = 0;
    readMessage(reader, (key) => {
      switch (key) {
        case (1 << 3) | LENGTH_DELIMITED:
          readMessage(reader, (member) => {
            if (member === ((1 << 3) | LENGTH_DELIMITED)) plugin = reader.name();
            else if (member === ((2 << 3) | LENGTH_DELIMITED)) content = reader.bytes();
            else return false;
            return true;
          });
          return true;
        case (3 << 3) | LENGTH_DELIMITED:
          description = reader.text();
          return true;
        case (4 << 3) | VARINT:
          dataClass = reader.int64();
          return true;
        default:
          return false;
      }
    });
    return { plugin, content, description, dataClass };
  }
}

function isInvalidText(error: unknown): boolean {
  return error instanceof WireError && error.problem === 'invalid-utf8';
}

function describing(description: string): { readonly description?: string } {
  return description === '' ? {} : { description };
}

function readSessionStatus(reader: WireReader): (typeof SESSION_STATUSES)[number] {
  let status = 0;
  readFields(reader, (key) => {
    if (key !== SESSION_STATUS) return false;
    status = reader.int64();
    return true;
  });
  return SESSION_STATUSES[status] ?? 'unspecified';
}

function readBuckets(numbers: readonly number[]): readonly HistogramBucket[] {
  return Array.from({ length: numbers.length / 3 }, (_, row): HistogramBucket => {
    const [left, right, count] = numbers.slice(row * 3, row * 3 + 3);
    return [Number(left), Number(right), Number(count)];
  });
}

function readDigits(bytes: Uint8Array): number {
  const text = Buffer.from(bytes).toString('latin1');
  return /^\d{1,9}$/u.test(text) ? Number(text) : 0;
}

/** Summary.Image: height, width, colour space, file. */
function readLegacyImage(reader: WireReader): Pick<ImageEvent, 'value' | 'width' | 'height'> {
  let width = 0;
  let height = 0;
  let file: Uint8Array = new Uint8Array();
  readFields(reader, (key) => {
    if (key === ((1 << 3) | VARINT)) height = reader.int64();
    else if (key === ((2 << 3) | VARINT)) width = reader.int64();
    else if (key === ((4 << 3) | LENGTH_DELIMITED)) file = reader.bytes();
    else return false;
    return true;
  });
  return { value: [file], width, height };
}

/** HistogramProto: least, greatest, and buckets by their upper limits, the first from and the last to infinity or nearly so. */
function readLegacyHistogram(reader: WireReader): HistogramEvent['value'] {
  let least = 0;
  let greatest = 0;
  const limits: number[] = [];
  const counts: number[] = [];
  readFields(reader, (key) => {
    const field = key >>> 3;
    const isDouble = (key & 7) === FIXED64 || (key & 7) === LENGTH_DELIMITED;
    if (key === ((1 << 3) | FIXED64)) least = reader.double();
    else if (key === ((2 << 3) | FIXED64)) greatest = reader.double();
    else if (field === 6 && isDouble) readRepeated(reader, key, () => reader.double(), limits);
    else if (field === 7 && isDouble) readRepeated(reader, key, () => reader.double(), counts);
    else return false;
    return true;
  });
  const first = counts.findIndex((count) => count !== 0);
  const last = counts.findLastIndex((count) => count !== 0);
  return limits
    .map((limit, index): HistogramBucket => {
      const left = index === first ? least : (limits[index - 1] ?? least);
      return [left, index === last ? greatest : limit, counts[index] ?? 0];
    })
    .slice(Math.max(0, first), last + 1);
}
