// Several processes in one run, each with a log of its own, one of them delivering for all: that one is killed, or leaves
// before the others, or is blocked.
import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { runDirectory } from '@runcast/runlog';
import type { Cell, Round } from './cell.ts';
import { startTrainer, type ChildProgram } from './child-program.ts';
import { audit, recoverAndAudit, settingsFor, type Trainer } from './recovery.ts';
import { CONTEXT_VARIABLE, trainerEnvironment } from './trainer-environment.ts';
import { encodeSettings, runsFolder, type Host, type TrainerSettings } from './trainer-settings.ts';

const HOSTS = ['worker', 'inline'] as const;
const SINKS = ['jsonl', 'tensorboard'] as const;
const PACE = 'yielding';
/** Within this a member has taken over, counted from its next append, and it appends every millisecond. */
const TAKEOVER_MS = 2_000;
/** What dozens of processes on two cores take on top of it before each has had its turn. */
const PER_PROCESS_MS = 60;
/** What one more process takes to start while all others do, on two cores. */
const START_MS = 200;
const LOOK_MS = 10;

export const memberCells: readonly Cell[] = [
  ...[2, 8, 32].flatMap((count) =>
    HOSTS.map((host): Cell => ({
      promise: 'owner',
      processes: count,
      fault: `kill -9 of the owner among ${count} processes`,
      sinks: SINKS.join(' + '),
      host,
      long: count === 32,
      play: (round) => playOwnerDeath(round, count, host),
    })),
  ),
  ...HOSTS.map((host): Cell => ({
    promise: 'owner',
    processes: 4,
    fault: 'the owner closes before its children',
    sinks: SINKS.join(' + '),
    host,
    long: false,
    play: (round) => playOutliving(round, host),
  })),
  {
    promise: 'owner',
    fault: 'the owner is blocked in execFileSync while its child logs',
    sinks: SINKS.join(' + '),
    host: 'worker',
    long: false,
    play: playBlockedOwner,
  },
];

function memberSettings(folder: string, name: string, given: Partial<TrainerSettings>): TrainerSettings {
  return settingsFor(folder, { sinks: SINKS, pace: PACE, loss: false, name, ...given });
}

/** Starts a process that joins the run of this context file. */
function join(contextFile: string, settings: TrainerSettings): ChildProgram {
  return startTrainer(settings, { ...trainerEnvironment(settings), [CONTEXT_VARIABLE]: contextFile });
}

async function playOwnerDeath(round: Round, count: number, host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const owner = startTrainer(memberSettings(folder, 'p0', { host }));
  const contextFile = await owner.said('opened');
  if (contextFile === undefined) return [`the owner did not open the run: ${owner.errors}`];
  const names = Array.from({ length: count - 1 }, (_, index) => `p${index + 1}`);
  const members = names.map((name, index) => {
    // One lives long enough to take over, although all have to be started first; some are killed too, the rest end by themselves.
    const forMs = index === 0 ? 3_500 + count * START_MS : random.integer(500, 3_000);
    const end = index === 0 ? 'close' : random.pick(['close', 'exit', 'wait'] as const);
    return { end, program: join(contextFile, memberSettings(folder, name, { host, forMs, end })) };
  });
  const problems: string[] = [];
  const opened = await Promise.all(members.map(({ program }) => program.said('opened')));
  for (const [index, context] of opened.entries())
    if (context === undefined) problems.push(`${names[index]} did not join: ${members[index]?.program.errors}`);
  await delay(random.integer(0, 500));
  const killedMs = Date.now();
  await owner.kill();
  const takeoverMs = await takeover(folder, killedMs);
  round.measure('takeover', takeoverMs);
  if (takeoverMs > TAKEOVER_MS + PER_PROCESS_MS * count) problems.push(`nobody took over for ${takeoverMs} ms`);
  await Promise.all(
    members.map(async ({ program, end }, index) => {
      if (end === 'wait') {
        await delay(random.integer(0, 1_500));
        await program.kill();
        return;
      }
      const { code } = await program.ended;
      if (code !== 0) problems.push(`${names[index]} ended with code ${code}: ${program.errors}`);
    }),
  );
  const trainers = ['p0', ...names].map((name): Trainer => ({ name, pace: PACE }));
  return [...problems, ...(await recoverAndAudit(memberSettings(folder, 'p0', { host }), trainers, round))];
}

/** Milliseconds until a process notes in the run's manifest that it delivers now. */
async function takeover(folder: string, sinceMs: number): Promise<number> {
  const { manifestFile } = runDirectory(runsFolder(folder), 'run-1');
  for (;;) {
    const { mtimeMs } = statSync(manifestFile);
    if (mtimeMs >= sinceMs) return mtimeMs - sinceMs;
    if (Date.now() - sinceMs > 10_000) return Infinity;
    await delay(LOOK_MS);
  }
}

/** Nobody delivers the run later: the last to leave has seen to it. */
async function playOutliving(round: Round, host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const ownerSettings = memberSettings(folder, 'p0', { host, forMs: 1_200, end: 'close' });
  const owner = startTrainer(ownerSettings);
  const contextFile = await owner.said('opened');
  if (contextFile === undefined) return [`the owner did not open the run: ${owner.errors}`];
  const names = ['p1', 'p2', 'p3'];
  const programs = names.map((name) =>
    join(contextFile, memberSettings(folder, name, { host, forMs: random.integer(1_500, 3_000), end: 'close' })),
  );
  const problems: string[] = [];
  const all = [owner, ...programs];
  for (const [index, program] of all.entries()) {
    const { code } = await program.ended;
    if (code !== 0) problems.push(`p${index} ended with code ${code}: ${program.errors}`);
  }
  // One that leaves before the owner may say that this one has not delivered yet.
  problems.push(...all.flatMap((program) => program.owedAlone(all)));
  const trainers = ['p0', ...names].map((name): Trainer => ({ name, pace: PACE }));
  problems.push(...audit(ownerSettings, trainers).map((problem) => `when all had left, ${problem}`));
  return [...problems, ...(await recoverAndAudit(ownerSettings, trainers, round))];
}

/** The child's flush resolves once its records are in every sink: the owner's worker has delivered them. */
async function playBlockedOwner(round: Round): Promise<readonly string[]> {
  const { random, folder } = round;
  const child = memberSettings(folder, 'p1', { steps: random.integer(50, 600), end: 'flush', closeTimeoutMs: 5_000 });
  const settings = memberSettings(folder, 'p0', {
    steps: random.integer(1, 200),
    end: 'close',
    child: encodeSettings(child),
  });
  const owner = startTrainer(settings);
  const { code } = await owner.ended;
  const problems = code === 0 ? [] : [`the owner ended with code ${code}: ${owner.errors}`];
  const flushed = await owner.said('flushed');
  if (flushed === undefined)
    problems.push(`the child's records were not delivered while its owner was blocked: ${owner.errors}`);
  else round.measure('flush of the child', Number(flushed));
  const trainers = ['p0', 'p1'].map((name): Trainer => ({ name, pace: PACE }));
  return [...problems, ...(await recoverAndAudit(settings, trainers, round))];
}
