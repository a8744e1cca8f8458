// A remote backend that misbehaves under a living trainer. The rows beside it are there at once, closing takes no longer than
// it may and says what is owed, and once the backend is well a later delivery brings it all.
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import path from 'node:path';
import { runDirectory } from '@runcast/runlog';
import type { Cell, Round } from './cell.ts';
import { startTrainer, type ChildProgram } from './child-program.ts';
import { deliverRun } from './deliver-run.ts';
import { isRefused, RecordBackend, type Answer } from './record-backend.ts';
import { returnedProblems, settingsFor, sinkProblems } from './recovery.ts';
import { readWriterLogs, type WriterLog } from './run-audit.ts';

import type { SeededRandom } from './seeded-random.ts';
import { runsFolder, type Host } from './trainer-settings.ts';

const SINKS = ['jsonl', 'http'] as const;
const RUN_ID = 'run-1';
const CLOSE_TIMEOUT_MS = 1_500;
/** What delivery grants a sink to end in, and what a busy machine takes on top. */
const CLOSE_GRACE_MS = 2_500;
/** What a process may take from the end of its close to its own on a busy machine; a call that hangs would hold it for ever. */
const EXIT_MS = 5_000;
/** Between the last step and the close: as much as the rows may lag behind. */
const LINGER_MS = 500;

interface Behaviour {
  readonly name: string;
  /** How each request is answered while the trainer lives. */
  answers(random: SeededRandom): () => Answer;
  /** What is owed when the trainer ends. */
  readonly owes: 'surely' | 'maybe';
  /** Nobody listens until the trainer has gone. */
  readonly absent?: boolean;
  /** The trainer is killed instead of closing. */
  readonly kills?: boolean;
}

/** Fails every other time at first, by chance. */
function sometimes(...failures: readonly Answer[]): (random: SeededRandom) => () => Answer {
  return (random) => () => (random.chance(0.5) ? random.pick(failures) : 'ok');
}

const ALL: readonly Answer[] = ['slow', 'reset-before', 'reset-after', 429, 500, 503];

const BEHAVIOURS: readonly Behaviour[] = [
  { name: 'slow', answers: () => () => 'slow', owes: 'maybe' },
  { name: 'resets before it takes a request', answers: sometimes('reset-before'), owes: 'maybe' },
  { name: 'resets after it took a request', answers: sometimes('reset-after'), owes: 'maybe' },
  { name: 'answers 429 with Retry-After', answers: sometimes(429), owes: 'maybe' },
  { name: 'answers 5xx', answers: sometimes(500, 503), owes: 'maybe' },
  { name: 'refuses some records for ever', answers: () => () => 'refuse', owes: 'maybe' },
  { name: 'knows no such key (401)', answers: () => () => 401, owes: 'surely' },
  { name: 'hangs', answers: () => () => 'hang', owes: 'surely' },
  { name: 'never comes', answers: () => () => 'ok', owes: 'surely', absent: true },
  { name: 'does anything, and the trainer is killed', answers: sometimes(...ALL), owes: 'maybe', kills: true },
];

export const backendCells: readonly Cell[] = BEHAVIOURS.flatMap((behaviour) =>
  (['worker', 'inline'] as const).map((host): Cell => ({
    promise: /refuses|knows no/u.test(behaviour.name) ? 'refused' : 'backend',
    fault: `backend ${behaviour.name}`,
    sinks: 'http + jsonl',
    host,
    long: false,
    play: (round) => playBackend(round, behaviour, host),
  })),
);

async function playBackend(round: Round, behaviour: Behaviour, host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const backend = await RecordBackend.listen(behaviour.answers(random));
  if (behaviour.absent === true) await backend.close();
  const pace = random.pick(['yielding', 'bursts'] as const);
  const settings = settingsFor(folder, {
    sinks: SINKS,
    host,
    pace,
    forMs: random.integer(300, 1_000),
    end: 'close',
    backend: backend.url,
    lingerMs: LINGER_MS,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
  });
  try {
    const problems: string[] = [];
    const program = startTrainer(settings);
    if (behaviour.kills === true) {
      await program.said('opened');
      await delay(random.integer(0, 1_000));
      await program.kill();
    } else {
      const exitMs = await sinceClosed(program);
      const { code } = await program.ended;
      if (code !== 0) problems.push(`training ended with code ${code}: ${program.errors}`);
      round.measure('exit', exitMs);
      if (exitMs > EXIT_MS) problems.push(`a call in flight kept the process alive for ${Math.round(exitMs)} ms`);
      problems.push(...(await endProblems(round, program, behaviour, readWriterLogs(folder, RUN_ID), backend)));
    }
    // Another process that delivers later has not been told to wait.
    if (backend.earlyRequests > 0)
      problems.push(`http: ${backend.earlyRequests} requests came before Retry-After was over`);
    const refuses = behaviour.name.startsWith('refuses');
    const well = behaviour.absent === true ? await RecordBackend.listen(() => 'ok') : backend;
    if (!refuses) well.recover();
    try {
      const settlements = await deliverRun({ ...settings, backend: well.url }, 20_000);
      for (const { sink, reason } of settlements)
        if (reason !== undefined) problems.push(`${sink}: still owed after the backend got well: ${reason}`);
    } finally {
      if (well !== backend) await well.close();
    }
    const logs = readWriterLogs(folder, RUN_ID);
    round.judged(logs.reduce((sum, { records }) => sum + records.length, 0));
    return [
      ...problems,
      ...returnedProblems(folder, logs, { name: 'p0', pace }),
      ...sinkProblems({ ...settings, sinks: ['jsonl'] }, logs),
      ...heldProblems(well, logs, refuses),
      ...(refuses ? deadLetterProblems(folder, logs) : []),
    ];
  } finally {
    await backend.close();
  }
}

/** Milliseconds from the end of a trainer's close to its own. */
async function sinceClosed(program: ChildProgram): Promise<number> {
  await program.said('closed');
  const closedMs = performance.now();
  await program.ended;
  return performance.now() - closedMs;
}

/** What is wrong with how the trainer ended, before anything is delivered later. */
async function endProblems(
  round: Round,
  program: ChildProgram,
  behaviour: Behaviour,
  logs: readonly WriterLog[],
  backend: RecordBackend,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const closeMs = Number((await program.said('closed')) ?? Infinity);
  round.measure('close', closeMs);
  if (closeMs > CLOSE_TIMEOUT_MS + CLOSE_GRACE_MS) problems.push(`close took ${closeMs} ms`);
  const rowsLag = program.numbers('lag').get('jsonl');
  // A worker that has had no turn yet has said nothing.
  if (rowsLag !== undefined && rowsLag > 0) problems.push(`jsonl lagged by ${rowsLag} records beside a bad backend`);
  problems.push(
    ...sinkProblems({ folder: round.folder, runId: RUN_ID, sinks: ['jsonl'] }, logs).map(
      (problem) => `when the trainer ended, ${problem}`,
    ),
  );
  const owed = program.numbers('owed').get('http');
  const lacking = logs.reduce(
    (sum, { writer, records }) => sum + records.filter(({ seq }) => !backend.held(writer).has(seq)).length,
    0,
  );
  if (behaviour.owes === 'surely' && owed === undefined) problems.push('http: nothing was said to be owed');
  if (!behaviour.name.startsWith('refuses') && lacking > 0 && (owed ?? 0) < lacking)
    problems.push(`http: ${lacking} records are lacking, and ${owed ?? 'none'} were said to be owed`);
  return problems;
}

function heldProblems(backend: RecordBackend, logs: readonly WriterLog[], refuses: boolean): readonly string[] {
  const lacking = logs.flatMap(({ writer, records }) => {
    const held = backend.held(writer);
    const wanted = records.filter((record) => !refuses || !isRefused(record));
    const missing = wanted.filter(({ seq }) => !held.has(seq));
    return [
      ...(missing.length === 0 ? [] : [`http: ${missing.length} of ${wanted.length} records of ${writer} are missing`]),
      ...(held.size > wanted.length
        ? [`http: ${held.size} records of ${writer} are held, ${wanted.length} belong`]
        : []),
    ];
  });
  return [...backend.problems, ...lacking];
}

/** Each refused record is in the dead letters, once at least: a batch that was asked for again may say so again. */
function deadLetterProblems(folder: string, logs: readonly WriterLog[]): readonly string[] {
  const { deadLetterDirectory } = runDirectory(runsFolder(folder), RUN_ID);
  const file = path.join(deadLetterDirectory, 'http.jsonl');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  const seqs = new Set(lines.map((line) => /"seq":(\d+)/u.exec(line)?.[1]));
  const refused = logs.flatMap(({ records }) => records.filter((record) => isRefused(record)));
  return refused.every(({ seq }) => seqs.has(String(seq)))
    ? []
    : [`http: ${refused.length} records were refused, ${seqs.size} are in the dead letters`];
}
