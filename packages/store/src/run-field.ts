/** What filters, orders, groups and columns of tables name: a column of a run, its tags, or one value of its configuration or summary. */

import { closestName, isJsonObject, type JsonObject, type JsonValue } from '@runcast/core';
import { QueryError } from './query-error.ts';
import type { StoredRun } from './store.ts';

/** A field that is a column of the table `runs`. */
export interface ColumnField {
  readonly source: 'column';
  readonly column: string;
  /** `time` is Unix seconds, which filters may also give as a date. `status` is as the run is now, not as it was stored. */
  readonly type: 'text' | 'number' | 'time' | 'flag' | 'status';
  readonly read: (run: StoredRun) => JsonValue | undefined;
}

/** A value that a run may or may not have, a row of `run_values`. */
export interface ValueField {
  readonly source: 'config' | 'summary';
  /** Members of nested objects are joined by a dot. */
  readonly key: string;
}

export interface TagField {
  readonly source: 'tag';
}

export type RunField = ColumnField | ValueField | TagField;

/** Statuses that a run of a store can have. */
export const STORED_STATUSES = ['running', 'finished', 'failed', 'crashed', 'unknown'] as const;

const column = (name: string, type: ColumnField['type'], read: ColumnField['read']): ColumnField => ({
  source: 'column',
  column: name,
  type,
  read,
});

const COLUMN_FIELDS: ReadonlyMap<string, ColumnField> = new Map([
  ['id', column('run_id', 'text', (run) => run.id)],
  ['project', column('project', 'text', (run) => run.project)],
  ['name', column('name', 'text', (run) => run.name)],
  ['status', column('status', 'status', (run) => run.status)],
  ['started', column('started_at', 'time', (run) => run.startedAt)],
  ['ended', column('ended_at', 'time', (run) => run.endedAt)],
  ['duration', column('duration_secs', 'number', (run) => run.durationSecs)],
  ['steps', column('total_steps', 'number', (run) => run.totalSteps)],
  ['group', column('run_group', 'text', (run) => run.group)],
  ['job_type', column('job_type', 'text', (run) => run.jobType)],
  ['entity', column('entity', 'text', (run) => run.entity)],
  ['notes', column('notes', 'text', (run) => run.notes)],
  ['host', column('host', 'text', (run) => run.host)],
  ['git.branch', column('git_branch', 'text', (run) => run.git?.branch)],
  ['git.commit', column('git_commit', 'text', (run) => run.git?.commit)],
  ['git.dirty', column('git_dirty', 'flag', (run) => run.git?.dirty)],
  ['git.message', column('git_message', 'text', (run) => run.git?.message)],
]);

/** All fields by name, the last two standing for as many as runs have values. */
export const RUN_FIELD_NAMES: readonly string[] = [...COLUMN_FIELDS.keys(), 'tag', 'config.<key>', 'summary.<key>'];

const VALUE_FIELD = /^(?<source>config|summary)\.(?:(?<quote>["'])(?<quoted>.*)\k<quote>|(?<key>.+))$/su;

/**
 * Everything after the first dot of `config.` and `summary.` is the key, slashes and dots too; it may be quoted, which takes
 * it as it is: `summary."a > b"`.
 *
 * @throws QueryError where there is no such field, with the nearest there is.
 */
export function parseRunField(name: string): RunField {
  const known = COLUMN_FIELDS.get(name);
  if (known !== undefined) return known;
  if (name === 'tag') return { source: 'tag' };
  const { source, quoted, key = quoted } = VALUE_FIELD.exec(name)?.groups ?? {};
  if ((source === 'config' || source === 'summary') && key !== undefined) return { source, key: checkedText(key) };
  throw new QueryError(
    `there is no field ${JSON.stringify(name)}${suggestion(name)} (fields: ${RUN_FIELD_NAMES.join(', ')})`,
  );
}

/** What the run has there; undefined where it has nothing. Of tags a list of all. */
export function runFieldValue(run: StoredRun, field: RunField): JsonValue | undefined {
  switch (field.source) {
    case 'column':
      return field.read(run);
    case 'tag':
      return run.tags.length === 0 ? undefined : run.tags;
    case 'config':
      return nestedValue(run.config, field.key);
    case 'summary':
      return Object.hasOwn(run.summary, field.key) ? run.summary[field.key] : undefined;
    default:
      return field satisfies never;
  }
}

/** Values of a configuration by the keys that fields name them by: members of nested objects, joined by dots. */
export function configValues(config: JsonObject, path: string = ''): readonly (readonly [string, JsonValue])[] {
  return Object.entries(config).flatMap(([name, value]) =>
    isJsonObject(value) ? configValues(value, `${path}${name}.`) : [[`${path}${name}`, value] as const],
  );
}

/** Neither database holds NUL characters in a text. */
export function checkedText(text: string): string {
  if (text.includes('\0')) throw new QueryError('a store holds no text with NUL characters');
  return text;
}

/** A member by its own name, or by the names on the way to it joined by dots, of which each may hold dots itself. */
function nestedValue(object: JsonObject, key: string): JsonValue | undefined {
  if (Object.hasOwn(object, key)) return object[key];
  for (let dot = key.indexOf('.'); dot !== -1; dot = key.indexOf('.', dot + 1)) {
    const name = key.slice(0, dot);
    const member = Object.hasOwn(object, name) ? object[name] : undefined;
    const found = isJsonObject(member) ? nestedValue(member, key.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function suggestion(name: string): string {
  const [section = '', ...rest] = name.split('.');
  const known = [...COLUMN_FIELDS.keys(), 'tag'];
  const sections = rest.join('') === '' ? [] : [...known, 'config', 'summary'];
  const close = closestName(name, known) ?? closestName(section, sections);
  if (close === undefined) return '';
  return `; did you mean ${close === 'config' || close === 'summary' ? [close, ...rest].join('.') : close}?`;
}
