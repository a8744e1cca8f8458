/**
 * Summary values other than plain scalars: a tensor, and the metadata that says which of TensorBoard's plugins reads it.
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/summary.proto
 */

import { bytesField, integerField, join } from './protobuf.ts';

/** Event.summary. */
const SUMMARY = 5;

const DATA_CLASS = { scalar: 1, tensor: 2, blobSequence: 3 } as const;

export interface TaggedValue {
  readonly tag: string;
  readonly plugin: string;
  /** What the plugin reads from the metadata. */
  readonly content?: Uint8Array;
  readonly dataClass: keyof typeof DATA_CLASS;
  /** Markdown shown beside the chart. */
  readonly description?: string;
  /** An encoded TensorProto. */
  readonly tensor: Uint8Array;
}

/**
 * Event.summary with one value. The metadata goes with every value: readers take the first they meet in a run, and a file
 * may have been lost.
 */
export function taggedValue(value: TaggedValue): Uint8Array {
  const pluginData = join(
    bytesField(1, value.plugin),
    value.content === undefined ? join() : bytesField(2, value.content),
  );
  const description = value.description === undefined ? join() : bytesField(3, value.description);
  const metadata = join(bytesField(1, pluginData), description, integerField(4, DATA_CLASS[value.dataClass]));
  const fields = join(bytesField(1, value.tag), bytesField(8, value.tensor), bytesField(9, metadata));
  return bytesField(SUMMARY, bytesField(1, fields));
}
