// The file of a run store is locked, removed, put back as it once was, or on a disk that is full, while a trainer writes to it or
// between two of them. In the end each record of the log is in it once.
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cell, Round } from './cell.ts';
import { startTrainer, type ChildProgram } from './child-program.ts';
import type { PromiseName } from './promises.ts';
import { recoverAndAudit, settingsFor, type Trainer } from './recovery.ts';
import { mountSmall, NO_MOUNT, unmountSmall } from './small-file-system.ts';
import { storeFile, type Host, type TrainerSettings } from './trainer-settings.ts';

const SINKS = ['sqlite', 'jsonl'] as const;
const HOSTS = ['worker', 'inline'] as const;
const POLL_MS = 10;
const WAIT_MS = 20_000;
/** Longer than the harness ever waits for a transaction of the sink's. */
const BUSY_TIMEOUT_MS = 10_000;
const DISK_BYTES = 32 * 1024 * 1024;
/** All but a megabyte of it: the sink's own log would be four before it is used again from its beginning. */
const BALLAST_BYTES = 31 * 1024 * 1024;

/** What happens to the file. */
interface Trouble {
  readonly name: string;
  readonly promise: PromiseName;
  /** While a trainer writes to it, or when one has been killed. */
  readonly make: (file: string, round: Round) => Promise<void>;
}

const TROUBLES: readonly Trouble[] = [
  { name: 'another process has the store’s file locked for a while', promise: 'backend', make: lockForAWhile },
  {
    name: 'the store’s file is removed',
    promise: 'damaged',
    make: async (file, { random }) => {
      await delay(random.integer(0, 500));
      // Its log alone would be put into a new file.
      if (random.chance(0.7)) removeLogs(file);
      rmSync(file);
    },
  },
  {
    name: 'the store’s file is put back as it was',
    promise: 'damaged',
    make: async (file, { random }) => {
      await delay(random.integer(0, 300));
      const copy = `${file}.copy`;
      copyStore(file, copy);
      await delay(random.integer(50, 500));
      removeLogs(file);
      renameSync(copy, file);
    },
  },
];

export const sqliteCells: readonly Cell[] = [
  ...TROUBLES.flatMap((trouble) =>
    HOSTS.map((host): Cell => ({
      promise: trouble.promise,
      fault: trouble.name,
      sinks: SINKS.join(' + '),
      host,
      long: false,
      play: (round) => playUnderTrainer(round, trouble, host),
    })),
  ),
  ...TROUBLES.filter(({ promise }) => promise === 'damaged').map((trouble): Cell => ({
    promise: trouble.promise,
    fault: `${trouble.name} after kill -9 of a trainer`,
    sinks: SINKS.join(' + '),
    host: 'both',
    long: false,
    play: (round) => playBetweenTrainers(round, trouble),
  })),
  ...HOSTS.map((host): Cell => ({
    promise: 'sinkDisk',
    fault: 'a full file system under the store’s file, then room again',
    sinks: SINKS.join(' + '),
    host,
    long: false,
    missing: NO_MOUNT,
    play: (round) => playFullDisk(round, host),
  })),
];

async function playUnderTrainer(round: Round, trouble: Trouble, host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const settings = chosenSettings(round, host, { forMs: random.integer(1_000, 3_000), end: 'close', lingerMs: 300 });
  const program = startTrainer(settings);
  if (!(await hasRows(folder, program))) return [`nothing was stored: ${program.errors}`];
  const making = trouble.make(storeFile(folder), round);
  const { code } = await program.ended;
  await making;
  return [
    ...(code === 0 ? [] : [`training ended with code ${code}: ${program.errors}`]),
    ...(await recoverAndAudit(settings, [settings], round)),
  ];
}

async function playBetweenTrainers(round: Round, trouble: Trouble): Promise<readonly string[]> {
  const { random, folder } = round;
  const trainers: Trainer[] = [];
  const first = chosenSettings(round, random.pick(HOSTS), { end: 'wait' });
  trainers.push(first);
  const killed = startTrainer(first);
  if (!(await hasRows(folder, killed))) return [`nothing was stored: ${killed.errors}`];
  await delay(random.integer(0, 500));
  const making = trouble.make(storeFile(folder), round);
  await delay(random.integer(0, 300));
  await killed.kill();
  await making;
  if (random.chance(0.5)) return recoverAndAudit(first, trainers, round);
  const next = chosenSettings(round, random.pick(HOSTS), { name: 'p1', end: 'close', forMs: 500 });
  const program = startTrainer(next);
  trainers.push(next);
  const { code } = await program.ended;
  return [
    ...(code === 0 ? [] : [`training ended with code ${code}: ${program.errors}`]),
    ...(await recoverAndAudit(next, trainers, round)),
  ];
}

async function playFullDisk(round: Round, host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const place = path.dirname(storeFile(folder));
  mkdirSync(place);
  mountSmall(place, DISK_BYTES);
  try {
    const ballast = path.join(place, 'ballast');
    writeFileSync(ballast, Buffer.alloc(BALLAST_BYTES));
    // One that yields: by what it says the disk is known to be full.
    const pace = random.pick(['yielding', 'bursts'] as const);
    const settings = chosenSettings(round, host, { pace, until: 'store recovered', forMs: 1_000, end: 'close' });
    const program = startTrainer(settings);
    if ((await program.said('event'))?.startsWith('store failed') !== true)
      return [`the disk did not become full: ${program.lines.join('; ')} ${program.errors}`];
    await delay(random.integer(0, 500));
    rmSync(ballast);
    const { code } = await program.ended;
    return [
      ...(code === 0 ? [] : [`training ended with code ${code}: ${program.errors}`]),
      ...(program.lines.some((line) => line.startsWith('event store recovered')) ? [] : ['no recovery was told']),
      ...(program.numbers('owed').size === 0 ? [] : [`something is owed: ${program.lines.join('; ')}`]),
      ...(await recoverAndAudit(settings, [settings], round)),
    ];
  } finally {
    unmountSmall(place);
  }
}

function chosenSettings({ random, folder }: Round, host: Host, given: Partial<TrainerSettings>): TrainerSettings {
  // In the loop of a trainer that never yields nothing is stored before it ends.
  const paces = host === 'inline' ? (['yielding', 'bursts'] as const) : (['yielding', 'busy', 'bursts'] as const);
  return settingsFor(folder, { sinks: SINKS, host, pace: random.pick(paces), ...given });
}

/** Resolves to true once the store has rows, to false where the trainer ends without. */
async function hasRows(folder: string, program: ChildProgram): Promise<boolean> {
  if ((await program.said('opened')) === undefined) return false;
  const deadline = Date.now() + WAIT_MS;
  while (Date.now() < deadline) {
    if (countRows(storeFile(folder)) > 0) return true;
    await delay(POLL_MS);
  }
  return false;
}

function countRows(file: string): number {
  if (!existsSync(file)) return 0;
  return withDatabase(file, (database) => {
    const made = database.prepare("SELECT name FROM sqlite_master WHERE name = 'history'").get();
    return made === undefined ? 0 : Number(database.prepare('SELECT count(*) AS count FROM history').get()?.['count']);
  });
}

async function lockForAWhile(file: string, { random }: Round): Promise<void> {
  for (let times = random.integer(1, 2); times > 0; times -= 1) {
    await delay(random.integer(0, 500));
    const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    try {
      database.exec('BEGIN EXCLUSIVE');
      await delay(random.integer(500, 3_000));
    } finally {
      database.close();
    }
  }
}

function copyStore(file: string, copy: string): void {
  withDatabase(file, (database) => database.prepare('VACUUM INTO ?').run(copy));
}

/** What SQLite keeps beside the file. First, since whoever finds the file gone makes them anew. */
function removeLogs(file: string): void {
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
}

function withDatabase<Result>(file: string, use: (database: DatabaseSync) => Result): Result {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    return use(database);
  } finally {
    database.close();
  }
}
