/**
 * Reads event files back, for tests: wire format by the library pbf, frames and checksums by the plainest code there is,
 * nothing of it shared with the encoder. TensorBoard itself is asked in tests/tensorboard.
 */

import Pbf from 'pbf';

export interface DecodedTensor {
  dtype: number;
  shape: number[] | undefined;
  strings: string[];
  /** tensor_content as little-endian doubles. */
  doubles: number[];
}

export interface DecodedValue {
  tag: string;
  simpleValue: number | undefined;
  tensor: DecodedTensor | undefined;
  plugin: string;
  content: Uint8Array;
  description: string;
  dataClass: number;
}

export interface DecodedEvent {
  wallTime: number;
  step: number;
  fileVersion: string | undefined;
  sessionStatus: number | undefined;
  values: DecodedValue[];
}

export interface DecodedSession {
  hparams: Record<string, string | number | boolean>;
  groupName: string | undefined;
  startTime: number | undefined;
  status: number | undefined;
  endTime: number | undefined;
}

/** Every event of a file; throws at the first frame that does not hold. */
export function decodeEvents(file: Uint8Array): DecodedEvent[] {
  return unframe(file).map((data) => new Pbf(data).readFields(readEvent, { ...NO_EVENT, values: [] }));
}

/** The data of all frames. */
export function unframe(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const frames: Uint8Array[] = [];
  let at = 0;
  while (at < file.length) {
    const length = Number(view.getBigUint64(at, true));
    // A copy: the library reads numbers from the start of the underlying buffer.
    const data = new Uint8Array(file.subarray(at + 12, at + 12 + length));
    if (view.getUint32(at + 8, true) !== mask(bitwiseCrc32c(file.subarray(at, at + 8))))
      throw new Error(`bad length at ${at}`);
    if (view.getUint32(at + 12 + length, true) !== mask(bitwiseCrc32c(data))) throw new Error(`bad data at ${at}`);
    frames.push(data);
    at += length + 16;
  }
  return frames;
}

export function decodeSession(content: Uint8Array): DecodedSession {
  const session: DecodedSession = {
    hparams: {},
    groupName: undefined,
    startTime: undefined,
    status: undefined,
    endTime: undefined,
  };
  return new Pbf(new Uint8Array(content)).readFields((field, result: DecodedSession, pbf) => {
    if (field === 3) pbf.readMessage(readStart, result);
    else if (field === 4) pbf.readMessage(readEnd, result);
    else throw new Error(`HParamsPluginData has no field ${field} here`);
  }, session);
}

export function bitwiseCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const NO_EVENT = { wallTime: 0, step: 0, fileVersion: undefined, sessionStatus: undefined };

function mask(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function readEvent(field: number, event: DecodedEvent, pbf: Pbf): void {
  if (field === 1) event.wallTime = pbf.readDouble();
  else if (field === 2) event.step = pbf.readVarint(true);
  else if (field === 3) event.fileVersion = pbf.readString();
  else if (field === 5) pbf.readMessage(readSummary, event);
  else if (field === 7) pbf.readMessage(readSessionLog, event);
  else throw new Error(`Event has no field ${field} here`);
}

function readSessionLog(field: number, event: DecodedEvent, pbf: Pbf): void {
  if (field === 1) event.sessionStatus = pbf.readVarint();
}

function readSummary(field: number, event: DecodedEvent, pbf: Pbf): void {
  if (field !== 1) throw new Error(`Summary has no field ${field}`);
  event.values.push(
    pbf.readMessage(readValue, {
      tag: '',
      simpleValue: undefined,
      tensor: undefined,
      plugin: '',
      content: new Uint8Array(),
      description: '',
      dataClass: 0,
    }),
  );
}

function readValue(field: number, value: DecodedValue, pbf: Pbf): void {
  if (field === 1) value.tag = pbf.readString();
  else if (field === 2) value.simpleValue = pbf.readFloat();
  else if (field === 8)
    value.tensor = pbf.readMessage(readTensor, { dtype: 0, shape: undefined, strings: [], doubles: [] });
  else if (field === 9) pbf.readMessage(readMetadata, value);
  else throw new Error(`Summary.Value has no field ${field} here`);
}

function readMetadata(field: number, value: DecodedValue, pbf: Pbf): void {
  if (field === 1) pbf.readMessage(readPluginData, value);
  else if (field === 3) value.description = pbf.readString();
  else if (field === 4) value.dataClass = pbf.readVarint();
}

function readPluginData(field: number, value: DecodedValue, pbf: Pbf): void {
  if (field === 1) value.plugin = pbf.readString();
  else if (field === 2) value.content = pbf.readBytes();
}

function readTensor(field: number, tensor: DecodedTensor, pbf: Pbf): void {
  if (field === 1) tensor.dtype = pbf.readVarint();
  else if (field === 2) tensor.shape = pbf.readMessage(readShape, []);
  else if (field === 4) tensor.doubles = readDoubles(pbf.readBytes());
  else if (field === 8) tensor.strings.push(Buffer.from(pbf.readBytes()).toString('latin1'));
}

function readShape(field: number, shape: number[], pbf: Pbf): void {
  if (field === 2) shape.push(pbf.readMessage(readDimension, { size: 0 }).size);
}

function readDimension(field: number, dimension: { size: number }, pbf: Pbf): void {
  if (field === 1) dimension.size = pbf.readVarint(true);
}

function readDoubles(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 8 }, (_, index) => view.getFloat64(index * 8, true));
}

function readStart(field: number, session: DecodedSession, pbf: Pbf): void {
  if (field === 1) pbf.readMessage(readHparam, { session, name: '' });
  else if (field === 4) session.groupName = pbf.readString();
  else if (field === 5) session.startTime = pbf.readDouble();
}

function readHparam(field: number, entry: { session: DecodedSession; name: string }, pbf: Pbf): void {
  if (field === 1) entry.name = pbf.readString();
  else if (field === 2) pbf.readMessage(readHparamValue, entry);
}

function readHparamValue(field: number, entry: { session: DecodedSession; name: string }, pbf: Pbf): void {
  if (field === 2) entry.session.hparams[entry.name] = pbf.readDouble();
  else if (field === 3) entry.session.hparams[entry.name] = pbf.readString();
  else if (field === 4) entry.session.hparams[entry.name] = pbf.readBoolean();
}

function readEnd(field: number, session: DecodedSession, pbf: Pbf): void {
  if (field === 1) session.status = pbf.readVarint();
  else if (field === 2) session.endTime = pbf.readDouble();
}
