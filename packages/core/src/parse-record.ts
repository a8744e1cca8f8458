/**
 * From a line of a log back to a record. Logs are written by us but live on disks, get edited, concatenated and cut, and
 * later versions add kinds, so nothing is believed unchecked. The checks are by hand since they run for every record of
 * every run: a schema library takes three times as long as the JSON parser itself.
 */

import {
  ALERT_LEVELS,
  IMAGE_FORMATS,
  RECORD_KINDS,
  RECORD_VERSION,
  RUN_STATUSES,
  SUMMARY_RULES,
  type RecordKind,
  type RunRecord,
} from './record.ts';
import { isScalar } from './scalar.ts';

export type ParseResult =
  { readonly ok: true; readonly record: RunRecord } | { readonly ok: false; readonly problem: string };

type Fields = Readonly<Record<string, unknown>>;
type Check = (fields: Fields) => boolean;

/** Parses one line, without its newline. Never throws. Members that a later version added are kept. */
export function parseRecord(line: string): ParseResult {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { ok: false, problem: line.includes('\0') ? 'holds NUL bytes' : 'is not JSON' };
  }
  if (!isFields(value)) return { ok: false, problem: 'is not an object' };
  if (value['v'] !== RECORD_VERSION)
    return { ok: false, problem: `has version ${shown(value['v'])}, not ${RECORD_VERSION}` };
  if (!isKind(value['kind'])) return { ok: false, problem: `is of an unknown kind, ${shown(value['kind'])}` };
  return isRunRecord(value)
    ? { ok: true, record: value }
    : { ok: false, problem: `is not a complete ${value['kind']} record` };
}

function isRunRecord(value: unknown): value is RunRecord {
  return (
    isFields(value) &&
    isCount(value['seq']) &&
    typeof value['time'] === 'number' &&
    isKind(value['kind']) &&
    CHECKS[value['kind']](value)
  );
}

/** What was found instead, in a few characters. Objects are not shown: they may be deep, and have a toString of their own. */
function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value).slice(0, 40);
}

const KINDS: ReadonlySet<unknown> = new Set(RECORD_KINDS);

function isKind(value: unknown): value is RecordKind {
  return KINDS.has(value);
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const optional =
  (check: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || check(value);
const isArrayOf =
  (check: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every((item) => check(item));
const isOneOf =
  (allowed: readonly unknown[]) =>
  (value: unknown): boolean =>
    allowed.includes(value);
const isFlag = isOneOf([true, false]);
const isTexts = isArrayOf(isText);
const isNumbers = isArrayOf(isNumber);
const isOptionalStep = optional(isCount);
const isOptionalText = optional(isText);

function isScalars(value: unknown): boolean {
  if (!isFields(value)) return false;
  for (const key of Object.keys(value)) if (!isScalar(value[key])) return false;
  return true;
}

function isPrimitives(value: unknown): boolean {
  return (
    isFields(value) &&
    Object.values(value).every((member) => member === null || ['string', 'number', 'boolean'].includes(typeof member))
  );
}

/** A path that stays below where it starts: a log from elsewhere must not make a sink read or name other files. */
const isInnerPath = (value: unknown): boolean =>
  typeof value === 'string' &&
  value.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');

const isStoredFile: Check = (fields) => isInnerPath(fields['blob']) && isCount(fields['bytes']);
const isFileEntry = (value: unknown): boolean => isFields(value) && isInnerPath(value['path']) && isStoredFile(value);
const isGit = (value: unknown): boolean =>
  isFields(value) &&
  isText(value['commit']) &&
  isOptionalText(value['branch']) &&
  isOptionalText(value['message']) &&
  isOptionalText(value['remote']) &&
  optional(isFlag)(value['dirty']);
const isKeyed: Check = (fields) => isText(fields['key']) && isOptionalStep(fields['step']);

const CHECKS: Readonly<Record<RecordKind, Check>> = {
  open: (fields) =>
    isText(fields['run']) &&
    isText(fields['writer']) &&
    isText(fields['host']) &&
    isNumber(fields['pid']) &&
    (fields['role'] === 'owner' || fields['role'] === 'member') &&
    isFields(fields['config']) &&
    optional(isTexts)(fields['tags']) &&
    optional(isTexts)(fields['argv']) &&
    optional(isGit)(fields['git']) &&
    optional(isFlag)(fields['resumed']) &&
    isOptionalStep(fields['resume_step']) &&
    ['project', 'name', 'entity', 'group', 'job_type', 'notes'].every((name) => isOptionalText(fields[name])),
  step: (fields) => isCount(fields['n']) && isCount(fields['step']) && isScalars(fields['metrics']),
  epoch: (fields) => isCount(fields['epoch']) && isScalars(fields['metrics']),
  validation: (fields) => isCount(fields['epoch']) && isScalars(fields['metrics']),
  final: (fields) => isScalars(fields['metrics']) && isOptionalStep(fields['total_steps']),
  log: (fields) => isScalars(fields['metrics']) && isOptionalStep(fields['step']) && isOptionalText(fields['series']),
  hparams: (fields) => isPrimitives(fields['hparams']),
  config: (fields) => isFields(fields['config']),
  tags: (fields) => isTexts(fields['tags']),
  define_metric: (fields) =>
    isText(fields['metric']) && isOptionalText(fields['step']) && optional(isOneOf(SUMMARY_RULES))(fields['summary']),
  summary: (fields) => isPrimitives(fields['summary']),
  table: (fields) => isKeyed(fields) && isTexts(fields['columns']) && isArrayOf(Array.isArray)(fields['rows']),
  bar_chart: (fields) => isKeyed(fields) && isScalars(fields['bars']),
  histogram: (fields) =>
    isKeyed(fields) && isNumbers(fields['edges']) && isNumbers(fields['counts']) && isCount(fields['non_finite']),
  image: (fields) =>
    isKeyed(fields) &&
    isStoredFile(fields) &&
    isText(fields['sha256']) &&
    isOneOf(IMAGE_FORMATS)(fields['format']) &&
    optional(isCount)(fields['width']) &&
    optional(isCount)(fields['height']) &&
    isOptionalText(fields['caption']),
  text: (fields) => isKeyed(fields) && isText(fields['text']),
  file: (fields) => isFileEntry(fields),
  artifact: (fields) =>
    isText(fields['name']) &&
    isText(fields['type']) &&
    isArrayOf(isFileEntry)(fields['files']) &&
    isTexts(fields['aliases']) &&
    isFields(fields['metadata']),
  alert: (fields) => isText(fields['title']) && isText(fields['text']) && isOneOf(ALERT_LEVELS)(fields['level']),
  system: (fields) => isScalars(fields['metrics']),
  close: (fields) => isOneOf(RUN_STATUSES)(fields['status']) && isFlag(fields['final']),
};
