// A trainer is killed at any moment, from the first byte of its start to the middle of its close; what recovers is killed as
// well, up to twice; then a last recovery goes to the end.
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cell, Round } from './cell.ts';
import { runDirectory } from '@runcast/runlog';
import { startSync, startTrainer } from './child-program.ts';
import { missingTfjs } from '../support/tfjs.ts';
import { recoverAndAudit, settingsFor, type Trainer } from './recovery.ts';
import { PACES, runsFolder, type Host, type Pace, type SinkName } from './trainer-settings.ts';

/** Steps at once: from one to what the log promises to write through, with sizes at which less would not do. */
const BURSTS = [1, 10, 32, 65, 100, 300, 1_000] as const;
/** A third of a second of them. */
const MOST_BLOCKED_STEPS = 3_000;
const SINKS: readonly (readonly SinkName[])[] = [
  ['jsonl', 'tensorboard'],
  ['jsonl'],
  ['tensorboard'],
  ['tfjs-tensorboard'],
  ['sqlite'],
];
/** The suite plays the two that differ most with sinks that share nothing with those of every cell. */
const MOST_DIFFERENT_PACES: readonly Pace[] = ['yielding', 'flat-out'];
const OTHER_SINKS: readonly SinkName[] = ['tfjs-tensorboard', 'sqlite'];

const HOSTS = ['worker', 'inline'] as const;

export const killCells: readonly Cell[] = [
  ...PACES.filter((pace) => pace !== 'blocks').flatMap((pace) => killsAt(pace)),
  ...HOSTS.flatMap((host) =>
    [['jsonl', 'tensorboard'] as const, ['sqlite'] as const].map((sinks): Cell => ({
      promise: 'killed',
      fault: 'kill -9 of a trainer: bursts of up to 1,000 steps at once, blocked between and after',
      sinks: sinks.join(' + '),
      host,
      long: false,
      play: (round) => playBlocked(round, host, sinks, round.random.pick(BURSTS), 'blocks'),
    })),
  ),
  {
    promise: 'flooded',
    fault: 'kill -9 of a trainer: a flood, then blocked',
    sinks: 'jsonl + tensorboard',
    host: 'worker',
    long: false,
    play: (round) =>
      playBlocked(round, 'worker', ['jsonl', 'tensorboard'], round.random.integer(1_500, 10_000), 'flat-out'),
  },
];

function killsAt(pace: Pace): readonly Cell[] {
  return HOSTS.flatMap((host) =>
    SINKS.map((sinks): Cell => ({
      promise: pace === 'flat-out' ? 'flooded' : 'killed',
      fault: `kill -9 of a trainer: ${pace}`,
      sinks: sinks.join(' + '),
      host,
      missing: sinks.includes('tfjs-tensorboard') ? missingTfjs() : undefined,
      long:
        sinks.length === 1 &&
        !(OTHER_SINKS.some((sink) => sinks.includes(sink)) && MOST_DIFFERENT_PACES.includes(pace)),
      play: (round) => playKill(round, pace, host, sinks),
    })),
  );
}

/** @param judgedAs The pace whose promise is looked for. */
async function playBlocked(
  round: Round,
  host: Host,
  sinks: readonly SinkName[],
  burst: number,
  judgedAs: Pace,
): Promise<readonly string[]> {
  const { random, folder } = round;
  const steps = burst * random.integer(1, Math.max(1, Math.floor(MOST_BLOCKED_STEPS / burst)));
  const settings = settingsFor(folder, { sinks, pace: 'blocks', host, burst, steps });
  const program = startTrainer(settings);
  // Nothing but the kill can end it any more.
  if ((await program.said('blocked')) === undefined) return [`training ended: ${program.errors}`];
  await program.kill();
  return recoverAndAudit(settings, [{ name: settings.name, pace: judgedAs }], round);
}

async function playKill(round: Round, pace: Pace, host: Host, sinks: readonly SinkName[]): Promise<readonly string[]> {
  const { random, folder } = round;
  const trainers: Trainer[] = [];
  const deaths = random.pick([1, 1, 2, 3]);
  for (let death = 0; death < deaths; death += 1) {
    // The first death is a trainer's; after it, the next one resumes the run, or the command delivers it.
    const trains = death === 0 || random.chance(0.5);
    const name = `p${death}`;
    const steps = pace === 'flat-out' ? random.integer(5_000, 40_000) : random.pick([300, 100_000, 100_000]);
    const settings = settingsFor(folder, {
      sinks,
      pace,
      host,
      name,
      steps,
      end: random.pick(['close', 'exit', 'wait']),
    });
    if (trains) trainers.push({ name, pace });
    else if (!existsSync(runDirectory(runsFolder(folder), settings.runId).manifestFile)) continue;
    const program = trains ? startTrainer(settings) : startSync(settings);
    if (trains && random.chance(0.85)) await program.said('opened');
    // Most of them late enough that batches, cursors and intents are under way.
    await delay(random.pick([50, 400, 800, 800]) * random.next());
    const { code, signal } = await program.kill();
    if (code !== 0 && signal !== 'SIGKILL') return [`${name} died of itself with code ${code}: ${program.errors}`];
  }
  const settings = settingsFor(folder, { sinks });
  if (random.chance(0.5) && existsSync(runDirectory(runsFolder(folder), settings.runId).manifestFile)) {
    const sync = startSync(settings);
    const { code } = await sync.ended;
    if (code !== 0) return [`runcast sync ended with code ${code}: ${sync.lines.join('; ')} ${sync.errors}`];
  }
  return recoverAndAudit(settings, trainers, round);
}
