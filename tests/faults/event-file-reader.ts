// Reads event files back without any code of the writer's: frames to the end of the file with both checksums, then the
// scalars of each event. What does not hold is said with its place.
import { readFileSync } from 'node:fs';

export interface ScalarPoint {
  readonly tag: string;
  readonly step: number;
  readonly value: number;
  /** Unix seconds. */
  readonly time: number;
}

export interface EventFile {
  readonly points: readonly ScalarPoint[];
  readonly events: number;
  /** Where and why the file cannot be read to its end; undefined where it can. */
  readonly problem: string | undefined;
}

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;

/** CRC-32C, reflected: https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4 */
const POLYNOMIAL = 0x82f63b78;
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

export function readEventFile(path: string): EventFile {
  const bytes = readFileSync(path);
  const points: ScalarPoint[] = [];
  let events = 0;
  let offset = 0;
  while (offset < bytes.length) {
    const problem = frameProblem(bytes, offset);
    if (problem !== undefined)
      return { points, events, problem: `${path}: at byte ${offset} of ${bytes.length} ${problem}` };
    const length = bytes.readUInt32LE(offset);
    const start = offset + HEADER_BYTES;
    for (const point of scalarsOf(bytes.subarray(start, start + length))) points.push(point);
    events += 1;
    offset = start + length + FOOTER_BYTES;
  }
  return { points, events, problem: undefined };
}

function frameProblem(bytes: Buffer, offset: number): string | undefined {
  const left = bytes.length - offset;
  if (left < HEADER_BYTES) return 'a header is torn';
  if (bytes.readUInt32LE(offset + 8) !== maskedCrc(bytes.subarray(offset, offset + 8)))
    return "a length's checksum is wrong";
  const length = bytes.readUInt32LE(offset);
  if (bytes.readUInt32LE(offset + 4) !== 0 || left < HEADER_BYTES + length + FOOTER_BYTES) return 'a frame is torn';
  const end = offset + HEADER_BYTES + length;
  const crc = maskedCrc(bytes.subarray(offset + HEADER_BYTES, end));
  return bytes.readUInt32LE(end) === crc ? undefined : "an event's checksum is wrong";
}

function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  crc = (crc ^ 0xffffffff) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

interface Field {
  readonly id: number;
  /** Of a varint, or of a fixed number read as what it is in these messages. */
  readonly number: number;
  readonly bytes: Buffer;
}

/** The wire format: https://protobuf.dev/programming-guides/encoding/ */
function fieldsOf(message: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let offset = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(offset);
      offset += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const none = message.subarray(0, 0);
  while (offset < message.length) {
    const key = varint();
    const id = Math.floor(key / 8);
    switch (key % 8) {
      case 0:
        fields.push({ id, number: varint(), bytes: none });
        break;
      case 1:
        fields.push({ id, number: message.readDoubleLE(offset), bytes: none });
        offset += 8;
        break;
      case 2: {
        const length = varint();
        fields.push({ id, number: NaN, bytes: message.subarray(offset, offset + length) });
        offset += length;
        break;
      }
      case 5:
        fields.push({ id, number: message.readFloatLE(offset), bytes: none });
        offset += 4;
        break;
      default:
        throw new RangeError(`wire type ${key % 8} is none of an event's`);
    }
  }
  return fields;
}

/** Event: wall_time 1, step 2, summary 5; Summary: value 1; Value: tag 1, simple_value 2. */
function scalarsOf(event: Buffer): readonly ScalarPoint[] {
  const fields = fieldsOf(event);
  const time = fields.find(({ id }) => id === 1)?.number ?? 0;
  const step = fields.find(({ id }) => id === 2)?.number ?? 0;
  const values = fields.filter(({ id }) => id === 5).flatMap(({ bytes }) => fieldsOf(bytes));
  return values.flatMap(({ bytes }) => {
    const value = fieldsOf(bytes);
    const tag = value.find(({ id }) => id === 1)?.bytes.toString('utf8');
    const scalar = value.find(({ id }) => id === 2);
    return tag === undefined || scalar === undefined ? [] : [{ tag, step, value: scalar.number, time }];
  });
}
