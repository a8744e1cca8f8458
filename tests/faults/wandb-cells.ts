// W&B misbehaving under a living trainer, as a server that speaks its protocol and holds it to its rules. The trainer and the rows
// beside it do not notice; once W&B is well, what it has of the run is what the log has: every value once, in order.
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, FaultAction, FaultRule } from '../wandb/server/fault-rule.ts';
import { startWandbServer, type WandbServer } from '../wandb/server/wandb-server.ts';
import type { Cell, Round } from './cell.ts';
import { startTrainer, type ChildProgram } from './child-program.ts';
import { deliverRun } from './deliver-run.ts';
import { returnedProblems, settingsFor, sinkProblems } from './recovery.ts';
import { readWriterLogs, type WriterLog } from './run-audit.ts';
import type { SeededRandom } from './seeded-random.ts';
import { WANDB_TEST_KEY, type TrainerSettings } from './trainer-settings.ts';

const RUN_ID = 'run-1';
const PROJECT = 'faults';
const CLOSE_TIMEOUT_MS = 1_500;
/** What delivery grants a sink to end in, and what a busy machine takes on top. */
const CLOSE_GRACE_MS = 2_500;
const LINGER_MS = 500;
const RECOVERY_TIMEOUT_MS = 30_000;
/** Without the run itself nothing else can be asked for. */
const RARER = 4;

export interface Behaviour {
  readonly name: string;
  /** What may happen to a request, one of them at a time. */
  readonly actions: readonly FaultAction[];
  /** How often that is with the file stream, between 0 and 1. Below 1, other requests fail more rarely. */
  readonly chance: number;
  /** So many requests of any kind go well before, at least and at most. */
  readonly after?: readonly [number, number];
  /** What is owed when the trainer ends. */
  readonly owes: 'surely' | 'maybe';
  /** Nobody listens: until the trainer has gone, or only when it starts. */
  readonly absent?: 'throughout' | 'at the start';
  /** The trainer is killed instead of closing. */
  readonly kills?: boolean;
  /** Requests of a run that its file stream takes in a second. */
  readonly perSecond?: number;
}

function status(code: number, more: { readonly taken?: boolean } = {}): FaultAction {
  return { kind: 'status', status: code, ...more };
}

const TOO_MANY: FaultAction = { kind: 'status', status: 429, headers: { 'retry-after': '1' } };
const SLOW: FaultAction = { kind: 'delay', delayMs: 300 };
const RESET_BEFORE: FaultAction = { kind: 'reset-before' };
const RESET_AFTER: FaultAction = { kind: 'reset-after' };
const ANYTHING = [SLOW, RESET_BEFORE, RESET_AFTER, TOO_MANY, status(500), status(503, { taken: true })];

export const BEHAVIOURS: readonly Behaviour[] = [
  { name: 'is slow', actions: [SLOW], chance: 1, owes: 'maybe' },
  { name: 'resets before it takes a request', actions: [RESET_BEFORE], chance: 0.6, owes: 'maybe' },
  { name: 'resets after it took a request', actions: [RESET_AFTER], chance: 0.6, owes: 'maybe' },
  { name: 'answers 429 with Retry-After', actions: [TOO_MANY], chance: 0.6, owes: 'maybe' },
  { name: 'takes two requests a second', actions: [], chance: 0, owes: 'maybe', perSecond: 2 },
  {
    name: 'answers 5xx, before or after',
    actions: [status(500), status(502, { taken: true })],
    chance: 0.6,
    owes: 'maybe',
  },
  { name: 'knows no such key (401)', actions: [status(401)], chance: 1, owes: 'surely' },
  { name: 'forbids in the middle (403)', actions: [status(403)], chance: 1, after: [4, 7], owes: 'maybe' },
  { name: 'knows no run in the middle (404)', actions: [status(404)], chance: 1, after: [4, 7], owes: 'maybe' },
  { name: 'hangs', actions: [{ kind: 'hang' }], chance: 1, after: [0, 7], owes: 'maybe' },
  { name: 'is down at first', actions: [], chance: 0, owes: 'maybe', absent: 'at the start' },
  { name: 'is down throughout', actions: [], chance: 0, owes: 'surely', absent: 'throughout' },
  { name: 'is well, and the trainer is killed', actions: [], chance: 0, owes: 'maybe', kills: true },
  { name: 'does anything, and the trainer is killed', actions: ANYTHING, chance: 0.6, owes: 'maybe', kills: true },
];

export const wandbCells: readonly Cell[] = BEHAVIOURS.map((behaviour) => ({
  promise: /knows no such key|forbids|knows no run/u.test(behaviour.name) ? 'refused' : 'backend',
  fault: `W&B ${behaviour.name}`,
  sinks: 'wandb + jsonl',
  host: 'both',
  long: false,
  play: (round) => playWandb(round, behaviour),
}));

async function playWandb(round: Round, behaviour: Behaviour): Promise<readonly string[]> {
  const { random, folder } = round;
  const { absent, kills = false, perSecond } = behaviour;
  const server = await startWandbServer({ apiKey: WANDB_TEST_KEY });
  const faults = misbehave(server, behaviour, random);
  if (perSecond !== undefined) server.setRateLimit({ requests: perSecond, perMs: 1000 });
  const settings = settingsFor(folder, {
    sinks: ['jsonl', 'wandb'],
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
    if (absent === 'at the start') {
      await program.said('opened');
      await delay(random.integer(100, 600));
      await server.comeBack();
    }
    if (kills) {
      await program.said('opened');
      await delay(random.integer(0, 4_000));
      await program.kill();
    } else {
      problems.push(...(await endProblems(round, program, settings, behaviour, server)));
    }
    for (const fault of faults) fault.clear();
    problems.push(...server.violations.map((violation) => `wandb: ${violation}`));
    const found = server.violations.length;
    if (absent === 'throughout') await server.comeBack();
    for (const { sink, reason } of await deliverRun(settings, RECOVERY_TIMEOUT_MS))
      if (reason !== undefined) problems.push(`${sink}: still owed after W&B got well: ${reason}`);
    const before = held(server);
    await deliverRun(settings, RECOVERY_TIMEOUT_MS);
    if (held(server) !== before) problems.push('wandb: delivering once more changed what W&B has');
    const logs = readWriterLogs(folder, RUN_ID);
    round.judged(logs.reduce((sum, { records }) => sum + records.length, 0));
    return [
      ...problems,
      // A process that comes after another cannot know how long that one had been told to wait.
      ...server.violations
        .slice(found)
        .flatMap((violation) => (violation.startsWith('rate:') ? [] : [`wandb: ${violation}`])),
      ...returnedProblems(folder, logs, { name: settings.name, pace: settings.pace }),
      ...sinkProblems({ ...settings, sinks: ['jsonl'] }, logs),
      ...runProblems(server, logs),
    ];
  } finally {
    await server.close();
  }
}

export function misbehave(
  server: WandbServer,
  { actions, chance, after: [least, most] = [0, 0] }: Behaviour,
  random: SeededRandom,
): readonly Fault[] {
  if (actions.length === 0) return [];
  const nth = random.integer(least, most) + 1;
  const fail = (match: FaultRule['match'], howOften: number): Fault =>
    server.fault({
      match,
      nth,
      times: Infinity,
      when: () => random.chance(howOften),
      action: () => random.pick(actions),
    });
  return chance === 1
    ? [fail({}, 1)]
    : [fail({ path: 'file_stream' }, chance), fail({ path: '/graphql' }, chance / RARER)];
}

/** What is wrong with how the trainer ended, before anything is delivered later. */
async function endProblems(
  round: Round,
  program: ChildProgram,
  settings: TrainerSettings,
  { owes }: Behaviour,
  server: WandbServer,
): Promise<readonly string[]> {
  const { code } = await program.ended;
  const logs = readWriterLogs(settings.folder, RUN_ID);
  const closeMs = Number((await program.said('closed')) ?? Infinity);
  round.measure('close', closeMs);
  const owed = program.numbers('owed').get('wandb');
  const lacking = stepsOf(logs).length - (server.run(PROJECT, RUN_ID)?.history.length ?? 0);
  return [
    ...(code === 0 ? [] : [`training ended with code ${code}: ${program.errors}`]),
    ...(closeMs > CLOSE_TIMEOUT_MS + CLOSE_GRACE_MS ? [`close took ${closeMs} ms`] : []),
    ...sinkProblems({ ...settings, sinks: ['jsonl'] }, logs).map((problem) => `when the trainer ended, ${problem}`),
    ...(owes === 'surely' && owed === undefined ? ['wandb: nothing was said to be owed'] : []),
    ...(lacking > 0 && owed === undefined ? [`wandb: ${lacking} rows are lacking, and none were said to be owed`] : []),
  ];
}

/** What the log has for a key, in order, and what W&B's rows have. */
function runProblems(server: WandbServer, logs: readonly WriterLog[]): readonly string[] {
  const logged = valuesOf(
    logs.flatMap(({ records }) => records.map((record) => ('metrics' in record ? record.metrics : {}))),
  );
  const run = server.run(PROJECT, RUN_ID);
  // A trainer that was killed while it started may have left nothing.
  if (run === undefined) return logged.size === 0 ? [] : ['wandb: there is no such run'];
  const sent = valuesOf(run.rows);
  const hasEnded = logs.some(({ records }) => records.some((record) => record.kind === 'close' && record.final));
  const state = hasEnded ? 'finished' : 'running';
  const steps = run.rows.flatMap((row) => ('train/p0' in row ? [row['_step']] : []));
  return [
    ...[...logged].flatMap(([key, values]) => differenceOf(key, values, sent.get(key) ?? [])),
    ...differenceOf('_step', stepsOf(logs), steps),
    ...[...logged].flatMap(([key, values]) =>
      Object.is(run.summary?.[key], values.at(-1))
        ? []
        : [`wandb: ${key} is ${String(run.summary?.[key])} in the summary`],
    ),
    ...(run.state === state ? [] : [`wandb: the run is ${run.state}, not ${state}`]),
    ...(server.runs.length === 1 ? [] : [`wandb: there are ${server.runs.length} runs`]),
  ];
}

function valuesOf(rows: readonly Readonly<Record<string, unknown>>[]): ReadonlyMap<string, readonly unknown[]> {
  const values = new Map<string, unknown[]>();
  for (const row of rows)
    for (const [key, value] of Object.entries(row)) values.set(key, [...(values.get(key) ?? []), value]);
  return values;
}

export function stepsOf(logs: readonly WriterLog[]): readonly number[] {
  return logs.flatMap(({ records }) => records.flatMap((record) => (record.kind === 'step' ? [record.step] : [])));
}

function differenceOf(key: string, wanted: readonly unknown[], found: readonly unknown[]): readonly string[] {
  const at = wanted.findIndex((value, index) => !Object.is(value, found[index]));
  if (at < 0 && wanted.length === found.length) return [];
  return [
    `wandb: ${key} has ${found.length} values where ${wanted.length} belong, the first that differs is number ${at}: ${String(found[at])}, not ${String(wanted[at])}`,
  ];
}

/** Everything that W&B has of its runs. */
function held({ runs }: WandbServer): string {
  return JSON.stringify(
    runs.map(({ history, summary, config, tags, state, uploaded }) => [
      history,
      summary,
      config,
      tags,
      state,
      uploaded,
    ]),
  );
}
