// What comes after a death in every cell: recovery to the end, the judgement, and that doing it once more changes nothing.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { owedRecords } from '@runcast/delivery';
import { runDirectory } from '@runcast/runlog';
import type { Round } from './cell.ts';
import { deliverRun } from './deliver-run.ts';
import { readReturnedSteps } from './returned-steps.ts';
import {
  eventFiles,
  eventProblems,
  logProblems,
  readWriterLogs,
  returnedStepProblems,
  rowProblems,
  type WriterLog,
} from './run-audit.ts';
import { storeContent, storeProblems } from './store-audit.ts';
import {
  DEFAULT_SETTINGS,
  returnedStepsFile,
  rowsFolder,
  runsFolder,
  type Pace,
  type SinkName,
  type TrainerSettings,
} from './trainer-settings.ts';

const DELIVERY_TIMEOUT_MS = 30_000;
/** What a trainer may lose that logs without a pause: a batch that was not full. */
const FLAT_OUT_TOLERANCE = 31;

export interface Trainer {
  readonly name: string;
  readonly pace: Pace;
}

export function settingsFor(folder: string, given: Partial<TrainerSettings> = {}): TrainerSettings {
  return { ...DEFAULT_SETTINGS, folder, ...given };
}

/** Recovers the run to its end and says what is wrong with it then. */
export async function recoverAndAudit(
  settings: TrainerSettings,
  trainers: readonly Trainer[],
  { judged }: Pick<Round, 'judged'>,
): Promise<readonly string[]> {
  if (!existsSync(runDirectory(runsFolder(settings.folder), settings.runId).manifestFile)) return [];
  const settlements = await deliverRun(settings, DELIVERY_TIMEOUT_MS);
  const owing = settlements
    .filter(({ reason }) => reason !== undefined)
    .map(({ sink, owedRecords: owed, reason }) => `${sink}: still owed ${owed} after recovery: ${reason}`);
  const logs = readWriterLogs(settings.folder, settings.runId);
  const problems = [...owing, ...audit(settings, trainers), ...(await storeProblems(settings, logs))];
  judged(logs.reduce((sum, { records }) => sum + records.length, 0));
  if (problems.length > 0) return problems;
  const before = await digest(settings);
  await deliverRun(settings, DELIVERY_TIMEOUT_MS);
  return (await digest(settings)) === before ? [] : ['delivering once more changed what the sinks hold'];
}

/** What is wrong with the log, and with each sink against it. */
export function audit(settings: TrainerSettings, trainers: readonly Trainer[]): readonly string[] {
  const { folder, runId } = settings;
  const logs = readWriterLogs(folder, runId);
  return [
    ...logProblems(logs),
    ...trainers.flatMap((trainer) => returnedProblems(folder, logs, trainer)),
    ...sinkProblems(settings, logs),
  ];
}

/** Steps of a trainer whose calls had returned and that are not in the log. */
export function returnedProblems(
  folder: string,
  logs: readonly WriterLog[],
  { name, pace }: Trainer,
): readonly string[] {
  const returned = readReturnedSteps(returnedStepsFile(folder, name));
  return returnedStepProblems(logs, name, returned, pace === 'flat-out' ? FLAT_OUT_TOLERANCE : 0);
}

/** What is wrong with the sinks of these names against the log, and with what the cursors say of them. */
export function sinkProblems(
  { folder, runId, sinks }: Pick<TrainerSettings, 'folder' | 'runId' | 'sinks'>,
  logs: readonly WriterLog[],
): readonly string[] {
  const has = (name: SinkName): boolean => sinks.includes(name);
  const audited = [
    has('jsonl') || has('faulty-jsonl') ? 'jsonl' : '',
    has('tensorboard') || has('faulty-tensorboard') || has('tfjs-tensorboard') ? 'tensorboard' : '',
    has('sqlite') || has('postgres') ? 'store' : '',
  ];
  const named = audited.filter((name) => name !== '');
  const owed = owedRecords(runDirectory(runsFolder(folder), runId), named);
  return [
    ...(named.includes('jsonl') ? rowProblems(folder, runId, logs) : []),
    ...(named.includes('tensorboard') ? eventProblems(folder, runId, logs) : []),
    ...[...owed].flatMap(([sink, records]) =>
      records === 0 ? [] : [`${sink}: its cursor says that ${records} are owed`],
    ),
  ];
}

/** Of everything that the local sinks have written, and the store's. */
async function digest(settings: TrainerSettings): Promise<string> {
  const { folder, runId } = settings;
  const hash = createHash('sha256');
  const rows = path.join(rowsFolder(folder), `${runId}.jsonl`);
  for (const file of [rows, ...eventFiles(folder, runId)].filter((name) => existsSync(name)))
    hash.update(file).update(readFileSync(file));
  return hash.update(await storeContent(settings)).digest('hex');
}
