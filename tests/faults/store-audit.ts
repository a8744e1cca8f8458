// Judges what a run store holds against the log, by SQL: every record once, a writer's numbers without gaps, the run's row and
// its key metrics.
import { isDeepStrictEqual } from 'node:util';
import type { RunRecord, Scalar } from '@runcast/core';
import { expectedRecord, queryStore, recordText, storedRecords, storedRun } from '../support/stored-rows.ts';
import type { WriterLog } from './run-audit.ts';
import { storeUrl, type TrainerSettings } from './trainer-settings.ts';

/** Of those that the sink holds as numbers by default, the one that trainers log. */
const KEY_METRIC = 'train/loss';

type StoreSettings = Pick<TrainerSettings, 'folder' | 'runId' | 'sinks' | 'backend'>;

/** What is wrong with the run in the store; nothing where there is no store. */
export async function storeProblems(settings: StoreSettings, logs: readonly WriterLog[]): Promise<readonly string[]> {
  const url = storeUrl(settings);
  if (url === undefined) return [];
  const { runId } = settings;
  const records = logs.flatMap((log) => log.records);
  // A trainer that was killed while it started may have left nothing.
  if (records.length === 0) return [];
  const held = Map.groupBy(await storedRecords(url, runId), ({ writer }) => writer);
  const known = new Set(logs.map(({ writer }) => writer));
  const problems = [
    ...[...held.keys()].filter((writer) => !known.has(writer)).map((writer) => `${writer} is no writer of the run`),
    ...logs.flatMap(({ writer, records: logged }) => {
      const rows = held.get(writer) ?? [];
      if (rows.length !== logged.length) return [`${writer} has ${rows.length} rows of ${logged.length} records`];
      const at = logged.findIndex((record, index) => {
        const row = rows[index];
        return row === undefined || recordText(row) !== recordText(expectedRecord(writer, record));
      });
      return at < 0 ? [] : [`${writer} differs from its log at record ${at}`];
    }),
    ...(await positionProblems(url, runId, logs)),
    ...(await runProblems(url, runId, logs)),
    ...(await keyMetricProblems(url, runId, records)),
  ];
  return problems.map((problem) => `store: ${problem}`);
}

async function positionProblems(url: string, runId: string, logs: readonly WriterLog[]): Promise<readonly string[]> {
  const rows = await queryStore(url, 'SELECT writer, seq FROM positions WHERE run_id = ?', runId);
  const positions = new Map(rows.map(({ writer, seq }) => [String(writer), Number(seq)]));
  return logs.flatMap(({ writer, records }) => {
    const [position, last] = [positions.get(writer), records.at(-1)?.seq];
    return position === last ? [] : [`the position of ${writer} is ${position}, and its last record ${last}`];
  });
}

/** How the run ended, how many steps it has, and what its summary says. */
async function runProblems(url: string, runId: string, logs: readonly WriterLog[]): Promise<readonly string[]> {
  const run = await storedRun(url, runId);
  if (run === undefined) return ['there is no row of the run'];
  const { row, summary } = run;
  const records = logs.flatMap((log) => log.records);
  const steps = records.filter(({ kind }) => kind === 'step').length;
  const indexed = await queryStore(
    url,
    "SELECT key, number FROM run_values WHERE run_id = ? AND section = 'summary' ORDER BY key",
    runId,
  );
  const index = Object.fromEntries(indexed.map(({ key, number }) => [String(key), number]));
  return [
    ...(statusesOf(records).includes(String(row['status'])) ? [] : [`the run is ${String(row['status'])}`]),
    ...(Number(row['total_steps']) === steps ? [] : [`total_steps is ${String(row['total_steps'])} of ${steps}`]),
    ...summaryProblems(summary, logs),
    ...(isDeepStrictEqual(index, { ...summary }) ? [] : [`run_values has the summary ${JSON.stringify(index)}`]),
  ];
}

/** How the run may stand: it ended, unless somebody has opened it since; `runcast sync` says that it crashed. */
function statusesOf(records: readonly RunRecord[]): readonly string[] {
  const openedAt = lastTime(records, (record) => record.kind === 'open' && record.role === 'owner');
  const endedAt = lastTime(records, (record) => record.kind === 'close' && record.final);
  return endedAt > openedAt ? ['finished', 'failed'] : ['running', 'crashed'];
}

function lastTime(records: readonly RunRecord[], isMeant: (record: RunRecord) => boolean): number {
  return Math.max(-Infinity, ...records.filter((record) => isMeant(record)).map(({ time }) => time));
}

/** Of a key, the last value of one of its writers: which of them was delivered last is not said. */
function summaryProblems(summary: Readonly<Record<string, unknown>>, logs: readonly WriterLog[]): readonly string[] {
  const lastOfWriters = logs.map(({ records }) => lastValues(records));
  const keys = new Set(lastOfWriters.flatMap((last) => [...last.keys()]));
  return [
    ...Object.keys(summary).filter((key) => !keys.has(key)),
    ...[...keys].filter((key) => !lastOfWriters.some((last) => last.has(key) && last.get(key) === summary[key])),
  ].map((key) => `${key} is ${String(summary[key])} in the summary`);
}

function lastValues(records: readonly RunRecord[]): ReadonlyMap<string, Scalar> {
  return new Map(records.flatMap((record) => ('metrics' in record ? Object.entries(record.metrics) : [])));
}

/** Each step once, with a value that was logged there. */
async function keyMetricProblems(
  url: string,
  runId: string,
  records: readonly RunRecord[],
): Promise<readonly string[]> {
  const logged = new Map<number, Scalar[]>();
  for (const record of records)
    if (record.kind === 'step' && KEY_METRIC in record.metrics)
      logged.set(record.step, [...(logged.get(record.step) ?? []), record.metrics[KEY_METRIC] ?? 'NaN']);
  const rows = await queryStore(
    url,
    "SELECT step, value FROM key_metrics WHERE run_id = ? AND key = ? AND axis = 'step'",
    runId,
    KEY_METRIC,
  );
  const wrong = rows.filter(({ step, value }) => logged.get(Number(step))?.includes(Number(value)) !== true);
  return [
    ...(rows.length === logged.size ? [] : [`${KEY_METRIC} has ${rows.length} values at ${logged.size} steps`]),
    ...wrong.slice(0, 1).map(({ step, value }) => `${KEY_METRIC} is ${String(value)} at step ${String(step)}`),
  ];
}

/** All that the store holds of the run but for when it was last heard of. */
export async function storeContent(settings: StoreSettings): Promise<string> {
  const url = storeUrl(settings);
  if (url === undefined) return '';
  const { runId } = settings;
  const run = await storedRun(url, runId);
  return JSON.stringify([
    (await storedRecords(url, runId)).map((record) => recordText(record)),
    await queryStore(url, 'SELECT * FROM key_metrics WHERE run_id = ? ORDER BY key, axis, step', runId),
    await queryStore(url, 'SELECT * FROM positions WHERE run_id = ? ORDER BY writer', runId),
    run?.row['status'],
    run?.config,
    run?.summary,
    run?.tags,
  ]);
}
