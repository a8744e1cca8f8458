/**
 * Three trainers and two relays, each with directories of its own as on a machine of its own, and a Redis server between them.
 * In the middle of it one trainer and the relay that reads are killed. In the end every curve is complete, in the files of
 * the relay that is left.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRunId } from 'runcast';
import { startServer } from './redis-server.ts';

const STEPS = 300;
const PATIENCE_MS = 60_000;
const command = join(import.meta.dirname, '..', '..', '..', 'packages', 'runcast', 'src', 'bin.ts');
const place = resolve('machines', createRunId(Date.now(), Math.random));
const server = await startServer(join(place, 'redis'));
console.log(`everything is below ${place}`);

/** What a machine's processes find in their environment. */
function environment(machine: string): NodeJS.ProcessEnv {
  const folder = join(place, machine);
  mkdirSync(folder, { recursive: true });
  return {
    ...process.env,
    REDIS__URL: server.url,
    RUNCAST__DIR: join(folder, 'runs'),
    JSONL__DIR: join(folder, 'rows'),
    TENSORBOARD__LOG_DIR: join(folder, 'tensorboard'),
    TENSORBOARD__LOG_EVERY_N_STEPS: '1',
  };
}

function startTrainer(name: string, firstStep: number): ChildProcess {
  const env = { ...environment(name), REDIS__ENABLED: 'true', RUNCAST__RUN_ID: name, RUNCAST__RESUME: 'allow' };
  const args = [join(import.meta.dirname, 'trainer.ts'), String(firstStep), String(STEPS)];
  return spawn(process.execPath, [...process.execArgv, ...args], { env, stdio: 'inherit' });
}

function startRelay(name: string): ChildProcess {
  const env = { ...environment(name), JSONL__ENABLED: 'true', TENSORBOARD__ENABLED: 'true' };
  const args = ['relay', '--from', 'redis', '--group', 'near', '--dir', join(place, name, 'relay')];
  const relay = spawn(process.execPath, [...process.execArgv, command, ...args], {
    env,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  relay.stderr.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trimEnd().split('\n')) console.log(`${name}: ${line}`);
  });
  return relay;
}

function lines(files: readonly string[]): number {
  return files.reduce(
    (sum, file) => sum + (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0),
    0,
  );
}

/** Records that a trainer has logged, and rows that a relay has made of them. */
const logged = (trainer: string): number => lines(globSync(join(place, trainer, 'runs', trainer, 'log', '*.jsonl')));
const rows = (relay: string, trainer: string): number => lines([join(place, relay, 'rows', `${trainer}.jsonl`)]);

async function until(comesAbout: () => boolean): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !comesAbout() && Date.now() < deadline;) await delay(50);
}

const relays = [startRelay('relay-1')];
await until(() => existsSync(join(place, 'relay-1', 'relay', 'relay.json')));
await delay(500);
relays.push(startRelay('relay-2'));
const names = ['trainer-a', 'trainer-b', 'trainer-c'];
const trainers = new Map(names.map((name) => [name, startTrainer(name, 1)]));

await until(() => names.every((name) => rows('relay-1', name) >= STEPS / 3));
trainers.get('trainer-b')?.kill('SIGKILL');
relays[0]?.kill('SIGKILL');
console.log(
  `killed: trainer-b after ${logged('trainer-b')} records, relay-1 after ${rows('relay-1', 'trainer-b')} of them`,
);
// Its last step is in its log: whoever resumes the run delivers what it has left.
trainers.set('trainer-b', startTrainer('trainer-b', logged('trainer-b')));

const ended = await Promise.all([...trainers.values()].map(async (trainer) => once(trainer, 'exit')));
await until(() => names.every((name) => rows('relay-2', name) >= logged(name)));
const relay = relays[1];
if (relay !== undefined) {
  relay.kill('SIGTERM');
  await once(relay, 'exit');
}
server.stop();

for (const name of names)
  console.log(`${name}: ${logged(name)} records logged, ${rows('relay-2', name)} rows in relay-2/rows/${name}.jsonl`);
console.log(`tensorboard --logdir ${join(place, 'relay-2', 'tensorboard')}`);
const isComplete = names.every((name) => logged(name) > STEPS && rows('relay-2', name) === logged(name));
process.exitCode = isComplete && ended.every(([code]) => code === 0) ? 0 : 1;
