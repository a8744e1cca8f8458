/**
 * From a stream's entry back to a record, as a line of a run's log. Anybody may add to a stream, so nothing is believed: what
 * is not a record of a run is said to be none, and why.
 */

import { checkRunId, parseRecord, RECORD_VERSION, type RunRecord } from '@runcast/core';

/** A record and whose it is. Both names are fit to name files. */
export interface StreamRecord {
  readonly run: string;
  readonly writer: string;
  readonly record: RunRecord;
  /** The record as one line of JSON, without the line's end. */
  readonly line: string;
}

export type DecodedEntry = ({ readonly ok: true } & StreamRecord) | { readonly ok: false; readonly problem: string };

/**
 * @param entry Field names and values in turn, as Redis returns them; a name that comes twice counts once. Never throws.
 */
export function decodeEntry(entry: readonly string[]): DecodedEntry {
  const kind = fieldOf(entry, 'kind', 0);
  const run = fieldOf(entry, 'run', 1);
  const writer = fieldOf(entry, 'writer', 2);
  if (kind === undefined || run === undefined || writer === undefined)
    return { ok: false, problem: 'has no kind, run or writer: it is not an entry of Runcast' };
  const nameProblem = named('run', run) ?? named('writer', writer);
  if (nameProblem !== undefined) return { ok: false, problem: nameProblem };
  const seq = fieldOf(entry, 'seq', 3);
  const line = lineOf(kind, seq, entry);
  const parsed = parseRecord(line);
  if (!parsed.ok) return { ok: false, problem: parsed.problem };
  const { record } = parsed;
  // JSON fields are put into the line as they are; one that says more than its own would change what the others say.
  if (record.kind !== kind || String(record.seq) !== seq) return { ok: false, problem: 'contradicts itself' };
  // White space is all that JSON may hold in vain, and a line's end in it would make two lines of one record.
  return { ok: true, run, writer, record, line: /[\n\r]/u.test(line) ? JSON.stringify(record) : line };
}

/** @param place Where the sink puts it in the entry of a step, counted in fields: a relay reads hundreds of thousands of these. */
function fieldOf(entry: readonly string[], name: string, place: number): string | undefined {
  if (entry[place * 2] === name) return entry[place * 2 + 1];
  for (let index = 0; index < entry.length; index += 2) if (entry[index] === name) return entry[index + 1];
  return undefined;
}

/** Surely names that are fit, and most of those there are: the check itself takes longer than all the rest. */
const PLAIN_NAME = /^[a-z\d][\w-]{5,99}$/iu;

function named(field: string, value: string): string | undefined {
  if (PLAIN_NAME.test(value)) return undefined;
  const problem = checkRunId(value);
  return problem === undefined ? undefined : `has a ${field} that ${problem}`;
}

function lineOf(kind: string, seq: string | undefined, entry: readonly string[]): string {
  const member = (name: string, place: number): string => {
    const text = fieldOf(entry, name, place);
    return text === undefined ? '' : `,"${name}":${text}`;
  };
  const data = fieldOf(entry, 'data', 8);
  const head = `{"v":${RECORD_VERSION},"seq":${seq ?? 'null'},"time":${fieldOf(entry, 'time', 4) ?? 'null'},"kind":${JSON.stringify(kind)}`;
  const members = member('n', 5) + member('step', 6) + member('epoch', 7) + member('metrics', 7);
  return `${head}${members}${data === undefined ? '}' : `,${data.slice(1)}`}`;
}
