/**
 * Records as stream entries: flat fields that any language reads with a plain XREAD, all of them text.
 *
 * | field | holds | there in |
 * | --- | --- | --- |
 * | `kind` | what is recorded: `step`, `epoch`, `close` … | every entry |
 * | `run`, `writer` | whose it is | every entry |
 * | `seq` | place among the writer's records, from 0 | every entry |
 * | `time` | Unix seconds | every entry |
 * | `n` | which `logStep` call of the writer it was | steps |
 * | `step`, `epoch` | the x of its curves | records that have one |
 * | `metrics` | JSON: values by canonical key | records that have metrics |
 * | `data` | JSON: all else the record says | records that say more |
 *
 * Nothing of a record is lost: `decodeEntry` gives it back. Its format's version is 1, and a later one would be a field.
 */

import { scalarText, splitStepLine, type RunRecord, type ScalarMap } from '@runcast/core';

/** Names of what the script is given of each record, in this order, those that are absent as empty text. */
const COLUMNS = ['kind', 'seq', 'time', 'n', 'step', 'epoch', 'metrics', 'data'] as const;
type Columns = readonly [string, string, string, string, string, string, string, string];

/** Neither occurs in a kind, a number or JSON text, where control characters are escaped. */
export const COLUMN_END = '\u001F';
export const RECORD_END = '\u001E';

/** Field names and values of the entry that a record becomes, as XADD takes them. */
export function encodeEntry(run: string, writer: string, record: RunRecord): readonly string[] {
  const [kind, ...columns] = columnsOf(record);
  const fields = columns.flatMap((value, index) => (value === '' ? [] : [COLUMNS[index + 1] ?? '', value]));
  return ['kind', kind, 'run', run, 'writer', writer, ...fields];
}

/**
 * Records for the script that adds them: one text, since a client spends most of its time on the number of arguments. A step
 * is its line of the log, if that is what {@link splitStepLine} knows; all else is columns.
 */
export function packRecords(records: readonly RunRecord[], lines: readonly string[] | undefined): string {
  const packed = records.map((record, index) => plainStep(lines?.[index]) ?? columnsOf(record).join(COLUMN_END));
  return packed.join(RECORD_END) + RECORD_END;
}

function plainStep(line: string | undefined): string | undefined {
  return line === undefined || splitStepLine(line) === undefined ? undefined : line;
}

function columnsOf(record: RunRecord): Columns {
  const { kind, seq, time } = record;
  const rest = new Map<string, unknown>(Object.entries(record));
  const take = (name: string): unknown => {
    const value = rest.get(name);
    rest.delete(name);
    return value;
  };
  // The step of a metric's definition is a key, and stays with the rest.
  const takeNumber = (name: string): string => (typeof rest.get(name) === 'number' ? String(take(name)) : '');
  for (const name of ['v', 'kind', 'seq', 'time']) take(name);
  const [n, step, epoch] = [takeNumber('n'), takeNumber('step'), takeNumber('epoch')];
  const metrics = 'metrics' in record ? metricsText(record.metrics) : '';
  take('metrics');
  const data = rest.size === 0 ? '' : JSON.stringify(Object.fromEntries(rest));
  return [kind, `${seq}`, `${time}`, n, step, epoch, metrics, data];
}

/** As the log has them. */
function metricsText(metrics: ScalarMap): string {
  return `{${Object.entries(metrics)
    .map(([key, value]) => `${JSON.stringify(key)}:${scalarText(value)}`)
    .join(',')}}`;
}
