/**
 * Delivers what the sinks are owed of one run, whatever process logged it: the same engine as in training, on this loop, with
 * the run's lease held. Each sink has an engine of its own, so that a dead one keeps no other waiting.
 */

import { errorMessage, type SinkOutcome, type SinkSpec } from '@runcast/core';
import {
  InlineHost,
  lagRecords,
  removeDeliveredLogs,
  SinkOpenError,
  type DeliveryEvent,
  type DeliveryHost,
  type Scheduler,
  type SinkSettlement,
} from '@runcast/delivery';
import { acquireLease, readManifest, updateManifest, type RunDirectory } from '@runcast/runlog';
import { readRunOverview, type RunOverview, type SinkOverview } from './run-overview.ts';

/** How often progress is looked at. */
const LOOK_INTERVAL_MS = 250;

const LOG_DELIVERED = 'the log was deleted after it had been delivered to the sinks of that time';
const LOG_LOST = 'the log was deleted before any sink is known to have had it: what it held is lost';

export interface SyncOptions {
  readonly directory: RunDirectory;
  readonly specs: readonly SinkSpec[];
  readonly clock: Scheduler;
  /** A sink that has taken nothing for this long is given up. */
  readonly timeoutMs: number;
  /** Whether logs that every sink of the run has are deleted. */
  readonly keepLog: 'always' | 'until-delivered';
  readonly onEvent: (event: DeliveryEvent) => void;
  /** `done` of `total` records have been dealt with, over all sinks. */
  readonly onProgress: (done: number, total: number) => void;
}

export interface SyncedSink {
  readonly sink: string;
  /** Records the sink was given now. */
  readonly delivered: number;
  /** Records set aside because the sink refuses them for ever. */
  readonly refused: number;
  /** Records it still lacks. */
  readonly owed: number;
  /** Why something is owed, or its end is not known to be good; undefined where all is well. */
  readonly reason: string | undefined;
}

/** `owned`: a living process has the run and delivers it itself. */
export type SyncResult =
  | { readonly kind: 'synced'; readonly sinks: readonly SyncedSink[] }
  | { readonly kind: 'owned'; readonly owner: RunOverview['owner'] };

/** Rejects with the system's error where the run directory cannot be used. */
export async function syncRun(options: SyncOptions): Promise<SyncResult> {
  const { directory, specs, clock, onProgress } = options;
  const lease = acquireLease(directory.leaseFile);
  if (lease === undefined) return { kind: 'owned', owner: readRunOverview(directory, [], clock.nowMs()).owner };
  try {
    const names = specs.map(({ name }) => name);
    const { sinks: before, end, hasLog } = readRunOverview(directory, names, clock.nowMs());
    if (!hasLog) return { kind: 'synced', sinks: withoutLog(directory, names, before) };
    const owed = new Map(before.map((sink) => [sink.sink, sink.owed]));
    const counts = specs.map(() => ({ done: 0, total: 0 }));
    const sinks = await Promise.all(
      specs.map((spec, index) =>
        syncSink(options, spec, owed.get(spec.name) ?? 0, { status: end, final: true }, (done, total) => {
          counts[index] = { done, total };
          onProgress(
            counts.reduce((sum, count) => sum + count.done, 0),
            counts.reduce((sum, count) => sum + count.total, 0),
          );
        }),
      ),
    );
    const { sinks: after } = readRunOverview(directory, names, clock.nowMs());
    const settled = after.every((sink) => sink.owed === 0);
    updateManifest(directory, names, settled);
    if (settled && options.keepLog === 'until-delivered')
      removeDeliveredLogs(
        directory,
        after.map(({ sink }) => sink),
      );
    return { kind: 'synced', sinks };
  } finally {
    lease.release();
  }
}

/** What the sinks named have of a run whose log is not there. Throws the system's error. */
function withoutLog(
  directory: RunDirectory,
  names: readonly string[],
  before: readonly SinkOverview[],
): readonly SyncedSink[] {
  const manifest = readManifest(directory);
  const given = before.filter(({ delivered }) => delivered > 0).map(({ sink }) => sink);
  if (given.length === 0 && manifest?.begun !== true) {
    // Its owner died before it had a log, and nothing is owed.
    updateManifest(directory, names, true);
    return names.map((sink) => nothingDelivered(sink, undefined));
  }
  // `RUNCAST__KEEP_LOG=until-delivered` deletes a log that the sinks of its time have. Their cursors say so, or else the run.
  const settled = manifest?.settled === true ? manifest.sinks : [];
  const hadAll = given.length > 0 ? given : settled;
  const reason = hadAll.length > 0 ? LOG_DELIVERED : LOG_LOST;
  return names.map((sink) => nothingDelivered(sink, hadAll.includes(sink) ? undefined : reason));
}

function nothingDelivered(sink: string, reason: string | undefined): SyncedSink {
  return { sink, delivered: 0, refused: 0, owed: 0, reason };
}

async function syncSink(
  options: SyncOptions,
  spec: SinkSpec,
  owed: number,
  outcome: SinkOutcome,
  onProgress: (done: number, total: number) => void,
): Promise<SyncedSink> {
  const sink = spec.name;
  const { directory, clock, onEvent, timeoutMs } = options;
  let host: DeliveryHost;
  try {
    host = await InlineHost.open({ directory, sinks: [spec], scheduler: clock, onEvent });
  } catch (error) {
    return { sink, delivered: 0, refused: 0, owed, reason: openFailure(error) };
  }
  const complete = await deliverAll(host, owed, options, onProgress);
  // What is owed still comes in a later sync, so that this is no end.
  const settlements = await host.close({ ...outcome, final: complete }, complete ? timeoutMs : 0);
  return {
    sink,
    delivered: total(host, 'delivered'),
    refused: total(host, 'refused'),
    owed: settlements.reduce((sum, { owedRecords }) => sum + owedRecords, 0),
    reason: whyNot(settlements),
  };
}

/** True where the host's one sink has everything; false where it has stopped, or has taken nothing for as long as it may. */
async function deliverAll(
  host: DeliveryHost,
  owed: number,
  { clock, timeoutMs }: SyncOptions,
  onProgress: (done: number, total: number) => void,
): Promise<boolean> {
  let all = owed;
  let least = Infinity;
  let movedAtMs = clock.nowMs();
  for (;;) {
    // Once it has everything, what remains is a flush, which may take its time.
    const lookAfterMs = missing(host) === 0 ? timeoutMs : Math.min(LOOK_INTERVAL_MS, timeoutMs);
    const settlements = await host.flush(lookAfterMs);
    const left = missing(host);
    // More than was owed is left where the sink has lost what it had.
    all = Math.max(all, left);
    onProgress(all - left, all);
    if (whyNot(settlements) === undefined) return true;
    const lagBytes = total(host, 'lagBytes');
    if (lagBytes < least) movedAtMs = clock.nowMs();
    least = Math.min(least, lagBytes);
    const stopped = Object.values(host.health()).some(({ state }) => state === 'stopped');
    if (stopped || clock.nowMs() - movedAtMs >= timeoutMs) return false;
  }
}

/** Over both lanes of a sink. */
function total(host: DeliveryHost, count: 'delivered' | 'refused' | 'lagBytes'): number {
  return Object.values(host.health()).reduce(
    (sum, { uploads, ...health }) => sum + health[count] + (uploads?.[count] ?? 0),
    0,
  );
}

function missing(host: DeliveryHost): number {
  return Object.values(host.health()).reduce((sum, health) => sum + lagRecords(health), 0);
}

function whyNot(settlements: readonly SinkSettlement[]): string | undefined {
  return settlements.find(({ reason }) => reason !== undefined)?.reason;
}

/** Of the one sink that was opened, what it threw. */
function openFailure(error: unknown): string {
  return error instanceof SinkOpenError
    ? error.failures.map((failure) => errorMessage(failure.error)).join('; ')
    : errorMessage(error);
}
