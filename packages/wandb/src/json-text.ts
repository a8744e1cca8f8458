/**
 * JSON as W&B's file stream has it: NaN and the infinities are bare words, as Python's json module writes them. Values are kept
 * as text, so that what is sent again is the same to the last byte.
 */

import type { JsonValue, Scalar } from '@runcast/core';
import { KnownKeys } from './known-keys.ts';

/** A string, which is left alone, or a bare word. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?Infinity|\bNaN\b/gu;

/** A number of the record format as W&B's JSON has it. */
export function scalarText(scalar: Scalar): string {
  if (typeof scalar === 'string') return scalar;
  return Object.is(scalar, -0) ? '-0' : JSON.stringify(scalar);
}

/** The number that a text stands for; undefined where it stands for something else. */
export function numberOfText(text: string): number | undefined {
  if (text === 'NaN') return Number.NaN;
  return /^-?(?:\d|Infinity$)/u.test(text) ? Number(text) : undefined;
}

/** Keys as JSON with their colon. */
const keyTexts = new KnownKeys((key) => `${JSON.stringify(key)}:`);

/** An object of members whose values are JSON texts, in their order. */
export function objectText(members: Iterable<readonly [string, string]>): string {
  let text = '';
  for (const [key, value] of members) text += (text === '' ? '{' : ',') + keyTexts.of(key) + value;
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
