// Ends of a process and of its parts that no kill is: training that leaves without closing, and a worker that dies under it.
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cell, Round } from './cell.ts';
import { startTrainer } from './child-program.ts';
import { audit, recoverAndAudit, settingsFor } from './recovery.ts';
import { faultSwitch, type Host, type TrainerSettings } from './trainer-settings.ts';

const SINKS = ['jsonl', 'tensorboard'] as const;
const ENDS = [
  { end: 'exit', name: 'the natural end of a process, without close' },
  { end: 'leave', name: 'process.exit, without close' },
  { end: 'throw', name: 'an uncaught exception' },
] as const;

export const endCells: readonly Cell[] = [
  ...ENDS.flatMap(({ end, name }) =>
    (['worker', 'inline'] as const).map((host): Cell => ({
      promise: 'ended',
      fault: name,
      sinks: SINKS.join(' + '),
      host,
      long: end === 'leave',
      play: (round) => playEnd(round, end, host),
    })),
  ),
  {
    promise: 'worker',
    fault: 'the worker dies',
    sinks: SINKS.join(' + '),
    host: 'worker',
    long: false,
    play: playWorkerDeath,
  },
];

async function playEnd(round: Round, end: TrainerSettings['end'], host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const pace = random.pick(['yielding', 'busy', 'bursts', 'flat-out'] as const);
  const steps = random.pick([1, 100, 5_000]);
  const settings = settingsFor(folder, { host, pace, end, steps, forMs: random.integer(50, 700) });
  const program = startTrainer(settings);
  const { code } = await program.ended;
  const problems = code === (end === 'throw' ? 1 : 0) ? [] : [`training ended with code ${code}: ${program.errors}`];
  // A process that ends by itself loses nothing, at any pace.
  const trainers = [{ name: settings.name, pace: 'yielding' }] as const;
  problems.push(...audit(settings, trainers).map((problem) => `when it had ended, ${problem}`));
  return [...problems, ...(await recoverAndAudit(settings, trainers, round))];
}

async function playWorkerDeath(round: Round): Promise<readonly string[]> {
  const { random, folder } = round;
  const pace = random.pick(['yielding', 'bursts'] as const);
  const settings = settingsFor(folder, {
    sinks: ['mortal-jsonl', 'tensorboard'],
    pace,
    forMs: random.integer(1_200, 1_600),
    until: 'worker failed',
    end: 'close',
  });
  const program = startTrainer(settings);
  if ((await program.said('opened')) === undefined) return [`the run was not opened: ${program.errors}`];
  await delay(random.integer(0, 400));
  writeFileSync(faultSwitch(folder, 'jsonl'), '');
  const { code } = await program.ended;
  const problems = code === 0 ? [] : [`training ended with code ${code}: ${program.errors}`];
  if (!program.lines.some((line) => line.startsWith('event worker failed'))) problems.push('the worker did not die');
  if (program.numbers('owed').size > 0) problems.push(`something is owed: ${program.lines.join('; ')}`);
  const trainers = [{ name: settings.name, pace }];
  problems.push(...audit({ ...settings, sinks: SINKS }, trainers).map((problem) => `when it had closed, ${problem}`));
  return [...problems, ...(await recoverAndAudit({ ...settings, sinks: SINKS }, trainers, round))];
}
