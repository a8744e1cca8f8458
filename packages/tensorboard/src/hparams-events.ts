/**
 * The two records by which TensorBoard's HParams page knows a session. They lie in the run's own directory, beside its
 * scalars, so that these are the session's metrics. There is no experiment record: TensorBoard takes one of those for a
 * whole log directory, and then has no column for what it does not name.
 * https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/hparams/plugin_data.proto
 */

import { isJsonObject, type JsonObject, type JsonPrimitive, type JsonValue, type RunStatus } from '@runcast/core';
import { booleanField, bytesField, doubleField, integerField, join } from './protobuf.ts';
import { hparamsValue } from './summary-value.ts';

const SESSION_START = { tag: '_hparams_/session_start_info', field: 3 } as const;
const SESSION_END = { tag: '_hparams_/session_end_info', field: 4 } as const;

/** hparams.Status. TensorBoard knows no crash. */
const STATUS = { unknown: 0, finished: 1, failed: 2, crashed: 2 } as const;

/** Event.summary with the session's hyperparameters; null ones have no column. Later values of a name win. */
export function sessionStart(hparams: Iterable<readonly [string, JsonPrimitive]>, startTime: number): Uint8Array {
  const entries = [...new Map(hparams)].map(([name, value]) =>
    value === null ? join() : bytesField(1, join(bytesField(1, name), bytesField(2, protobufValue(value)))),
  );
  return sessionSummary(SESSION_START, join(...entries, doubleField(5, startTime)));
}

export function sessionEnd(status: RunStatus, endTime: number): Uint8Array {
  return sessionSummary(SESSION_END, join(integerField(1, STATUS[status]), doubleField(2, endTime)));
}

/** The scalars of a JSON value with the names they have in HParams: `optimizer.lr`. Lists have no column and are left out. */
export function flattenScalars(name: string, value: JsonValue): readonly (readonly [string, JsonPrimitive])[] {
  if (isJsonObject(value)) return flattenMembers(value, `${name}.`);
  return isPrimitive(value) ? [[name, value]] : [];
}

function flattenMembers(object: JsonObject, prefix: string): readonly (readonly [string, JsonPrimitive])[] {
  return Object.entries(object).flatMap(([key, value]) => flattenScalars(`${prefix}${key}`, value));
}

function isPrimitive(value: JsonValue): value is JsonPrimitive {
  return value === null || typeof value !== 'object';
}

/** google.protobuf.Value, whose members are written even where they are zero, false or empty. */
function protobufValue(value: string | number | boolean): Uint8Array {
  if (typeof value === 'number') return doubleField(2, value);
  return typeof value === 'string' ? bytesField(3, value) : booleanField(4, value);
}

function sessionSummary(kind: { readonly tag: string; readonly field: number }, info: Uint8Array): Uint8Array {
  return hparamsValue(kind.tag, bytesField(kind.field, info));
}
