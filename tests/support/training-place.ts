// A directory for one test's runs: trainers started in it as processes of their own, and what they left behind read back by
// code that shares nothing with the sinks.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isJsonObject, toJson, type JsonObject } from '@runcast/core';

/** How a process ended. */
interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunningTrainer {
  readonly process: ChildProcess;
  readonly ended: Promise<Ending>;
  /** Resolves with the next whole line that it prints. */
  readonly nextLine: () => Promise<string>;
}

export interface TrainingPlace {
  readonly root: string;
  /** The environment of a run named `run-1`, with both file sinks on. */
  readonly env: Readonly<Record<string, string>>;
  readonly start: (script: string, args?: readonly string[], env?: Readonly<Record<string, string>>) => RunningTrainer;
  /** Rows of the JSONL file; throws at a line that is not JSON. */
  readonly rows: (runId?: string) => readonly JsonObject[];
  /** Lines of all logs of the run. */
  readonly logged: (runId?: string) => readonly JsonObject[];
  /** Steps with a loss in the run's event files, in the order of each file. Throws at a frame that is not whole. */
  readonly eventSteps: (runId?: string) => readonly number[];
  readonly remove: () => void;
}

const fixtures = path.join(import.meta.dirname, '..', 'publisher', 'fixtures');

export function makeTrainingPlace(host: 'worker' | 'inline'): TrainingPlace {
  const root = mkdtempSync(path.join(tmpdir(), 'runcast-training-'));
  const env = {
    RUNCAST__DIR: path.join(root, 'runs'),
    RUNCAST__RUN_ID: 'run-1',
    RUNCAST__HOST: host,
    JSONL__ENABLED: 'true',
    JSONL__DIR: path.join(root, 'jsonl'),
    TENSORBOARD__ENABLED: 'true',
    TENSORBOARD__LOG_DIR: path.join(root, 'tensorboard'),
    TENSORBOARD__LOG_EVERY_N_STEPS: '1',
  };
  return {
    root,
    env,
    start: (script, args = [], more = {}) => startTrainer(script, args, { ...env, ...more }),
    rows: (runId = 'run-1') => linesOf(path.join(root, 'jsonl', `${runId}.jsonl`)),
    logged: (runId = 'run-1') => {
      const logs = path.join(root, 'runs', runId, 'log');
      return readdirSync(logs).flatMap((name) => linesOf(path.join(logs, name)));
    },
    eventSteps: (runId = 'run-1') => {
      const folder = path.join(root, 'tensorboard', runId);
      if (!existsSync(folder)) return [];
      // Another writer's steps, which go back, are in folders of their own.
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .toSorted()
        .filter((name) => name.includes('tfevents'))
        .flatMap((name) => stepsWithLoss(readFileSync(path.join(folder, name))));
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function startTrainer(script: string, args: readonly string[], more: Readonly<Record<string, string>>): RunningTrainer {
  const flags = ['--conditions=runcast-source', '--disable-warning=ExperimentalWarning'];
  const env = { ...process.env, NODE_OPTIONS: '', ...more };
  const child = spawn(process.execPath, [...flags, path.join(fixtures, script), ...args], { env });
  let stdout = '';
  let stderr = '';
  let read = 0;
  const waiting: (() => void)[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const look of waiting.splice(0)) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return {
    process: child,
    ended: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    }),
    nextLine: () =>
      new Promise((resolve) => {
        const look = (): void => {
          const end = stdout.indexOf('\n', read);
          if (end < 0) {
            waiting.push(look);
            return;
          }
          const line = stdout.slice(read, end);
          read = end + 1;
          resolve(line);
        };
        look();
      }),
  };
}

function linesOf(file: string): readonly JsonObject[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  if (text !== '' && !text.endsWith('\n')) throw new Error(`${file} ends in the middle of a line`);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const value: unknown = JSON.parse(line);
      const json = toJson(value);
      if (!json.ok || !isJsonObject(json.value)) throw new TypeError(`${line} is no object`);
      return json.value;
    });
}

/** TFRecord frames: length, its checksum, data, its checksum. Of an event only its second field, the step, is read. */
function stepsWithLoss(file: Buffer): readonly number[] {
  const steps: number[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    const end = at + 12 + length;
    if (end + 4 > file.length) throw new RangeError(`the frame at byte ${at} is not whole`);
    const data = file.subarray(at + 12, end);
    if (data.includes('train/loss')) steps.push(stepOf(data));
    at = end + 4;
  }
  return steps;
}

/** Field 1 is a double of eight bytes behind its tag; field 2 follows it where the step is not 0. */
function stepOf(event: Buffer): number {
  if (event[9] !== 0x10) return 0;
  let step = 0;
  for (let at = 10, weight = 1; ; at += 1, weight *= 128) {
    const byte = event[at] ?? 0;
    step += (byte & 127) * weight;
    if (byte < 128) return step;
  }
}
