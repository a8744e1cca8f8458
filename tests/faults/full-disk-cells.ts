// A disk that is really full: the runs are on a file system of a megabyte, which the log fills up; and a disk that failed
// under the log of a trainer that is killed before it is well again.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cell, Round } from './cell.ts';
import { startTrainer } from './child-program.ts';
import { recoverAndAudit, settingsFor } from './recovery.ts';
import { readReturnedSteps } from './returned-steps.ts';
import { readWriterLogs, returnedStepProblems } from './run-audit.ts';
import { mountSmall, NO_MOUNT, unmountSmall } from './small-file-system.ts';
import { faultSwitch, returnedStepsFile, runsFolder, type Host } from './trainer-settings.ts';

const SINKS = 'jsonl + tensorboard';
const RUN_ID = 'run-1';
const HOSTS = ['worker', 'inline'] as const;
const DISK_BYTES = 1024 * 1024;
/** What is given back to the full disk. */
const BALLAST_BYTES = 640 * 1024;

export const fullDiskCells: readonly Cell[] = [
  ...HOSTS.map((host): Cell => ({
    promise: 'logDisk',
    fault: 'a full file system under the run, then room again',
    sinks: SINKS,
    host,
    long: false,
    missing: NO_MOUNT,
    play: (round) => playFullDisk(round, host),
  })),
  ...HOSTS.map((host): Cell => ({
    promise: 'logDisk',
    fault: 'a disk fault under the log, then kill -9',
    sinks: SINKS,
    host,
    long: false,
    play: (round) => playFaultThenKill(round, host),
  })),
];

async function playFullDisk(round: Round, host: Host): Promise<readonly string[]> {
  const { folder } = round;
  const runs = runsFolder(folder);
  mkdirSync(runs);
  mountSmall(runs, DISK_BYTES);
  try {
    const ballast = path.join(runs, 'ballast');
    writeFileSync(ballast, Buffer.alloc(BALLAST_BYTES));
    // Of some 190 bytes a step: more than a third of a megabyte, and less than a whole one.
    const pace = round.random.pick(['yielding', 'busy', 'bursts'] as const);
    const settings = settingsFor(folder, { host, pace, steps: 3_000, end: 'close' });
    const program = startTrainer(settings);
    if ((await program.said('full')) === undefined) return [`the disk did not become full: ${program.errors}`];
    await delay(round.random.integer(0, 300));
    rmSync(ballast);
    const { code } = await program.ended;
    const problems = code === 0 ? [] : [`training ended with code ${code}: ${program.errors}`];
    if (!program.lines.some((line) => line.startsWith('event log recovered'))) problems.push('no recovery was told');
    if ((await program.said('lost')) !== '0') problems.push('records are said to be lost');
    if (program.numbers('owed').size > 0) problems.push(`something is owed: ${program.lines.join('; ')}`);
    return [...problems, ...(await recoverAndAudit(settings, [{ name: settings.name, pace }], round))];
  } finally {
    unmountSmall(runs);
  }
}

/** What had returned while the disk was well is there; what came afterwards was in memory, and that is gone. */
async function playFaultThenKill(round: Round, host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const pace = random.pick(['yielding', 'busy', 'bursts'] as const);
  const settings = settingsFor(folder, { host, pace });
  const program = startTrainer(settings);
  if ((await program.said('opened')) === undefined) return [`the run was not opened: ${program.errors}`];
  await delay(random.integer(20, 400));
  const returned = readReturnedSteps(returnedStepsFile(folder, settings.name));
  writeFileSync(faultSwitch(folder, 'log'), random.pick(['ENOSPC', 'EIO']));
  await delay(random.integer(20, 400));
  await program.kill();
  rmSync(faultSwitch(folder, 'log'));
  const lost = returnedStepProblems(readWriterLogs(folder, RUN_ID), settings.name, returned, 0);
  return [...lost, ...(await recoverAndAudit(settings, [], round))];
}
