/**
 * What the HParams plugin keeps in the metadata of its three tags.
 * https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/hparams/plugin_data.proto
 */

import type { ExperimentEvent, HparamValue, SessionEndEvent, SessionStartEvent } from './read-tensorboard-event.ts';
import { FIXED64, LENGTH_DELIMITED, readFields, readMessage, textOf, VARINT, type WireReader } from './read-wire.ts';

/** What one of the tags says; undefined where it says nothing that is known. */
export type HparamsContent =
  | Pick<SessionStartEvent, 'kind' | 'value'>
  | Pick<SessionEndEvent, 'kind' | 'value'>
  | Pick<ExperimentEvent, 'kind' | 'value'>
  | undefined;

const message = (field: number): number => (field << 3) | LENGTH_DELIMITED;
const text = message;
const double = (field: number): number => (field << 3) | FIXED64;
const number = (field: number): number => (field << 3) | VARINT;

/** Members of HParamsPluginData. */
const EXPERIMENT = message(2);
const SESSION_START = message(3);
const SESSION_END = message(4);

const STATUSES = ['unknown', 'success', 'failure', 'running'] as const;
const TYPES = ['unset', 'string', 'bool', 'float64'] as const;

/** Reads the HParamsPluginData that the reader is in. */
export function readHparamsContent(reader: WireReader): HparamsContent {
  let content: HparamsContent;
  readFields(reader, (key) => {
    switch (key) {
      case EXPERIMENT:
        content = { kind: 'hparams_experiment', value: readExperiment(reader) };
        return true;
      case SESSION_START:
        content = { kind: 'hparams_session_start', value: readSessionStart(reader) };
        return true;
      case SESSION_END:
        content = { kind: 'hparams_session_end', value: readSessionEnd(reader) };
        return true;
      default:
        return false;
    }
  });
  return content;
}

function readSessionStart(reader: WireReader): SessionStartEvent['value'] {
  const fields = new Fields(reader);
  const hparams = new Map<string, HparamValue>();
  readMessage(reader, (key) => {
    if (key !== message(1)) return fields.read(key);
    readHparam(reader, hparams);
    return true;
  });
  return {
    // Entries, not members: a hyperparameter may be called `__proto__`.
    hparams: Object.fromEntries(hparams),
    modelUri: fields.text(2),
    monitorUrl: fields.text(3),
    groupName: fields.text(4),
    startTime: fields.number(5),
  };
}

/** An entry of a map: key and google.protobuf.Value. */
function readHparam(reader: WireReader, into: Map<string, HparamValue>): void {
  let name = '';
  let value: HparamValue | undefined;
  readMessage(reader, (key) => {
    if (key === text(1)) name = reader.name();
    else if (key === message(2)) value = readValue(reader);
    else return false;
    return true;
  });
  if (value !== undefined) into.set(name, value);
}

function readValue(reader: WireReader): HparamValue | undefined {
  let value: HparamValue | undefined;
  readMessage(reader, (key) => {
    if (key === number(1)) {
      reader.int64();
      value = null;
    } else if (key === double(2)) value = reader.double();
    else if (key === text(3)) value = reader.text();
    else if (key === number(4)) value = reader.int64() !== 0;
    else return false;
    return true;
  });
  return value;
}

function readSessionEnd(reader: WireReader): SessionEndEvent['value'] {
  const fields = new Fields(reader);
  readMessage(reader, (key) => fields.read(key));
  return { status: STATUSES[fields.number(1)] ?? 'unknown', endTime: fields.number(2) };
}

function readExperiment(reader: WireReader): ExperimentEvent['value'] {
  const fields = new Fields(reader);
  const hparams: ExperimentEvent['value']['hparams'][number][] = [];
  const metrics: ExperimentEvent['value']['metrics'][number][] = [];
  readMessage(reader, (key) => {
    if (key === message(4)) hparams.push(readHparamInfo(reader));
    else if (key === message(5)) metrics.push(readMetricInfo(reader));
    else return fields.read(key);
    return true;
  });
  return {
    markdown: fields.text(1),
    user: fields.text(2),
    timeCreated: fields.number(3),
    name: fields.text(6),
    hparams,
    metrics,
  };
}

function readHparamInfo(reader: WireReader): ExperimentEvent['value']['hparams'][number] {
  const fields = new Fields(reader);
  readMessage(reader, (key) => fields.read(key));
  return {
    name: fields.text(1),
    displayName: fields.text(2),
    description: fields.text(3),
    type: TYPES[fields.number(4)] ?? 'unset',
  };
}

function readMetricInfo(reader: WireReader): ExperimentEvent['value']['metrics'][number] {
  const fields = new Fields(reader);
  const name = new Fields(reader);
  readMessage(reader, (key) => {
    if (key !== message(1)) return fields.read(key);
    readMessage(reader, (member) => name.read(member));
    return true;
  });
  return { group: name.text(1), tag: name.text(2), displayName: fields.text(3), description: fields.text(4) };
}

/** The texts and numbers of a message, by field; empty and zero where they are not there, as proto3 has it. */
class Fields {
  readonly #reader: WireReader;
  readonly #contents = new Map<number, Uint8Array>();
  readonly #numbers = new Map<number, number>();

  constructor(reader: WireReader) {
    this.#reader = reader;
  }

  read(key: number): boolean {
    const field = key >>> 3;
    switch (key & 7) {
      case LENGTH_DELIMITED:
        this.#contents.set(field, this.#reader.bytes());
        return true;
      case FIXED64:
        this.#numbers.set(field, this.#reader.double());
        return true;
      case VARINT:
        this.#numbers.set(field, this.#reader.int64());
        return true;
      default:
        return false;
    }
  }

  text(field: number): string {
    const content = this.#contents.get(field);
    return content === undefined ? '' : textOf(content);
  }

  number(field: number): number {
    return this.#numbers.get(field) ?? 0;
  }
}
