// What a trainer process is told, as command line options. The process that delivers later is told the same. Nothing of
// Runcast is loaded by this: what a trainer puts in the place of system calls has to be there before.
import { parseArgs } from 'node:util';
import path from 'node:path';
import type { ResumeMode } from '@runcast/core';

/**
 * The pace of a trainer: `yielding` logs once a millisecond and lets the loop run; `busy` logs 1,000 to 10,000 times a second
 * and never does; `bursts` logs up to 60 steps at once, then blocks or waits; `blocks` logs 10,000 steps a second in bursts of
 `burst` and never yields between them, nor after its last; `flat-out` does nothing but log.
 */
export const PACES = ['yielding', 'busy', 'bursts', 'blocks', 'flat-out'] as const;
export type Pace = (typeof PACES)[number];
export type Host = 'worker' | 'inline';

/**
 * `jsonl` and `tensorboard` are the real ones; with `faulty-` before their name their disk fails as long as the switch for
 * it is set; with `mortal-`, the worker that writes to it dies as soon as it is; `tfjs-tensorboard` has TensorFlow write the
 * event files; `http` talks to the scripted backend, `wandb` to the W&B server for tests, `wandb-sdk` too,
 * by W&B's own client, `redis` to a Redis server; `sqlite` and `postgres` are the run store in a file below the folder and
 * on a server.
 */
export type SinkName =
  | 'jsonl'
  | 'tensorboard'
  | 'faulty-jsonl'
  | 'faulty-tensorboard'
  | 'mortal-jsonl'
  | 'tfjs-tensorboard'
  | 'http'
  | 'wandb'
  | 'wandb-sdk'
  | 'redis'
  | 'sqlite'
  | 'postgres';

/** What the W&B server for tests wants to be told. */
export const WANDB_TEST_KEY: string = 'f'.repeat(40);

export interface TrainerSettings {
  /** Everything of the round is below it: `runs`, `rows`, `events`, counts and fault switches. */
  readonly folder: string;
  /** What to do where the run exists already. */
  readonly resume: ResumeMode;
  readonly runId: string;
  readonly sinks: readonly SinkName[];
  readonly host: Host;
  readonly pace: Pace;
  /** Steps to log at most; then `end` happens. */
  readonly steps: number;
  /** Steps of each burst, for the pace of that name. */
  readonly burst: number;
  /** Milliseconds to log for at most. */
  readonly forMs: number;
  /** What has to happen before it ends, as it says it: where it has not yet, the trainer goes on for a while. Empty for nothing. */
  readonly until: string;
  /**
   * `close` closes, `flush` does so after a flush; `exit` comes to its natural end without either, `leave` calls process.exit
   * and `throw` throws; `wait` stays until it is killed.
   */
  readonly end: 'close' | 'flush' | 'exit' | 'leave' | 'throw' | 'wait';
  /** Names the trainer's own metric and its count of returned calls. */
  readonly name: string;
  /** Logs a loss too, under a key that all trainers of the run share. */
  readonly loss: boolean;
  readonly closeTimeoutMs: number;
  /** Where the scripted backend, the W&B server for tests, the Redis or the PostgreSQL server listens. */
  readonly backend: string;
  /** Settings of a child to be run while this trainer's thread is blocked; empty where there is none. */
  readonly child: string;
  /** Milliseconds the trainer still waits between its last step and its end. */
  readonly lingerMs: number;
}

/** Where trainers publish to. */
export const FAULTS_STREAM = 'faults';

export const DEFAULT_SETTINGS = {
  runId: 'run-1',
  resume: 'allow',
  sinks: ['jsonl', 'tensorboard'],
  host: 'worker',
  pace: 'yielding',
  steps: 100_000,
  burst: 1,
  forMs: 600_000,
  until: '',
  end: 'wait',
  name: 'p0',
  loss: true,
  closeTimeoutMs: 10_000,
  backend: '',
  child: '',
  lingerMs: 0,
} as const;

export function encodeSettings(settings: TrainerSettings): string {
  return JSON.stringify(settings);
}

/** Reads what {@link encodeSettings} wrote, from the command line. */
export function readSettings(): TrainerSettings {
  const { positionals } = parseArgs({ allowPositionals: true });
  const settings: unknown = JSON.parse(positionals[0] ?? '');
  if (!isSettings(settings)) throw new TypeError('started without settings');
  return settings;
}

function isSettings(value: unknown): value is TrainerSettings {
  return (
    typeof value === 'object' && value !== null && 'folder' in value && 'pace' in value && Array.isArray(sinksOf(value))
  );
}

function sinksOf(value: object): unknown {
  return 'sinks' in value ? value.sinks : undefined;
}

export function runsFolder(folder: string): string {
  return path.join(folder, 'runs');
}

export function rowsFolder(folder: string): string {
  return path.join(folder, 'rows');
}

export function eventsFolder(folder: string): string {
  return path.join(folder, 'events');
}

/** The run store's, where it is SQLite. */
export function storeFile(folder: string): string {
  return path.join(folder, 'store', 'runcast.db');
}

/** Where the run store of these trainers is; undefined where they have none. */
export function storeUrl({
  folder,
  sinks,
  backend,
}: Pick<TrainerSettings, 'folder' | 'sinks' | 'backend'>): string | undefined {
  if (sinks.includes('sqlite')) return `sqlite:${storeFile(folder)}`;
  return sinks.includes('postgres') ? backend : undefined;
}

export function returnedStepsFile(folder: string, name: string): string {
  return path.join(folder, `${name}.returned`);
}

/** While this file exists, what it is for fails with the error code that it holds. `what` is `log` or a sink's name. */
export function faultSwitch(folder: string, what: string): string {
  return path.join(folder, `${what}.fault`);
}
