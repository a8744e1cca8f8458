// A disk that fails under a living trainer: the log's, a sink's, the cursors'. Training goes on, the other sinks do not
// notice, and what the failing one is owed is said or delivered.
import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import path from 'node:path';
import { errorCode } from '@runcast/core';
import { runDirectory } from '@runcast/runlog';
import type { Cell, Round } from './cell.ts';
import { startTrainer, type ChildProgram } from './child-program.ts';
import { recoverAndAudit, settingsFor, sinkProblems } from './recovery.ts';
import { readWriterLogs } from './run-audit.ts';
import { eventsFolder, faultSwitch, rowsFolder, runsFolder, type Host, type SinkName } from './trainer-settings.ts';

const CODES = ['ENOSPC', 'EIO', 'EACCES'] as const;
const HOSTS = ['worker', 'inline'] as const;
const SINKS: readonly SinkName[] = ['jsonl', 'tensorboard'];
const RUN_ID = 'run-1';

/** What is switched on and off under the trainer, and which sinks may suffer from it. */
interface DiskFault {
  readonly name: string;
  readonly sinks: readonly SinkName[];
  readonly suffering: readonly SinkName[];
  readonly long: boolean;
  begin(folder: string, pid: number): void;
  end(folder: string, pid: number): void;
}

const FAULTS: readonly DiskFault[] = [
  ...CODES.map((code) => switched(code, 'log', SINKS)),
  ...CODES.map((code) => switched(code, 'jsonl', ['faulty-jsonl', 'tensorboard'])),
  ...CODES.map((code) => switched(code, 'tensorboard', ['jsonl', 'faulty-tensorboard'])),
  {
    name: 'cursors cannot be stored (EISDIR)',
    sinks: SINKS,
    suffering: SINKS,
    long: false,
    // A cursor is drafted beside its file; a directory of the draft's name is in the way.
    begin: (folder, pid) => {
      for (const sink of SINKS) makeInTheWay(cursorDraft(folder, sink, pid));
    },
    end: (folder, pid) => {
      for (const sink of SINKS) rmdirSync(cursorDraft(folder, sink, pid));
    },
  },
  {
    name: 'the cursors’ directory is removed',
    sinks: SINKS,
    suffering: SINKS,
    long: false,
    begin: (folder) => removeUnderWriter(cursors(folder)),
    end: () => undefined,
  },
  {
    name: 'the sinks’ directories are removed',
    sinks: SINKS,
    suffering: SINKS,
    long: false,
    begin: (folder) => {
      for (const made of [rowsFolder(folder), eventsFolder(folder)]) removeUnderWriter(made);
    },
    end: () => undefined,
  },
];

export const diskCells: readonly Cell[] = FAULTS.flatMap((fault) =>
  HOSTS.map((host): Cell => ({
    promise: fault.suffering.length === 0 ? 'logDisk' : 'sinkDisk',
    fault: fault.name,
    sinks: SINKS.join(' + '),
    host,
    long: fault.long,
    play: (round) => playDiskFault(round, fault, host),
  })),
);

function switched(code: string, what: 'log' | 'jsonl' | 'tensorboard', sinks: readonly SinkName[]): DiskFault {
  return {
    name: `${code} on the ${what === 'log' ? 'log' : `file of ${what}`}`,
    sinks,
    suffering: what === 'log' ? [] : [what],
    long: code !== 'ENOSPC',
    begin: (folder) => writeFileSync(faultSwitch(folder, what), code),
    end: (folder) => rmSync(faultSwitch(folder, what)),
  };
}

async function playDiskFault(round: Round, fault: DiskFault, host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const pace = random.pick(['yielding', 'busy', 'bursts'] as const);
  const settings = settingsFor(folder, {
    sinks: fault.sinks,
    host,
    pace,
    forMs: 2_500,
    until: fault.suffering.length === 0 ? 'log recovered' : '',
    end: random.pick(['close', 'close', 'exit']),
    closeTimeoutMs: 3_000,
  });
  const program = startTrainer(settings);
  if ((await program.said('opened')) === undefined) return [`the run was not opened: ${program.errors}`];
  await delay(random.integer(20, 300));
  // Until sinks have written something there is nothing to remove.
  while (!existsSync(path.join(rowsFolder(folder), `${RUN_ID}.jsonl`))) await delay(10);
  const { pid } = program;
  fault.begin(folder, pid);
  const lasts = fault.suffering.length > 0 && random.chance(0.25);
  if (!lasts) {
    await delay(random.integer(50, 500));
    fault.end(folder, pid);
  }
  const { code } = await program.ended;
  if (lasts) fault.end(folder, pid);
  const problems: string[] = [];
  if (code !== 0) problems.push(`training ended with code ${code}: ${program.errors}`);
  if (fault.suffering.length === 0 && !recoveredWhileLogging(program))
    problems.push(`the log did not fail and recover while the trainer was logging: ${program.lines.join('; ')}`);
  const logs = readWriterLogs(folder, RUN_ID);
  const owed = program.numbers('owed');
  const healthy = SINKS.filter((sink) => !fault.suffering.includes(sink));
  problems.push(...sinkProblems({ ...settings, sinks: healthy }, logs).map((problem) => `before recovery, ${problem}`));
  if (settings.end === 'close') {
    const unsaid = fault.suffering.filter((sink) => {
      const lacking = sinkProblems({ ...settings, sinks: [sink] }, logs).length > 0;
      return lacking && !owed.has(sink) && !removesFiles(fault);
    });
    problems.push(...unsaid.map((sink) => `${sink} lacks records, and closing did not say so`));
    if ((program.numbers('lost').get('0') ?? 0) > 0) problems.push('records are said to be lost');
  }
  return [...problems, ...(await recoverAndAudit({ ...settings, sinks: SINKS }, [{ name: 'p0', pace }], round))];
}

/** A file that was unlinked takes writes as ever; that it is gone is found when it is opened again. */
function removesFiles(fault: DiskFault): boolean {
  return fault.name.includes('the sinks’ directories');
}

/** The trainer never yields in one of its paces: the log must not need that to write again. */
function recoveredWhileLogging({ lines }: ChildProgram): boolean {
  const failed = lines.findIndex((line) => line.startsWith('event log failed'));
  const recovered = lines.findIndex((line) => line.startsWith('event log recovered'));
  const logged = lines.findIndex((line) => line.startsWith('logged'));
  return failed >= 0 && recovered > failed && recovered < logged;
}

/** What appears while it is being removed is removed as well. */
function removeUnderWriter(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 5 });
}

function cursors(folder: string): string {
  return runDirectory(runsFolder(folder), RUN_ID).cursorDirectory;
}

/** A directory where the writer drafts a file, which may be there at this instant. */
function makeInTheWay(draft: string): void {
  for (;;) {
    rmSync(draft, { force: true });
    try {
      mkdirSync(draft, { recursive: true });
      return;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

function cursorDraft(folder: string, sink: string, pid: number): string {
  return path.join(cursors(folder), `${sink}.json.${pid}.tmp`);
}
