/** `pnpm bench [names] [options]`: runs benchmarks and prints what came out; see README.md beside this folder. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { findPostgresPrograms } from '../../tests/support/postgres-server.ts';
import { findRedisPrograms } from '../../tests/support/redis-server.ts';
import type { Benchmark } from './benchmark.ts';
import { besideFailingSinks } from './beside-failing-sinks.ts';
import { endToEnd } from './end-to-end.ts';
import { eventFileSize } from './event-file-size.ts';
import { importTime } from './import.ts';
import { logStep, logStepPaced } from './log-step.ts';
import { memory } from './memory.ts';
import { neverYields } from './never-yields.ts';
import { installPeer, type PythonPeer } from './python-peers.ts';
import { readEventFiles } from './read-events.ts';
import { redisStream, relayMemory, relayRate } from './redis.ts';
import { summarise, toMarkdown, type BenchmarkResult } from './report.ts';
import { runRounds } from './rounds.ts';
import { storeRate, storeScale } from './store.ts';
import { engines, histogram } from './tfjs.ts';
import { wandbCalls, wandbMemory, wandbOffline, wandbOnline } from './wandb.ts';

/** Made when they are asked for, since some look for what they need. */
const BENCHMARKS: ReadonlyMap<string, () => Benchmark> = new Map([
  ['log-step', logStep],
  ['log-step-paced', logStepPaced],
  ['end-to-end', endToEnd],
  ['event-file-size', eventFileSize],
  ['read-events', readEventFiles],
  ['engines', engines],
  ['histogram', histogram],
  ['never-yields', neverYields],
  ['beside-failing-sinks', besideFailingSinks],
  ['memory', memory],
  ['wandb-online', wandbOnline],
  ['wandb-calls', wandbCalls],
  ['wandb-offline', wandbOffline],
  ['wandb-memory', wandbMemory],
  ['redis', redisStream],
  ['relay', relayRate],
  ['relay-memory', relayMemory],
  ['store', storeRate],
  ['store-scale', () => storeScale(runsAsked)],
  ['import', importTime],
]);

/** Those with peers written in Python. */
const PEERS: ReadonlyMap<string, readonly PythonPeer[]> = new Map([
  ['end-to-end', ['tensorboard', 'torch']],
  ['read-events', ['tensorboard']],
  ['wandb-online', ['wandb']],
  ['wandb-calls', ['wandb']],
  ['wandb-offline', ['wandb']],
  ['store', ['mlflow']],
]);

/** Those with a server. */
const WITH_REDIS: ReadonlySet<string> = new Set(['redis', 'relay', 'relay-memory']);
const WITH_POSTGRES: ReadonlySet<string> = new Set(['store', 'store-scale']);

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    runs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    'with-torch': { type: 'boolean', default: false },
    'with-tfjs': { type: 'boolean', default: false },
  },
});

const unknown = positionals.filter((name) => !BENCHMARKS.has(name));
const asked = options.rounds === undefined ? undefined : Number(options.rounds);
const runsAsked = options.runs === undefined ? undefined : Number(options.runs);
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}; there are ${[...BENCHMARKS.keys()].join(', ')}.`);
  process.exitCode = 2;
} else if (!isCount(asked)) {
  console.error(`--rounds expects an integer from 1, not ${options.rounds}.`);
  process.exitCode = 2;
} else if (!isCount(runsAsked)) {
  console.error(`--runs expects an integer from 1, not ${options.runs}.`);
  process.exitCode = 2;
} else {
  await run(positionals.length === 0 ? [...BENCHMARKS.keys()] : positionals);
}

function isCount(number: number | undefined): boolean {
  return number === undefined || (Number.isInteger(number) && number > 0);
}

async function run(names: readonly string[]): Promise<void> {
  const scale = options.quick ? 'quick' : 'full';
  installPeers(new Set(names.flatMap((name) => PEERS.get(name) ?? [])));
  // Servers come with what the tests read files back with.
  const lacksRedis = names.some((name) => WITH_REDIS.has(name)) && findRedisPrograms().length === 0;
  const lacksPostgres = names.some((name) => WITH_POSTGRES.has(name)) && findPostgresPrograms().length === 0;
  if (lacksRedis || lacksPostgres) setUp('python-environment.ts');
  if (options['with-tfjs']) setUp('setup-tfjs.ts');
  const results: BenchmarkResult[] = [];
  const pages: string[] = [];
  for (const name of names) {
    const benchmark = BENCHMARKS.get(name)?.();
    if (benchmark === undefined) continue;
    const count = asked ?? benchmark.rounds[scale];
    const rounds = await runRounds(benchmark, count, scale, (round) => say(`${name}: round ${round} of ${count}`));
    const result = summarise(benchmark, rounds, count);
    const page = toMarkdown(benchmark.figures, result);
    results.push(result);
    pages.push(page);
    if (!options.json) console.log(`\n${page}\n`);
  }
  if (options.json) console.log(JSON.stringify({ machine: machine(), scale, results }, null, 2));
  if (options.save)
    save(`# ${today()}\n\n${machine()}, ${scale} scale. Compare within a table only.\n\n${pages.join('\n\n')}\n`);
}

function installPeers(peers: ReadonlySet<PythonPeer>): void {
  for (const peer of peers) {
    // Once it has been asked for it stays.
    if (peer === 'torch' && !options['with-torch']) continue;
    say(`looking for ${peer}`);
    const problem = installPeer(peer);
    if (problem !== undefined) say(`${peer} could not be installed: ${problem}`);
  }
}

/** As the tests have it. */
function setUp(script: string): void {
  const file = path.join(import.meta.dirname, '..', '..', 'scripts', script);
  execFileSync(process.execPath, [file], { stdio: ['ignore', 2, 2] });
}

/** Progress goes beside the results. */
function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

function machine(): string {
  return `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`;
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

function save(text: string): void {
  const folder = path.join(import.meta.dirname, '..', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${today()}.md`), text);
}
