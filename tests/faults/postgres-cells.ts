// A PostgreSQL server, its database, connections to it and trainers that write runs to it die or fail. In the end each record of
// each log is in the store once.
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError } from 'pg';
import { CuttableProxy } from '../support/cuttable-proxy.ts';
import { findPostgresPrograms, PostgresServer, withPostgres } from '../support/postgres-server.ts';
import type { Cell, Round } from './cell.ts';
import { startTrainer, type ChildProgram } from './child-program.ts';
import type { PromiseName } from './promises.ts';
import { recoverAndAudit, settingsFor } from './recovery.ts';
import type { Host, TrainerSettings } from './trainer-settings.ts';

const SINKS = ['postgres', 'jsonl'] as const;
const CLOSE_TIMEOUT_MS = 3_000;
/** What delivery grants a sink to end in, and what a busy machine takes on top. */
const CLOSE_GRACE_MS = 4_000;
const POLL_MS = 20;
const TABLES = ['runs', 'run_values', 'history', 'key_metrics', 'records', 'positions'] as const;
const DEADLOCK = '40P01';
const CHANGED_PASSWORD = 'openbarley';

interface Place {
  readonly server: PostgresServer;
  readonly proxy: CuttableProxy;
  readonly round: Round;
  /** Aborted when the trainer has ended. */
  readonly ended: AbortSignal;
}

/** What goes wrong around a trainer. */
interface Trouble {
  readonly name: string;
  readonly promise: PromiseName;
  /** The server asks for a password. */
  readonly password?: true;
  /** Begins before the trainer starts, not once the store has rows. */
  readonly early?: true;
  /** The trainer is killed in the middle of it. */
  readonly kills?: true;
  /** Goes on until the trainer has ended. */
  readonly make: (place: Place) => Promise<void>;
  /** Makes all well again. */
  readonly mend?: (place: Place) => Promise<unknown>;
}

const TROUBLES: readonly Trouble[] = [
  { name: 'kill -9 of a trainer', promise: 'killed', kills: true, make: () => Promise.resolve() },
  { name: 'the server crashes and starts again', promise: 'backend', make: crashServer },
  { name: 'the server crashes, and the trainer is killed', promise: 'backend', kills: true, make: crashServer },
  {
    name: 'the server is silent for a while',
    promise: 'backend',
    make: async ({ server, round: { random } }) => {
      await server.pause();
      await delay(random.integer(300, 3_000));
      server.goOn();
    },
  },
  {
    name: 'the server is silent until the trainer has ended',
    promise: 'backend',
    make: ({ server }) => server.pause(),
    mend: ({ server }) => Promise.resolve(server.goOn()),
  },
  { name: 'connection cut before COMMIT reaches the server', promise: 'backend', make: cutting('cutNextRequest') },
  { name: 'connection cut before COMMIT is answered', promise: 'backend', make: cutting('cutNextAnswer') },
  {
    name: 'connection cut around COMMIT, and the trainer is killed',
    promise: 'backend',
    kills: true,
    make: (place) => cutting(place.round.random.pick(['cutNextRequest', 'cutNextAnswer'] as const))(place),
  },
  {
    name: 'the server is down at first',
    promise: 'backend',
    early: true,
    make: async ({ server, round: { random } }) => {
      await server.kill();
      await delay(random.integer(500, 2_000));
      await server.startAgain();
    },
  },
  {
    name: 'the server never comes',
    promise: 'backend',
    early: true,
    make: ({ server }) => server.kill(),
    mend: ({ server }) => server.startAgain(),
  },
  {
    name: 'the password changes',
    promise: 'refused',
    password: true,
    make: async ({ server, proxy }) => {
      await setPassword(server.urlOf(), CHANGED_PASSWORD);
      proxy.cutNow();
    },
    mend: ({ server }) => setPassword(server.urlOf({ password: CHANGED_PASSWORD }), server.password),
  },
  {
    name: 'tables are emptied',
    promise: 'damaged',
    make: ({ server }) => insist(server, `TRUNCATE ${TABLES.join(', ')}`),
  },
  {
    name: 'tables are dropped',
    promise: 'damaged',
    make: ({ server }) => insist(server, `DROP TABLE ${TABLES.join(', ')}, runcast_schema`),
  },
  { name: 'tables are put back as they were', promise: 'damaged', make: restoreTables },
];

/** None where no server is installed: a cell without one could only fail. */
export const postgresCells: readonly Cell[] =
  findPostgresPrograms().length === 0
    ? []
    : TROUBLES.flatMap((trouble) =>
        (['worker', 'inline'] as const).map((host): Cell => ({
          promise: trouble.promise,
          fault: `postgres: ${trouble.name}`,
          sinks: SINKS.join(' + '),
          host,
          // One host of each in the suite: what differs between them is tested with other sinks.
          long: host === 'inline',
          play: (round) => playTrouble(round, trouble, host),
        })),
      );

async function playTrouble(round: Round, trouble: Trouble, host: Host): Promise<readonly string[]> {
  const { random, folder } = round;
  const program = random.pick(findPostgresPrograms());
  const server = await PostgresServer.start(program, trouble.password === true ? { password: true } : {});
  const proxy = await CuttableProxy.listen(server.port);
  try {
    const settings = settingsFor(folder, {
      sinks: SINKS,
      host,
      pace: random.pick(['yielding', 'bursts'] as const),
      end: trouble.kills === true ? 'wait' : 'close',
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      forMs: random.integer(1_500, 3_000),
      lingerMs: 300,
      backend: server.urlOf({ port: proxy.port }),
    });
    const ended = new AbortController();
    const place: Place = { server, proxy, round, ended: ended.signal };
    const begun = trouble.early === true ? trouble.make(place) : undefined;
    const trainer = startTrainer(settings);
    if (begun === undefined) await hasRowsOrEnded(server, trainer);
    const making = begun ?? delay(random.integer(0, 400)).then(() => trouble.make(place));
    // Nobody waits for it yet.
    making.catch(() => undefined);
    const problems = await endTrainer(trainer, trouble, round);
    ended.abort();
    await making;
    await proxy.close();
    await trouble.mend?.(place);
    return [...problems, ...(await recover({ ...settings, backend: server.urlOf() }, round))];
  } finally {
    await server.end();
  }
}

/** What is wrong with how the trainer ended. */
async function endTrainer(trainer: ChildProgram, { kills }: Trouble, round: Round): Promise<readonly string[]> {
  if (kills === true) {
    await delay(round.random.integer(0, 1_500));
    await trainer.kill();
    return [];
  }
  const { code } = await trainer.ended;
  const closeMs = Number((await trainer.said('closed')) ?? Infinity);
  round.measure('close', closeMs);
  return [
    ...(code === 0 ? [] : [`training ended with code ${code}: ${trainer.errors}`]),
    ...(closeMs > CLOSE_TIMEOUT_MS + CLOSE_GRACE_MS ? [`close took ${closeMs} ms`] : []),
  ];
}

/** After some deaths by another trainer of the run, which may be killed as well. */
async function recover(settings: TrainerSettings, round: Round): Promise<readonly string[]> {
  const trainers = [settings];
  if (round.random.chance(0.3)) {
    const next = { ...settings, name: 'p1', forMs: 500, end: 'wait' } as const;
    trainers.push(next);
    const trainer = startTrainer(next);
    await trainer.said('opened');
    await delay(round.random.integer(0, 600));
    await trainer.kill();
  }
  return recoverAndAudit(settings, trainers, round);
}

/** Resolves once the store has rows; on a busy machine the trainer may end before. */
async function hasRowsOrEnded(server: PostgresServer, trainer: ChildProgram): Promise<void> {
  while (trainer.endedAtMs === Infinity) {
    const [made] = await server.query(server.urlOf(), "SELECT to_regclass('history') IS NOT NULL AS made");
    const [rows] =
      made?.['made'] === true ? await server.query(server.urlOf(), 'SELECT count(*) AS count FROM history') : [];
    if (Number(rows?.['count'] ?? 0) > 0) return;
    await delay(POLL_MS);
  }
}

async function crashServer({ server, round: { random } }: Place): Promise<void> {
  for (let deaths = random.integer(1, 3); deaths > 0; deaths -= 1) {
    await server.kill();
    await delay(random.integer(0, 300));
    await server.startAgain();
    await delay(random.integer(0, 600));
  }
}

function cutting(where: 'cutNextRequest' | 'cutNextAnswer'): Trouble['make'] {
  return async ({ proxy, round: { random }, ended }) => {
    while (!ended.aborted) {
      proxy[where]('COMMIT');
      await delay(random.integer(20, 300));
    }
  };
}

/** As from a backup of some moments ago. */
async function restoreTables({ server, round: { random } }: Place): Promise<void> {
  const copies = TABLES.map((table) => `CREATE TABLE copy_of_${table} AS SELECT * FROM ${table}`);
  await insist(server, ['BEGIN ISOLATION LEVEL REPEATABLE READ', ...copies, 'COMMIT'].join(';'));
  await delay(random.integer(50, 600));
  const inserts = TABLES.map((table) => `INSERT INTO ${table} SELECT * FROM copy_of_${table}`);
  await insist(server, ['BEGIN', `TRUNCATE ${TABLES.join(', ')}`, ...inserts, 'COMMIT'].join(';'));
}

/** The sink locks the same tables in an order of its own, and the server may choose whom it lets fail. */
async function insist(server: PostgresServer, statements: string): Promise<void> {
  for (;;) {
    try {
      await withPostgres(server.urlOf(), (client) => client.query(statements));
      return;
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== DEADLOCK) throw error;
    }
  }
}

async function setPassword(url: string, password: string): Promise<void> {
  await withPostgres(url, (client) => client.query(`ALTER ROLE runcast PASSWORD '${password}'`));
}
