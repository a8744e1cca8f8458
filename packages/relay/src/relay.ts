/**
 * A relay: carries runs from a Redis stream to its own directory and to sinks. Any number may run for one stream; one of them
 * reads, the others wait for the lock and go on where it is needed when the first is gone.
 */

import { errorMessage, TerminalSinkError, type SinkSpec } from '@runcast/core';
import { backoffMs, Bell, keepingAlive, systemScheduler, type Scheduler } from '@runcast/delivery';
import { RedisConnection } from '@runcast/redis';
import type { Lease } from '@runcast/runlog';
import { RelayDirectory } from './relay-directory.ts';
import type { RelayEvent } from './relay-event.ts';
import { relayKeys } from './relay-keys.ts';
import { RelayTerm } from './relay-term.ts';
import { LockLostError, StreamLock } from './stream-lock.ts';

const LOCK_POLL_MS = 500;
const DEFAULT_DRAIN_TIMEOUT_MS = 30_000;

export interface RelayOptions {
  /** Of the server. */
  readonly url: string;
  readonly stream: string;
  /** Relays of one group share the work; each group reads everything. */
  readonly group: string;
  /** Where the runs are kept: a directory of its own. */
  readonly dir: string;
  /** Names it among the relays of the group. */
  readonly relay: string;
  readonly sinks: readonly SinkSpec[];
  /** Aborted, it reads nothing more, delivers what it has, and leaves. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: RelayEvent) => void;
  /** How long leaving may take, in milliseconds; 30,000 where left out. */
  readonly drainTimeoutMs?: number;
  readonly scheduler?: Scheduler;
}

/** How a relay ended. */
export interface RelayReport {
  /** Runs in its directory of which a sink has not got everything. */
  readonly owingRuns: number;
}

/**
 * Relays until it is told to stop. What passes is tried again; rejects with a TerminalSinkError where the server refuses, and
 * with a ConfigError where the directory cannot be used.
 */
export function runRelay(options: RelayOptions): Promise<RelayReport> {
  return keepingAlive(relayUntilStopped(options));
}

async function relayUntilStopped(options: RelayOptions): Promise<RelayReport> {
  const { stream, signal, onEvent, scheduler = systemScheduler } = options;
  const directory = new RelayDirectory(options.dir, stream);
  const bell = new Bell(scheduler);
  signal.addEventListener('abort', () => bell.ring());
  let failures = 0;
  while (!signal.aborted) {
    try {
      const report = await serve(options, directory, scheduler, bell, () => {
        failures = 0;
      });
      if (report !== undefined) return report;
    } catch (error) {
      if (error instanceof TerminalSinkError) throw error;
      if (error instanceof LockLostError) {
        onEvent({ type: 'ended', reason: errorMessage(error) });
        continue;
      }
      failures += 1;
      onEvent({ type: 'trouble', message: errorMessage(error) });
      await bell.wait(Math.min(LOCK_POLL_MS * 4, backoffMs(failures, scheduler.random())));
    }
  }
  return { owingRuns: 0 };
}

/** One connection's time: waiting for the lock, then a term. Resolves to nothing where it is stopped while it waits. */
async function serve(
  options: RelayOptions,
  directory: RelayDirectory,
  scheduler: Scheduler,
  bell: Bell,
  onSuccess: () => void,
): Promise<RelayReport | undefined> {
  const { url, stream, group, relay, signal, onEvent, sinks, drainTimeoutMs = DEFAULT_DRAIN_TIMEOUT_MS } = options;
  const keys = relayKeys(stream, group);
  const connection = await RedisConnection.open(url);
  const acquire = async (): Promise<Turn | undefined> => {
    const lease = directory.acquire();
    if (lease === undefined) return undefined;
    let lock: StreamLock | undefined;
    try {
      lock = await StreamLock.acquire(connection, keys, relay);
    } finally {
      // The next attempt needs it, also where the server could not say.
      if (lock === undefined) lease.release();
    }
    return lock === undefined ? undefined : { lock, lease };
  };
  try {
    const turn = await waitForTurn(acquire, options, bell, onSuccess);
    if (turn === undefined) return undefined;
    const { lock, lease } = turn;
    try {
      const about = { connection, lock, keys, directory, relay, scheduler, drainTimeoutMs, onEvent };
      const term = new RelayTerm({ ...about, specs: sinks });
      const stop = (): void => term.stop();
      signal.addEventListener('abort', stop);
      const owingRuns = await term.run();
      signal.removeEventListener('abort', stop);
      return { owingRuns };
    } finally {
      lease.release();
    }
  } finally {
    connection.close();
  }
}

/** What a relay holds while it reads: the stream against other machines, the directory against other processes of this one. */
interface Turn {
  readonly lock: StreamLock;
  readonly lease: Lease;
}

async function waitForTurn(
  acquire: () => Promise<Turn | undefined>,
  { signal, onEvent }: RelayOptions,
  bell: Bell,
  onAnswer: () => void,
): Promise<Turn | undefined> {
  for (let polls = 0; !signal.aborted; polls += 1) {
    const turn = await acquire();
    onAnswer();
    if (turn !== undefined) return turn;
    if (polls === 0) onEvent({ type: 'standby' });
    await bell.wait(LOCK_POLL_MS);
  }
  return undefined;
}
