// W&B misbehaving under a trainer whose rows go there by W&B's own client for Node. That client loses what the server does not take,
// and writes over a run that it did not begin; the engine must tell what is owed, and leave a run alone that it has left. So
// it is counted what W&B lacks when the trainer has ended, and whether that was said; then the native engine sends the rest.
import { setTimeout as delay } from 'node:timers/promises';
import { startWandbServer, type WandbServer } from '../wandb/server/wandb-server.ts';
import type { Cell, Round } from './cell.ts';
import { startTrainer } from './child-program.ts';
import { deliverRun } from './deliver-run.ts';
import { returnedProblems, settingsFor, sinkProblems } from './recovery.ts';
import { readWriterLogs } from './run-audit.ts';
import { WANDB_TEST_KEY } from './trainer-settings.ts';
import { BEHAVIOURS, misbehave, stepsOf, type Behaviour } from './wandb-cells.ts';

const RUN_ID = 'run-1';
const PROJECT = 'faults';
/** The client takes a second to make a run. */
const CLOSE_TIMEOUT_MS = 4_000;
const CLOSE_GRACE_MS = 2_500;
const LINGER_MS = 500;
const RECOVERY_TIMEOUT_MS = 30_000;

/** What the client meets with in its own way; the rest is the same as with the native engine. */
const MET = /^(?:resets after|answers|knows no such key|forbids|hangs|is down throughout|.*the trainer is killed)/u;

export const wandbSdkCells: readonly Cell[] = BEHAVIOURS.filter(({ name }) => MET.test(name)).map((behaviour) => ({
  promise: 'client',
  fault: `W&B ${behaviour.name}`,
  sinks: 'wandb (sdk) + jsonl',
  host: 'both',
  long: false,
  play: (round) => playSdk(round, behaviour),
}));

async function playSdk(round: Round, behaviour: Behaviour): Promise<readonly string[]> {
  const { random, folder } = round;
  const { kills = false, absent } = behaviour;
  const server = await startWandbServer({ apiKey: WANDB_TEST_KEY });
  const faults = misbehave(server, behaviour, random);
  const settings = settingsFor(folder, {
    sinks: ['jsonl', 'wandb-sdk'],
    host: random.pick(['worker', 'inline'] as const),
    pace: random.pick(['yielding', 'bursts'] as const),
    forMs: random.integer(500, 3_000),
    end: 'close',
    backend: server.url,
    lingerMs: LINGER_MS,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
  });
  try {
    if (absent !== undefined) await server.goDown();
    const program = startTrainer(settings);
    const problems: string[] = [];
    if (kills) {
      await program.said('opened');
      await delay(random.integer(0, 4_000));
      await program.kill();
    }
    const { code } = await program.ended;
    const logs = readWriterLogs(folder, RUN_ID);
    const logged = stepsOf(logs);
    const found = stepsOn(server);
    const lacking = logged.length - found.length;
    const owed = program.numbers('owed').get('wandb') ?? 0;
    if (!kills) {
      const closeMs = Number((await program.said('closed')) ?? Infinity);
      round.measure('close', closeMs);
      if (code !== 0) problems.push(`training ended with code ${code}: ${program.errors}`);
      if (closeMs > CLOSE_TIMEOUT_MS + CLOSE_GRACE_MS) problems.push(`close took ${closeMs} ms`);
      problems.push(...sinkProblems({ ...settings, sinks: ['jsonl'] }, logs));
      if (lacking > owed) problems.push(`wandb: ${lacking} rows are lacking, and ${owed} records were said to be owed`);
    }
    if (found.some((step, index) => step !== logged[index]))
      problems.push('wandb: the rows are not the first of the log');
    problems.push(...server.violations.map((violation) => `wandb: ${violation}`));
    for (const fault of faults) fault.clear();
    if (absent !== undefined) await server.comeBack();
    // The same engine makes a run that is not there yet, and leaves alone one that is.
    await deliverRun(settings, RECOVERY_TIMEOUT_MS);
    const left = stepsOn(server);
    if (found.length > 0 && left.length !== found.length) problems.push('wandb: a run that was left was taken up');
    for (const { sink, reason } of await deliverRun({ ...settings, sinks: ['jsonl', 'wandb'] }, RECOVERY_TIMEOUT_MS))
      if (reason !== undefined) problems.push(`${sink}: still owed after W&B got well: ${reason}`);
    const all = new Set(stepsOn(server));
    const missing = logged.filter((step) => !all.has(step)).length;
    if (missing > 0) problems.push(`wandb: the native engine has left out ${missing} rows`);
    round.judged(logs.reduce((sum, { records }) => sum + records.length, 0));
    round.count('rows logged', logged.length);
    round.count('not on W&B when the trainer had gone', lacking);
    if (!kills) round.count('of them said to be owed', Math.min(lacking, owed));
    round.count('not there after the native engine', missing);
    return [...problems, ...returnedProblems(folder, logs, { name: settings.name, pace: settings.pace })];
  } finally {
    await server.close();
  }
}

/** Of the rows on W&B, in their order. */
function stepsOn(server: WandbServer): readonly unknown[] {
  return (server.run(PROJECT, RUN_ID)?.rows ?? []).flatMap((row) => ('train/p0' in row ? [row['train/step']] : []));
}
