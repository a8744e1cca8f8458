// A Redis server, connections to it, trainers that publish to it and relays that read it die or fail, alone and together. In
// the end each record of each log is in the stream once, and in the files of the relay that is left.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { decodeEntry } from '@runcast/redis';
import { CuttableProxy } from '../support/cuttable-proxy.ts';
import { findRedisPrograms, RedisServer, type RedisServerOptions } from '../support/redis-server.ts';
import type { Cell, Round } from './cell.ts';
import { ChildProgram, RUNCAST, startTrainer } from './child-program.ts';
import { recoverAndAudit, settingsFor, type Trainer } from './recovery.ts';
import { eventProblems, readWriterLogs, rowProblems, type WriterLog } from './run-audit.ts';
import { eventsFolder, FAULTS_STREAM, rowsFolder, type Host, type TrainerSettings } from './trainer-settings.ts';

const RUN_ID = 'run-1';
const CLOSE_TIMEOUT_MS = 3_000;
/** What delivery grants a sink to end in, and what a busy machine takes on top. */
const CLOSE_GRACE_MS = 4_000;
const WAIT_MS = 40_000;
const POLL_MS = 50;
/** Shorter requests are a client introducing itself. */
const LEAST_WRITE_BYTES = 1_000;

/** What goes wrong around a trainer. */
interface Trouble {
  readonly name: string;
  readonly server?: RedisServerOptions;
  /** Goes on until the trainer has ended. */
  readonly make: (server: RedisServer, proxy: CuttableProxy, round: Round, ended: AbortSignal) => Promise<void>;
  /** Makes all well again. */
  readonly mend?: (server: RedisServer) => Promise<unknown>;
}

async function killServer(server: RedisServer, _proxy: CuttableProxy, { random }: Round): Promise<void> {
  for (let deaths = random.integer(1, 3); deaths > 0; deaths -= 1) {
    await delay(random.integer(100, 600));
    await server.kill();
    await delay(random.integer(0, 300));
    await server.startAgain();
  }
}

/** Something is so while the trainer logs, from a moment on. */
function duringTraining(command: string, ...args: readonly string[]): Trouble['make'] {
  return async (server, _proxy, { random }) => {
    await delay(random.integer(0, 400));
    await server.call(command, ...args);
  };
}

function cutting(where: 'cutNextRequest' | 'cutNextAnswer'): Trouble['make'] {
  return async (_server, proxy, { random }, ended) => {
    while (!ended.aborted) {
      proxy[where](LEAST_WRITE_BYTES);
      await delay(random.integer(20, 300));
    }
  };
}

const TROUBLES: readonly Trouble[] = [
  ...(['always', 'everysec', 'none'] as const).map((persistence) => ({
    name: `kill -9 of the server, append-only file: ${persistence}`,
    server: { persistence },
    make: killServer,
  })),
  { name: 'connection cut before the server has the request', make: cutting('cutNextRequest') },
  { name: 'connection cut before the answer', make: cutting('cutNextAnswer') },
  { name: 'FLUSHALL', make: duringTraining('FLUSHALL') },
  {
    name: 'no memory left',
    make: duringTraining('CONFIG', 'SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction'),
    mend: (server) => server.call('CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    name: 'the server becomes a replica',
    make: duringTraining('REPLICAOF', '127.0.0.1', '1'),
    mend: (server) => server.call('REPLICAOF', 'NO', 'ONE'),
  },
  {
    name: 'the password changes',
    make: async (server, proxy, { random }) => {
      await delay(random.integer(0, 400));
      await server.call('CONFIG', 'SET', 'requirepass', 'changed');
      proxy.cutNow();
    },
    mend: (server) => server.callAs('changed', 'CONFIG', 'SET', 'requirepass', ''),
  },
  {
    name: 'something else at the key',
    make: async (server, _proxy, { random }) => {
      await delay(random.integer(0, 400));
      await server.call('SET', FAULTS_STREAM, 'mine');
    },
    mend: (server) => server.call('FLUSHALL'),
  },
  { name: 'the server never comes', make: (server) => server.kill(), mend: (server) => server.startAgain() },
];

const troubleCells = TROUBLES.flatMap((trouble) =>
  (['worker', 'inline'] as const).map((host): Cell => ({
    promise: /password|something else/u.test(trouble.name) ? 'refused' : 'backend',
    fault: `redis: ${trouble.name}`,
    sinks: 'redis + jsonl',
    host,
    // One host of each in the suite: what differs between them is tested with other sinks.
    long: host === 'inline',
    play: (round) => playTrouble(round, trouble, host),
  })),
);

const RELAY_MACHINES = ['the same machine', 'another machine'] as const;

const relayCells = RELAY_MACHINES.flatMap((machine) =>
  [false, true].map((killsTrainers): Cell => ({
    promise: 'killed',
    fault: `kill -9 of a relay${killsTrainers ? ' and of trainers' : ''}, its successor on ${machine}`,
    sinks: 'redis, relayed to jsonl + tensorboard',
    host: 'worker',
    long: false,
    play: (round) => playRelays(round, machine, killsTrainers),
  })),
);

/** None where no server is installed: a cell without one could only fail. */
export const redisCells: readonly Cell[] = findRedisPrograms().length === 0 ? [] : [...troubleCells, ...relayCells];

async function withServer<T>(
  { random }: Round,
  options: RedisServerOptions,
  play: (server: RedisServer) => Promise<T>,
): Promise<T> {
  const server = await RedisServer.start(random.pick(findRedisPrograms()), options);
  try {
    return await play(server);
  } finally {
    await server.end();
  }
}

function playTrouble(round: Round, trouble: Trouble, host: Host): Promise<readonly string[]> {
  return withServer(round, trouble.server ?? {}, async (server) => {
    const { random, folder } = round;
    const proxy = await CuttableProxy.listen(server.port);
    const pace = random.pick(['yielding', 'bursts'] as const);
    const settings = settingsFor(folder, {
      sinks: ['jsonl', 'redis'],
      host,
      pace,
      end: 'close',
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      forMs: random.integer(500, 1_500),
      lingerMs: 300,
      backend: proxy.redisUrl,
    });
    const problems: string[] = [];
    const ended = new AbortController();
    const trainer = startTrainer(settings);
    if (random.chance(0.7)) await trainer.said('opened');
    const making = trouble.make(server, proxy, round, ended.signal);
    const { code } = await trainer.ended;
    ended.abort();
    await making;
    if (code !== 0) problems.push(`training ended with code ${code}: ${trainer.errors}`);
    const closeMs = Number((await trainer.said('closed')) ?? Infinity);
    round.measure('close', closeMs);
    if (closeMs > CLOSE_TIMEOUT_MS + CLOSE_GRACE_MS) problems.push(`close took ${closeMs} ms`);
    await proxy.close();
    await trouble.mend?.(server);
    const later = { ...settings, backend: server.url };
    problems.push(...(await recoverAndAudit(later, [{ name: settings.name, pace }], round)));
    return [...problems, ...(await streamProblems(server, readWriterLogs(folder, RUN_ID)))];
  });
}

/** Each record of the logs is in the stream once, a writer's in order. */
async function streamProblems(server: RedisServer, logs: readonly WriterLog[]): Promise<readonly string[]> {
  const decoded = (await server.entries(FAULTS_STREAM)).map((fields) => decodeEntry(fields));
  const records = decoded.flatMap((entry) => (entry.ok ? [entry] : []));
  const foreign = decoded.length - records.length;
  const byWriter = Map.groupBy(records, ({ writer }) => writer);
  return [
    ...(foreign === 0 ? [] : [`redis: ${foreign} entries are no records`]),
    ...logs.flatMap(({ writer, records: logged }) => {
      const held = byWriter.get(writer) ?? [];
      if (held.length !== logged.length)
        return [`redis: ${writer} has ${held.length} entries of ${logged.length} records`];
      const at = logged.findIndex((record, index) => !isDeepStrictEqual(record, held[index]?.record));
      return at < 0 ? [] : [`redis: ${writer} differs from its log at record ${at}`];
    }),
  ];
}

function playRelays(
  round: Round,
  machine: (typeof RELAY_MACHINES)[number],
  killsTrainers: boolean,
): Promise<readonly string[]> {
  return withServer(round, { persistence: 'everysec' }, async (server) => {
    const { random, folder } = round;
    const firstFolder = path.join(folder, 'first');
    const lastFolder = machine === 'the same machine' ? firstFolder : path.join(folder, 'second');
    const trainers: (Trainer & { readonly settings: TrainerSettings })[] = [];
    const relays = [startRelay(firstFolder, server.url)];
    try {
      await hasBegun(relays[0]);
      if (random.chance(0.5)) relays.push(startRelay(lastFolder, server.url));
      for (let index = 0; index < 2; index += 1) {
        const pace = random.pick(['yielding', 'bursts'] as const);
        const name = `p${index}`;
        const settings = settingsFor(folder, {
          sinks: ['redis'],
          pace,
          name,
          end: 'close',
          closeTimeoutMs: CLOSE_TIMEOUT_MS,
          backend: server.url,
          forMs: random.integer(600, 1_500),
        });
        trainers.push({ name, pace, settings });
        const trainer = startTrainer(settings);
        await trainer.said('opened');
        await delay(random.integer(50, 800));
        if (index === 0) await relays[0]?.kill();
        if (killsTrainers && random.chance(0.7)) await trainer.kill();
        const { code, signal } = await trainer.ended;
        if (code !== 0 && signal !== 'SIGKILL') return [`${name} ended with code ${code}: ${trainer.errors}`];
      }
      if (relays.length === 1) relays.push(startRelay(lastFolder, server.url));
      const [{ settings }] = [...trainers, { settings: settingsFor(folder) }];
      const recovered = await recoverAndAudit(settings, trainers, round);
      const logs = readWriterLogs(folder, RUN_ID);
      const problems = [...recovered, ...(await streamProblems(server, logs))];
      const judge = (): readonly string[] => [
        ...rowProblems(lastFolder, RUN_ID, logs),
        ...eventProblems(lastFolder, RUN_ID, logs),
      ];
      const deadline = Date.now() + WAIT_MS;
      while (judge().length > 0 && Date.now() < deadline) await delay(POLL_MS);
      return [...problems, ...judge()];
    } finally {
      for (const relay of relays) await relay.kill();
    }
  });
}

/** The first relay of a group reads as soon as it is there. */
async function hasBegun(relay: ChildProgram | undefined): Promise<void> {
  for (let polls = 0; relay?.errors.includes('reading') === false && polls < WAIT_MS / POLL_MS; polls += 1)
    await delay(POLL_MS);
}

function startRelay(folder: string, url: string): ChildProgram {
  mkdirSync(folder, { recursive: true });
  return new ChildProgram(
    RUNCAST,
    ['relay', '--from', 'redis', '--group', 'faults', '--dir', path.join(folder, 'relay')],
    {
      REDIS__URL: url,
      REDIS__STREAM: FAULTS_STREAM,
      JSONL__ENABLED: 'true',
      JSONL__DIR: rowsFolder(folder),
      TENSORBOARD__ENABLED: 'true',
      TENSORBOARD__LOG_DIR: eventsFolder(folder),
      TENSORBOARD__LOG_EVERY_N_STEPS: '1',
    },
  );
}
