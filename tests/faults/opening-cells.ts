// What goes wrong when a run is opened: its log cannot be made, or two processes open it in the same moment.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Cell, Round } from './cell.ts';
import { startTrainer } from './child-program.ts';
import { recoverAndAudit, settingsFor, type Trainer } from './recovery.ts';
import { readWriterLogs } from './run-audit.ts';
import { faultSwitch, runsFolder, type Host } from './trainer-settings.ts';

const RUN_ID = 'run-1';
const SINKS = 'jsonl + tensorboard';
const HOSTS = ['worker', 'inline'] as const;

export const openingCells: readonly Cell[] = [
  ...HOSTS.map((host): Cell => ({
    promise: 'opening',
    fault: 'the log cannot be made when opening (EACCES)',
    sinks: SINKS,
    host,
    long: false,
    play: (round) => playNoLog(round, host),
  })),
  ...HOSTS.map((host): Cell => ({
    promise: 'owner',
    processes: 3,
    fault: 'three processes open one run at once, resume never',
    sinks: SINKS,
    host,
    long: false,
    play: (round) => playRace(round, host),
  })),
];

async function playNoLog(round: Round, host: Host): Promise<readonly string[]> {
  const { folder } = round;
  const settings = settingsFor(folder, { host, resume: 'never', steps: 50, end: 'close' });
  writeFileSync(faultSwitch(folder, 'log'), 'EACCES');
  const refused = startTrainer(settings);
  const { code } = await refused.ended;
  const problems: string[] = [];
  if (code !== 1 || !refused.errors.includes('RunOpenError: the log of the run cannot be made'))
    problems.push(`opening ended with code ${code}: ${refused.errors}`);
  if (existsSync(path.join(runsFolder(folder), RUN_ID))) problems.push('a run directory was left behind');
  rmSync(faultSwitch(folder, 'log'));
  // The id is free: the same program works once the disk does.
  const program = startTrainer(settings);
  const end = await program.ended;
  if (end.code !== 0) problems.push(`the run was not opened afterwards: ${program.errors}`);
  return [...problems, ...(await recoverAndAudit(settings, [{ name: settings.name, pace: settings.pace }], round))];
}

async function playRace(round: Round, host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const openers = ['p0', 'p1', 'p2'].map((name) => {
    const settings = settingsFor(folder, {
      host,
      name,
      resume: 'never',
      loss: false,
      forMs: random.integer(200, 600),
      end: 'close',
    });
    return { name, settings, program: startTrainer(settings) };
  });
  const problems: string[] = [];
  const trainers: Trainer[] = [];
  for (const { name, program, settings } of openers) {
    const { code } = await program.ended;
    const opened = program.lines.some((line) => line.startsWith('opened'));
    if (opened) trainers.push({ name, pace: settings.pace });
    // One that comes when the first has left already must not go on with its run.
    const isRefused = !opened && code === 1 && program.errors.includes('exists already');
    if (!isRefused && code !== 0) problems.push(`${name} ended with code ${code}: ${program.errors}`);
  }
  const programs = openers.map(({ program }) => program);
  problems.push(...programs.flatMap((program) => program.owedAlone(programs)));
  const openings = readWriterLogs(folder, RUN_ID).flatMap(({ records }) => records.slice(0, 1));
  const owners = openings.filter((record) => record.kind === 'open' && record.role === 'owner').length;
  if (owners !== 1) problems.push(`${owners} of ${openings.length} processes owned the run`);
  const [first] = openers;
  if (first === undefined) return problems;
  return [...problems, ...(await recoverAndAudit(first.settings, trainers, round))];
}
