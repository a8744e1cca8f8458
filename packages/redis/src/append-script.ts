/**
 * The script that makes delivery exactly-once: entries are added and the writer's last `seq` is moved in one step that the
 * server does whole or not at all, in memory, in its append-only file and on its replicas.
 */

import { linesOf, type RecordBatch } from '@runcast/core';
import { packRecords } from './encode.ts';

/**
 * Adds the records that are not there yet; none where the server has less of the writer than the caller has been told it
 * has. Returns the writer's last `seq` as it was before, -1 where there was none.
 *
 * KEYS: stream, hash of positions. ARGV: field of the hash, run, writer, least `seq` that must be there, `seq` to move to,
 * packed records, and what `trimming` takes.
 */
const appendScript = (trimming: string): string => `
local last = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '-1')
if last < tonumber(ARGV[4]) or last >= tonumber(ARGV[5]) then return last end
local run, writer, packed = ARGV[2], ARGV[3], ARGV[6]
local line = '^{"v":1,"seq":(%d+),"time":([%d.]+),"kind":"step","n":(%d+),"step":(%d+),"metrics":(%b{})}\\30()'
local columns = '^' .. string.rep('([^\\31]*)\\31', 7) .. '([^\\30]*)\\30()'
local place = 1
while place <= #packed do
  local seq, time, n, step, metrics, behind = string.match(packed, line, place)
  if seq then
    if tonumber(seq) > last then
      redis.call('XADD', KEYS[1], ${trimming}'*', 'kind', 'step', 'run', run, 'writer', writer,
        'seq', seq, 'time', time, 'n', n, 'step', step, 'metrics', metrics)
    end
  else
    local kind, epoch, data
    kind, seq, time, n, step, epoch, metrics, data, behind = string.match(packed, columns, place)
    if tonumber(seq) > last then
      local fields = {'kind', kind, 'run', run, 'writer', writer, 'seq', seq, 'time', time}
      local function add(name, value)
        if value ~= '' then
          fields[#fields + 1] = name
          fields[#fields + 1] = value
        end
      end
      add('n', n)
      add('step', step)
      add('epoch', epoch)
      add('metrics', metrics)
      add('data', data)
      redis.call('XADD', KEYS[1], ${trimming}'*', unpack(fields))
    end
  end
  place = behind
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[5])
return last
`;

const APPEND = appendScript('');
/** Each option of XADD costs the server as much as a field. */
const APPEND_AND_TRIM = appendScript("'MAXLEN', '~', ARGV[7], ");

/** Records a call: the script runs for about a millisecond, in which the server does nothing else. */
const MAX_RECORDS = 500;

/** One call of the script. */
export interface AppendCall {
  readonly args: readonly (string | number)[];
  /** What the server must have of the writer for the call to count. */
  readonly expected: number;
}

export interface AppendTarget {
  readonly stream: string;
  readonly maxLen: number | null;
  readonly run: string;
}

/**
 * The calls that a batch takes, each from where the one before it ends, made one after another: the server works on one while
 * the next is packed. `expected` is what the server is known to have.
 */
export function* appendCalls(
  target: AppendTarget,
  batch: RecordBatch,
  expected: number,
): Generator<AppendCall, undefined> {
  const { stream, maxLen, run } = target;
  const { writer, records } = batch;
  const lines = linesOf(batch);
  const script = maxLen === null ? APPEND : APPEND_AND_TRIM;
  const keys = [stream, positionsKey(stream)];
  const lengths = maxLen === null ? [] : [maxLen];
  let known = expected;
  for (let start = 0; start < records.length; start += MAX_RECORDS) {
    const part = records.slice(start, start + MAX_RECORDS);
    const packed = packRecords(part, lines?.slice(start, start + MAX_RECORDS));
    // The last call moves to the batch's end, which may lie behind records that the sink does not take.
    const to = start + MAX_RECORDS < records.length ? (part.at(-1)?.seq ?? known) : batch.to;
    const args = [positionField(run, writer), run, writer, known, to, packed, ...lengths];
    yield { args: [script, keys.length, ...keys, ...args], expected: known };
    known = to;
  }
}

/** The hash beside a stream that holds the last `seq` of each writer. */
export function positionsKey(stream: string): string {
  return keyBeside(stream, 'positions');
}

/** A key for what belongs to a stream. Where the server is one of a cluster, the braces put both into one slot. */
export function keyBeside(stream: string, name: string): string {
  return `${stream.includes('{') ? stream : `{${stream}}`}:${name}`;
}

/** No run id holds a slash. */
export function positionField(run: string, writer: string): string {
  return `${run}/${writer}`;
}
