/**
 * From a stream's entry back to a record, as a line of a run's log. Anybody may add to a stream, so nothing is believed: what
 * is not a record of a run is said to be none, and why.
 */

import { checkRunId, parseRecord, RECORD_VERSION, type RunRecord } from '@runcast/core';

/** A line of a writer's log. Both names are fit to name files. */
export interface StreamLine {
  readonly run: string;
  readonly writer: string;
  readonly seq: number;
  /** The record as one line of JSON, without the line's end. */
  readonly line: string;
  /** Left out of a step that needed not to be parsed. */
  readonly record?: RunRecord;
}

export interface StreamRecord extends StreamLine {
  readonly record: RunRecord;
}

export type DecodedEntry = ({ readonly ok: true } & StreamRecord) | { readonly ok: false; readonly problem: string };

/**
 * @param entry Field names and values in turn, as Redis returns them; a name that comes twice counts once. Never throws.
 */
export function decodeEntry(entry: readonly string[]): DecodedEntry {
  const fields = fieldsOf(entry);
  const [kind, run, writer] = [fields.get('kind'), fields.get('run'), fields.get('writer')];
  if (kind === undefined || run === undefined || writer === undefined)
    return { ok: false, problem: 'has no kind, run or writer: it is not an entry of Runcast' };
  const nameProblem = problemOfName('run', run) ?? problemOfName('writer', writer);
  if (nameProblem !== undefined) return { ok: false, problem: nameProblem };
  const line = lineOf(kind, fields);
  const parsed = parseRecord(line);
  if (!parsed.ok) return { ok: false, problem: parsed.problem };
  const { record } = parsed;
  // JSON fields are put into the line as they are; one that says more than its own would change what the others say.
  if (record.kind !== kind || String(record.seq) !== fields.get('seq'))
    return { ok: false, problem: 'contradicts itself' };
  // White space is all that JSON may hold in vain, and a line's end in it would make two lines of one record.
  const ownLine = /[\n\r]/u.test(line) ? JSON.stringify(record) : line;
  return { ok: true, run, writer, seq: record.seq, record, line: ownLine };
}

/** Surely names that are fit, and most of those there are: the check itself takes longer than all the rest. */
const PLAIN_NAME = /^[a-z\d][\w-]{5,99}$/iu;

/** Why a run or writer cannot be called that; undefined where it can. */
export function problemOfName(field: 'run' | 'writer', value: string): string | undefined {
  if (PLAIN_NAME.test(value)) return undefined;
  const problem = checkRunId(value);
  return problem === undefined ? undefined : `has a ${field} that ${problem}`;
}

function fieldsOf(entry: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (let index = 0; index < entry.length; index += 2) {
    const [name, value] = entry.slice(index, index + 2);
    if (name !== undefined && value !== undefined && !fields.has(name)) fields.set(name, value);
  }
  return fields;
}

function lineOf(kind: string, fields: ReadonlyMap<string, string>): string {
  const member = (name: string): string => {
    const text = fields.get(name);
    return text === undefined ? '' : `,"${name}":${text}`;
  };
  const data = fields.get('data');
  const head = `{"v":${RECORD_VERSION},"seq":${fields.get('seq') ?? 'null'},"time":${fields.get('time') ?? 'null'},"kind":${JSON.stringify(kind)}`;
  const members = ['n', 'step', 'epoch', 'metrics'].map(member).join('');
  return `${head}${members}${data === undefined ? '}' : `,${data.slice(1)}`}`;
}
