/** Values of rows, whichever database they come from: SQLite has no flags, and PostgreSQL's client gives everything as text. */

import {
  isJsonArray,
  isJsonObject,
  toJson,
  type GitMetadata,
  type JsonObject,
  type JsonPrimitive,
  type JsonValue,
} from '@runcast/core';
import type { Row } from './statement.ts';

/** Null and what is not there are undefined. */
export function textIn(row: Row, column: string): string | undefined {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
}

export function numberIn(row: Row, column: string): number | undefined {
  const value = row[column];
  return value === null || value === undefined ? undefined : Number(value);
}

function flagIn(row: Row, column: string): boolean | undefined {
  const value = row[column];
  return value === null || value === undefined ? undefined : value === 1 || value === 't' || value === true;
}

/** An object without members where the column holds no object. */
export function objectIn(row: Row, column: string): JsonObject {
  const value = jsonIn(row, column);
  return isJsonObject(value) ? value : {};
}

/** The texts of a list; an empty one where the column holds none. */
export function textsIn(row: Row, column: string): readonly string[] {
  const value = jsonIn(row, column);
  return isJsonArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The members of an object that are no objects or lists. */
export function primitivesIn(row: Row, column: string): Readonly<Record<string, JsonPrimitive>> {
  const members = Object.entries(objectIn(row, column));
  return Object.fromEntries(members.flatMap(([key, value]) => (isPrimitive(value) ? [[key, value]] : [])));
}

/** What a row of `runs` says of the working tree; undefined where there was none. */
export function gitIn(row: Row): GitMetadata | undefined {
  const commit = textIn(row, 'git_commit');
  if (commit === undefined) return undefined;
  const said = {
    branch: textIn(row, 'git_branch'),
    message: textIn(row, 'git_message'),
    dirty: flagIn(row, 'git_dirty'),
    remote: textIn(row, 'git_remote'),
  };
  return { commit, ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) };
}

function isPrimitive(value: JsonValue): value is JsonPrimitive {
  return typeof value !== 'object' || value === null;
}

function jsonIn(row: Row, column: string): JsonValue | undefined {
  const text = textIn(row, column);
  if (text === undefined) return undefined;
  const json = toJson(JSON.parse(text));
  return json.ok ? json.value : undefined;
}
