/**
 * JSON as W&B's file stream has it: NaN and the infinities are bare words, as Python's json module writes them. Values are kept
 * as text, so that what is sent again is the same to the last byte; numbers that are sent at once need none.
 */

import { KnownKeys, numberText, type JsonValue } from '@runcast/core';

/** A string, which is left alone, or a bare word. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?Infinity|\bNaN\b/gu;

/** A finite number, or any value as JSON. Scalars of the record format are both: their strings are W&B's bare words. */
export type FieldValue = number | string;

/** A key and its value. */
export type Field = readonly [key: string, value: FieldValue];

/** Keys and values of a row, in their order. Keys may be any string, `__proto__` too. */
export type Fields = Readonly<Record<string, FieldValue>>;

/** Tells of each in turn; makes nothing that the collector would have to take, as there are millions of rows. */
export function eachField(fields: Fields, take: (key: string, value: FieldValue) => void): void {
  for (const key in fields)
    if (Object.prototype.hasOwnProperty.call(fields, key)) {
      const value = fields[key];
      if (value !== undefined) take(key, value);
    }
}

export function isEmpty(fields: Fields): boolean {
  for (const key in fields) if (Object.prototype.hasOwnProperty.call(fields, key)) return false;
  return true;
}

export function fieldText(value: FieldValue): string {
  return typeof value === 'number' ? numberText(value) : value;
}

/** The number that a value is; undefined where it is something else. */
export function numberOf(value: FieldValue): number | undefined {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return Number.NaN;
  return /^-?(?:\d|Infinity$)/u.test(value) ? Number(value) : undefined;
}

/** Keys as JSON with their colon. */
const keyTexts = new KnownKeys((key) => `${JSON.stringify(key)}:`);

/** A member of an object. */
export function memberText(key: string, value: FieldValue): string {
  return keyTexts.of(key) + fieldText(value);
}

/** An object of such members, in their order. */
export function objectText(members: Iterable<Field>): string {
  let text = '';
  for (const [key, value] of members) text += (text === '' ? '{' : ',') + memberText(key, value);
  return text === '' ? '{}' : `${text}}`;
}

/** Reads what W&B or its clients wrote; bare words become the strings of the record format. Undefined where it is no JSON. */
export function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text.replaceAll(TOKEN, (token) => (token.startsWith('"') ? token : `"${token}"`)));
  } catch {
    return undefined;
  }
}

/** A value as JSON, in which the three strings of the record format stay strings. */
export function valueText(value: JsonValue): string {
  return JSON.stringify(value);
}

/** Seconds to the millisecond: a difference of two times has more digits than it knows. */
export function roundedSeconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
