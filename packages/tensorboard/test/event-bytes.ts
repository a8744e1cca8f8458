/** Event files put together field by field, for what no writer of ours writes: other layouts, and damage. */

import { maskedCrc32c } from '../src/crc32c.ts';
import { bytesField, doubleField, integerField, join } from '../src/protobuf.ts';
import { FOOTER_BYTES, HEADER_BYTES, sealRecord } from '../src/tfrecord.ts';

/** A frame with good checksums around any bytes. */
export function frame(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + data.length + FOOTER_BYTES);
  bytes.set(data, HEADER_BYTES);
  sealRecord(new DataView(bytes.buffer), 0, HEADER_BYTES + data.length);
  return bytes;
}

/** A framed event at wall time 1.5 and step 2. */
export function event(...fields: readonly Uint8Array[]): Uint8Array {
  return frame(join(doubleField(1, 1.5), integerField(2, 2), ...fields));
}

/** A framed event whose summary has these values, each the fields of a Summary.Value. */
export function summaryEvent(...values: readonly Uint8Array[]): Uint8Array {
  return event(bytesField(5, join(...values.map((value) => bytesField(1, value)))));
}

/** Fields of a Summary.Value with a tensor of a plugin. */
export function tensorValue(
  tag: string,
  plugin: string,
  tensor: Uint8Array,
  dataClass: number = 0,
  content: Uint8Array = new Uint8Array(),
): Uint8Array {
  const metadata = join(bytesField(1, join(bytesField(1, plugin), bytesField(2, content))), integerField(4, dataClass));
  return join(bytesField(1, tag), bytesField(8, tensor), bytesField(9, metadata));
}

/** TensorProto.tensor_shape. */
export function shapeField(...sizes: readonly number[]): Uint8Array {
  return bytesField(2, join(...sizes.map((size) => bytesField(2, integerField(1, size)))));
}

/** A header whose checksum is good, of a record that is not there. */
export function header(length: bigint): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, length, true);
  view.setUint32(8, maskedCrc32c(view, 0, 8), true);
  return bytes;
}
