/**
 * A TensorProto of a kind that summaries use: numbers or strings, in whichever of the fields they were put.
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/tensor.proto
 */

import {
  FIXED32,
  FIXED64,
  LENGTH_DELIMITED,
  readFields,
  readMessage,
  readRepeated,
  VARINT,
  type WireReader,
} from './read-wire.ts';

/** DataType. */
const DT_FLOAT = 1;
const DT_DOUBLE = 2;
export const DT_STRING = 7;

const DTYPE = (1 << 3) | VARINT;
const TENSOR_SHAPE = (2 << 3) | LENGTH_DELIMITED;
const TENSOR_CONTENT = (4 << 3) | LENGTH_DELIMITED;
const FLOAT_VAL = (5 << 3) | FIXED32;
const FLOAT_VAL_PACKED = (5 << 3) | LENGTH_DELIMITED;
const DOUBLE_VAL = (6 << 3) | FIXED64;
const DOUBLE_VAL_PACKED = (6 << 3) | LENGTH_DELIMITED;
const STRING_VAL = (8 << 3) | LENGTH_DELIMITED;

/** TensorShapeProto.dim, and a dimension's size. */
const DIM = (2 << 3) | LENGTH_DELIMITED;
const SIZE = (1 << 3) | VARINT;

export interface Tensor {
  readonly dtype: number;
  /** Empty for rank 0. What the file claims: it need not fit the values. */
  readonly shape: readonly number[];
  /** Values of a float or double tensor. */
  readonly numbers: readonly number[];
  readonly strings: readonly Uint8Array[];
}

/** Reads the tensor that the reader is in. */
export function readTensor(reader: WireReader): Tensor {
  let dtype = 0;
  let content: Uint8Array | undefined;
  const shape: number[] = [];
  const numbers: number[] = [];
  const strings: Uint8Array[] = [];
  readFields(reader, (key) => {
    switch (key) {
      case DTYPE:
        dtype = reader.int64();
        return true;
      case TENSOR_SHAPE:
        readMessage(reader, (member) => member === DIM && readDimension(reader, shape));
        return true;
      case TENSOR_CONTENT:
        content = reader.bytes();
        return true;
      case FLOAT_VAL:
      case FLOAT_VAL_PACKED:
        readRepeated(reader, key, () => reader.float(), numbers);
        return true;
      case DOUBLE_VAL:
      case DOUBLE_VAL_PACKED:
        readRepeated(reader, key, () => reader.double(), numbers);
        return true;
      case STRING_VAL:
        strings.push(reader.bytes());
        return true;
      default:
        return false;
    }
  });
  return { dtype, shape, numbers: content === undefined ? numbers : contentNumbers(content, dtype), strings };
}

function readDimension(reader: WireReader, shape: number[]): true {
  let size = 0;
  readMessage(reader, (key) => {
    if (key !== SIZE) return false;
    size = reader.int64();
    return true;
  });
  shape.push(size);
  return true;
}

/** Raw little-endian values; none of a type that summaries do not use, or where a part of one is left over. */
function contentNumbers(content: Uint8Array, dtype: number): readonly number[] {
  const bytes = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const width = dtype === DT_FLOAT ? 4 : 8;
  if ((dtype !== DT_FLOAT && dtype !== DT_DOUBLE) || content.length % width !== 0) return [];
  return Array.from({ length: content.length / width }, (_, index) =>
    dtype === DT_FLOAT ? bytes.getFloat32(index * width, true) : bytes.getFloat64(index * width, true),
  );
}
