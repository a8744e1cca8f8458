/**
 * Summary values other than plain scalars: a tensor, and the metadata that says which of TensorBoard's plugins reads it.
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/summary.proto
 */

import { readImageHeader, type BarChartRecord, type HistogramRecord, type ImageRecord } from '@runcast/core';
import { bytesField, integerField, join } from './protobuf.ts';

/** Event.summary. */
const SUMMARY = 5;

const DATA_CLASS = { tensor: 2, blobSequence: 3 } as const;

/** DataType of a TensorProto. */
const DT_FLOAT = 1;
const DT_DOUBLE = 2;
const DT_STRING = 7;

/** TensorProto fields. */
const DTYPE = 1;
const TENSOR_SHAPE = 2;
const TENSOR_CONTENT = 4;
const STRING_VAL = 8;

interface TaggedValue {
  readonly tag: string;
  readonly plugin: string;
  readonly dataClass: keyof typeof DATA_CLASS;
  /** What the plugin reads from the metadata. */
  readonly content: Uint8Array;
  /** Markdown shown beside the chart. */
  readonly description: string;
  /** An encoded TensorProto. */
  readonly tensor: Uint8Array;
}

/**
 * Event.summary with one value. The metadata goes with every value: readers take the first they meet in a run, and a file
 * may have been lost.
 */
function taggedValue(value: TaggedValue): Uint8Array {
  const pluginData = join(bytesField(1, value.plugin), bytesField(2, value.content));
  const metadata = join(
    bytesField(1, pluginData),
    bytesField(3, value.description),
    integerField(4, DATA_CLASS[value.dataClass]),
  );
  const fields = join(bytesField(1, value.tag), bytesField(8, value.tensor), bytesField(9, metadata));
  return bytesField(SUMMARY, bytesField(1, fields));
}

const NO_CONTENT = new Uint8Array();

/** What the HParams plugin reads: it looks at the metadata only, but wants a tensor. */
export function hparamsValue(tag: string, content: Uint8Array): Uint8Array {
  const tensor = join(integerField(DTYPE, DT_FLOAT), shape());
  return taggedValue({ tag, plugin: 'hparams', dataClass: 'tensor', content, description: '', tensor });
}

/** What the Custom Scalars plugin draws: an encoded Layout. */
export function layoutValue(layout: Uint8Array): Uint8Array {
  const tensor = join(integerField(DTYPE, DT_STRING), shape(), bytesField(STRING_VAL, layout));
  const parts = { plugin: 'custom_scalars', dataClass: 'tensor', content: NO_CONTENT, description: '' } as const;
  return taggedValue({ tag: 'custom_scalars__config__', ...parts, tensor });
}

/** One string of no dimensions, so that it is shown as Markdown and not as a table of cells. */
export function textValue(tag: string, markdown: string): Uint8Array {
  const tensor = join(integerField(DTYPE, DT_STRING), shape(), bytesField(STRING_VAL, markdown));
  return taggedValue({ tag, plugin: 'text', dataClass: 'tensor', content: NO_CONTENT, description: '', tensor });
}

/** Rows of left edge, right edge and count, in doubles. */
export function histogramValue(record: HistogramRecord): Uint8Array {
  const cells = new DataView(new ArrayBuffer(record.counts.length * 3 * 8));
  for (const [index, count] of record.counts.entries()) {
    const row = [Number(record.edges[index]), Number(record.edges[index + 1]), count];
    for (const [column, cell] of row.entries()) cells.setFloat64((index * 3 + column) * 8, cell, true);
  }
  const tensor = join(
    integerField(DTYPE, DT_DOUBLE),
    shape(record.counts.length, 3),
    bytesField(TENSOR_CONTENT, new Uint8Array(cells.buffer)),
  );
  const parts = { plugin: 'histograms', dataClass: 'tensor', content: NO_CONTENT, description: '' } as const;
  return taggedValue({ tag: record.key, ...parts, tensor });
}

/** Width and height in decimal digits, then the file as it is. The caption of a tag's first image describes them all. */
export function imageValue(record: ImageRecord | BarChartRecord, file: Uint8Array): Uint8Array {
  const { width = 0, height = 0 } = readImageHeader(file) ?? {};
  const caption = 'caption' in record ? record.caption : undefined;
  const tensor = join(
    integerField(DTYPE, DT_STRING),
    shape(3),
    bytesField(STRING_VAL, String(width)),
    bytesField(STRING_VAL, String(height)),
    bytesField(STRING_VAL, file),
  );
  const parts = { plugin: 'images', dataClass: 'blobSequence', content: NO_CONTENT } as const;
  return taggedValue({ tag: record.key, ...parts, description: caption ?? '', tensor });
}

/** TensorProto.tensor_shape. Sizes are written even where they are zero. */
function shape(...sizes: readonly number[]): Uint8Array {
  return bytesField(TENSOR_SHAPE, join(...sizes.map((size) => bytesField(2, integerField(1, size)))));
}
