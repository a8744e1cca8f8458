// What a trainer process is told, as command line options, and which sinks that means. The process that delivers later
// is told the same.
import { parseArgs } from 'node:util';
import path from 'node:path';
import type { SinkSpec } from '@runcast/core';
import { jsonlSink } from '@runcast/jsonl';
import { redisSink } from '@runcast/redis';
import { tensorboardSink } from '@runcast/tensorboard';

/**
 * The pace of a trainer: `yielding` logs once a millisecond and lets the loop run; `busy` logs 1,000 to 10,000 times a second
 * and never does; `bursts` logs up to 60 steps at once, then blocks or waits; `flat-out` does nothing but log.
 */
export const PACES = ['yielding', 'busy', 'bursts', 'flat-out'] as const;
export type Pace = (typeof PACES)[number];
export type Host = 'worker' | 'inline';

/**
 * `jsonl` and `tensorboard` are the real ones; with `faulty-` before their name their disk fails as long as the switch for
 * it is set; `http` talks to the scripted backend, `redis` to a server.
 */
export type SinkName = 'jsonl' | 'tensorboard' | 'faulty-jsonl' | 'faulty-tensorboard' | 'http' | 'redis';

export interface TrainerSettings {
  /** Everything of the round is below it: `runs`, `rows`, `events`, counts and fault switches. */
  readonly folder: string;
  readonly runId: string;
  readonly sinks: readonly SinkName[];
  readonly host: Host;
  readonly pace: Pace;
  /** Steps to log at most; then `end` happens. */
  readonly steps: number;
  /** Milliseconds to log for at most. */
  readonly forMs: number;
  /** `close` closes, `flush` does so after a flush, `exit` leaves without either, `wait` stays until it is killed. */
  readonly end: 'close' | 'flush' | 'exit' | 'wait';
  /** Names the trainer's own metric and its count of returned calls. */
  readonly name: string;
  /** Logs a loss too, under a key that all trainers of the run share. */
  readonly loss: boolean;
  readonly closeTimeoutMs: number;
  /** Where the scripted backend or the Redis server listens. */
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
  sinks: ['jsonl', 'tensorboard'],
  host: 'worker',
  pace: 'yielding',
  steps: 100_000,
  forMs: 600_000,
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

export function returnedStepsFile(folder: string, name: string): string {
  return path.join(folder, `${name}.returned`);
}

/** While this file exists, what it is for fails with the error code that it holds. `what` is `log` or a sink's name. */
export function faultSwitch(folder: string, what: string): string {
  return path.join(folder, `${what}.fault`);
}

/** The sinks as data: fit for a worker, for the caller's loop and for a later delivery. */
export function sinkSpecs({
  folder,
  sinks,
  backend,
}: Pick<TrainerSettings, 'folder' | 'sinks' | 'backend'>): readonly SinkSpec[] {
  return sinks.map((sink): SinkSpec => {
    switch (sink) {
      case 'jsonl':
        return jsonlSink({ dir: rowsFolder(folder) });
      case 'tensorboard':
        return tensorboardSink({ logDir: eventsFolder(folder), logEveryNSteps: 1 });
      case 'faulty-jsonl':
        return faultySink('jsonl', folder, { dir: rowsFolder(folder) });
      case 'faulty-tensorboard':
        return faultySink('tensorboard', folder, { logDir: eventsFolder(folder) });
      case 'http':
        return { name: 'http', module: new URL('./http-sink.ts', import.meta.url).href, config: { url: backend } };
      case 'redis':
        return redisSink({ url: backend, stream: FAULTS_STREAM });
      default:
        return sink satisfies never;
    }
  });
}

function faultySink(name: string, folder: string, config: SinkSpec['config']): SinkSpec {
  const module = new URL(`./faulty-${name}-sink.ts`, import.meta.url).href;
  return { name, module, config: { faultSwitch: faultSwitch(folder, name), config } };
}
