/** Opens a run: its directory, its lease, its log and its deliveries, in the order that leaves nothing behind when one fails. */

import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ConfigError,
  createRunId,
  errorMessage,
  isJsonObject,
  randomName,
  redactArguments,
  redactObject,
  runIdProblems,
  RunOpenError,
  toJson,
  type ConfigProblem,
  type JsonObject,
  type MetricShapes,
  type MetricsPublisher,
  type OpenRecord,
  type RecordBody,
  type RecordLog,
  type RunOptions,
  type Sink,
  type SinkSpec,
} from '@runcast/core';
import {
  findUndeliveredRuns,
  loadWorkerHosts,
  MemberHost,
  openHost,
  systemScheduler,
  type DeliveryHost,
} from '@runcast/delivery';
import {
  acquireLease,
  createBlobStore,
  discardRunDirectory,
  existsAlready,
  hasLogs,
  isLeased,
  LogWriter,
  nullBlobStore,
  prepareRunDirectory,
  updateManifest,
  writeWhole,
  type Lease,
  type RunDirectory,
  type RunManifest,
} from '@runcast/runlog';
import { encodeContext } from './context-file.ts';
import { readGitMetadata } from './git-metadata.ts';
import { OwnerMonitor } from './owner-monitor.ts';
import { PublisherEmitter, RunPublisher } from './run-publisher.ts';

const DEFAULT_CLOSE_TIMEOUT_MS = 30_000;
/** Earlier runs looked at for undelivered records, the latest first: an opening must not take longer the more runs there are. */
const MAX_RUNS_LOOKED_AT = 200;
const LEASE_ATTEMPTS = 3;
const LEASE_RETRY_MS = 20;
/** Of a writer's name: enough that containers with equal pids and clocks do not meet. */
const WRITER_NAME_LENGTH = 10;

interface CommonPublisherOptions {
  readonly run?: RunOptions;
  /** Where run directories are made; `./runs` where left out. */
  readonly dir?: string;
  /** Milliseconds that close waits for slow backends; 30,000 where left out. */
  readonly closeTimeoutMs?: number;
  /** Whether the log is deleted once every sink has all of it; `always` keeps it. */
  readonly keepLog?: 'always' | 'until-delivered';
  /** Whether the log is forced to the disk when closing. */
  readonly fsync?: 'never' | 'close';
  /**
   * Milliseconds from one record of system metrics to the next: what this process and its machine use of processors, memory,
   * disk, network and GPUs. None where left out or 0, nor in a process that joins a run, until it takes the run over.
   */
  readonly systemMetricsIntervalMs?: number;
}

/** Sinks as data may live in a worker thread, and do unless `host` says `inline`. */
export interface SpecPublisherOptions extends CommonPublisherOptions {
  readonly sinks: readonly SinkSpec[];
  readonly host?: 'worker' | 'inline';
}

/** A sink that is an object of the caller's cannot leave the caller's thread. */
export interface ObjectPublisherOptions extends CommonPublisherOptions {
  readonly sinks: readonly (Sink | SinkSpec)[];
  readonly host?: 'inline';
}

export type PublisherOptions = SpecPublisherOptions | ObjectPublisherOptions;

/**
 * Opens a publisher with the sinks given. Reads no environment.
 *
 * @throws ConfigError for bad options, all at once; RunOpenError where the run cannot be opened as asked; SinkOpenError where a
 * sink can never work as configured.
 */
export function createPublisher<Shapes extends MetricShapes = MetricShapes>(
  options: PublisherOptions,
): Promise<MetricsPublisher<Shapes>> {
  return openPublisher<Shapes>(options, false);
}

/**
 * As {@link createPublisher}.
 *
 * @param joining The run is somebody else's: this process appends to it, delivers only while its owner is gone, and does not
 * end it. Without sinks of its own it still appends.
 */
export async function openPublisher<Shapes extends MetricShapes = MetricShapes>(
  options: PublisherOptions,
  joining: boolean,
): Promise<MetricsPublisher<Shapes>> {
  const { run = {}, sinks } = options;
  const config = checkOptions(run, sinks);
  const events = new PublisherEmitter();
  const runId = run.id ?? createRunId(Date.now(), Math.random);
  if (sinks.length === 0 && !joining) return nullPublisher(runId, run, events);

  const dir = resolve(options.dir ?? './runs');
  const sinkNames = sinks.map((sink) => sink.name);
  const git = await readGitMetadata('.');
  const prepared = prepareRunDirectory(
    dir,
    runId,
    run.resume ?? 'never',
    ({ leaseFile }) => isLeased(leaseFile),
    newManifest(runId, run, sinkNames),
  );
  const { directory } = prepared;
  // A run that cannot be opened leaves nothing behind: its id could not be used again.
  const undo: (() => unknown)[] = [];
  if (prepared.created)
    undo.push(() => {
      // Unless another process has opened it meanwhile.
      if (!hasLogs(directory)) discardRunDirectory(directory);
    });
  try {
    const openDeliveries = (): Promise<DeliveryHost> => {
      updateManifest(directory, sinkNames, false);
      return openHost({
        dir,
        directory,
        sinks,
        host: options.host ?? 'worker',
        onEvent: (event) => events.deliveryEvent(event),
      });
    };
    const lease = joining ? undefined : await acquireOwnership(directory.leaseFile);
    undo.push(() => lease?.release());
    // Between the look at the directory and the lease, another process may have opened the run and ended it.
    if (lease !== undefined && (run.resume ?? 'never') === 'never' && hasLogs(directory))
      throw existsAlready(dir, runId);
    const ownHost = lease === undefined ? undefined : await openDeliveries();
    undo.push(() => ownHost?.close({ status: 'unknown', final: false }, 0));
    const writerName = randomName(WRITER_NAME_LENGTH, Math.random);
    const writer = openLog(directory, writerName, events);
    undo.push(() => {
      writer.close();
      // Nothing is in it, and a directory with a log is somebody's.
      rmSync(writer.path, { force: true });
    });
    if (lease !== undefined) {
      writeWhole(directory.contextFile, encodeContext(runId, directory.path, run.project, run.entity));
      // Notes that there is a log now: where it is missing later, somebody has deleted it.
      updateManifest(directory, sinkNames, false);
      noticeUndelivered(dir, runId, events);
    }
    const role = lease === undefined ? 'member' : 'owner';
    const open = openRecord(runId, writerName, run, config, role, prepared.resumed, git);
    const monitor = await loadMonitor(dir, open, options.systemMetricsIntervalMs ?? 0, events);
    // A trainer may be busy when it takes the run over, and nothing can be loaded then.
    if (ownHost === undefined && options.host !== 'inline') await loadWorkerHosts();
    const member =
      ownHost === undefined
        ? new MemberHost({
            directory,
            writer: writerName,
            sinks: sinkNames,
            acquireLease: () => acquireLease(directory.leaseFile),
            openHost: () => {
              const opening = openDeliveries();
              monitor?.startEarly();
              return opening;
            },
            onTakeover: (failure) => {
              if (failure === undefined) monitor?.start();
              else monitor?.stop();
              events.takeover(failure);
            },
            scheduler: systemScheduler,
          })
        : undefined;
    if (lease !== undefined) monitor?.start();
    const publisher = new RunPublisher<Shapes>(
      {
        info: { id: runId, name: run.name, project: run.project, directory: directory.path, url: undefined },
        directory,
        writer,
        log: member === undefined ? writer : watchedLog(writer, member),
        blobs: createBlobStore(directory, writerName),
        host: ownHost ?? member,
        lease,
        monitor,
        closeTimeoutMs: options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS,
        keepLog: options.keepLog ?? 'always',
        fsync: options.fsync ?? 'never',
        nowMs: () => Date.now(),
      },
      events,
    );
    publisher.record(open);
    return publisher;
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  }
}

/** Throws RunOpenError where no file can be made. */
function openLog({ logDirectory }: RunDirectory, writer: string, events: PublisherEmitter): LogWriter {
  try {
    return new LogWriter({
      logDirectory,
      writer,
      onFailure: (error) => events.deliveryEvent({ type: 'sinkError', sink: 'log', error, terminal: false }),
      onRecovery: (attempts) => events.deliveryEvent({ type: 'recovered', sink: 'log', attempts }),
    });
  } catch (error) {
    throw new RunOpenError(
      `the log of the run cannot be made in ${logDirectory}: ${errorMessage(error)}; set RUNCAST__DIR (dir) to a directory that can be written`,
      { cause: error },
    );
  }
}

/** Whoever asks whether a run is owned holds its lease for a moment: a refusal counts once it has been repeated. */
async function acquireOwnership(leaseFile: string): Promise<Lease | undefined> {
  for (let attempt = 1; attempt < LEASE_ATTEMPTS; attempt += 1) {
    const lease = acquireLease(leaseFile);
    if (lease !== undefined) return lease;
    await delay(LEASE_RETRY_MS);
  }
  return acquireLease(leaseFile);
}

function newManifest(runId: string, run: RunOptions, sinks: readonly string[]): RunManifest {
  return {
    v: 1,
    run: runId,
    ...(run.project === undefined ? {} : { project: run.project }),
    ...(run.name === undefined ? {} : { name: run.name }),
    created: Date.now() / 1000,
    sinks,
    settled: false,
  };
}

/**
 * System metrics come from one process of a machine, the one that owns the run: a run directory is on one machine. They are a
 * writer of their own, which knows of the run what this process does. Loaded whether it owns the run or may come to.
 */
async function loadMonitor(
  dir: string,
  own: RecordBody<OpenRecord>,
  intervalMs: number,
  events: PublisherEmitter,
): Promise<OwnerMonitor | undefined> {
  if (!(intervalMs > 0)) return undefined;
  // What is superseded has been said once.
  const { resume_step: _, ...identity } = own;
  // Most trainers do without, and start faster.
  const { SystemMonitor: Monitor } = await import('@runcast/system');
  return new OwnerMonitor(
    () =>
      new Monitor({
        dir,
        open: { ...identity, writer: randomName(WRITER_NAME_LENGTH, Math.random), role: 'member', config: {} },
        intervalMs,
        onFailure: (error) => events.deliveryEvent({ type: 'sinkError', sink: 'system', error, terminal: false }),
      }),
  );
}

/** A member asks after the owner as it logs, since a trainer that never yields runs no timer. */
function watchedLog(writer: LogWriter, member: MemberHost): RecordLog {
  return {
    append: (line, nowMs, writeNow) => {
      const taken = writer.append(line, nowMs, writeNow);
      member.noticeAppend(nowMs);
      return taken;
    },
  };
}

/** Earlier runs that a crash left undelivered are not forgotten: the next start in the directory says so. */
function noticeUndelivered(dir: string, runId: string, events: PublisherEmitter): void {
  try {
    const runs = findUndeliveredRuns(dir, MAX_RUNS_LOOKED_AT).filter((other) => other !== runId);
    const [first] = runs;
    if (first === undefined) return;
    const which =
      runs.length === 1 ? `1 run in ${dir} is undelivered (${first})` : `${runs.length} runs in ${dir} are undelivered`;
    events.warn(`${which}; deliver with: npx runcast sync ${runs.length === 1 ? first : '--all'}`);
  } catch (error) {
    events.warn(`the runs in ${dir} could not be looked through for undelivered records: ${errorMessage(error)}`);
  }
}

/** Without a sink nothing is written; calls are checked as ever. */
function nullPublisher<Shapes extends MetricShapes>(
  runId: string,
  run: RunOptions,
  events: PublisherEmitter,
): MetricsPublisher<Shapes> {
  return new RunPublisher<Shapes>(
    {
      info: { id: runId, name: run.name, project: run.project, directory: undefined, url: undefined },
      directory: undefined,
      writer: undefined,
      log: { append: () => true },
      blobs: nullBlobStore,
      host: undefined,
      lease: undefined,
      monitor: undefined,
      closeTimeoutMs: 0,
      keepLog: 'always',
      fsync: 'never',
      nowMs: () => Date.now(),
    },
    events,
  );
}

/** Throws everything that is wrong at once. Returns the configuration as JSON, secrets redacted. */
function checkOptions(run: RunOptions, sinks: readonly (Sink | SinkSpec)[]): JsonObject {
  const config = toJson(run.config ?? {});
  const problems: ConfigProblem[] = [...runIdProblems(run.id, 'run.id (RUNCAST__RUN_ID)')];
  if (!config.ok) problems.push({ variable: 'run.config', message: config.problem });
  else if (!isJsonObject(config.value)) problems.push({ variable: 'run.config', message: 'expects an object' });
  for (const field of ['project', 'name', 'entity', 'group', 'jobType', 'notes'] as const)
    if (run[field] !== undefined && typeof run[field] !== 'string')
      problems.push({ variable: `run.${field}`, message: `expects text, holds a ${typeof run[field]}` });
  if (run.tags !== undefined && !isTexts(run.tags))
    problems.push({ variable: 'run.tags', message: 'expects an array of texts' });
  if (run.resumeStep !== undefined && (!Number.isSafeInteger(run.resumeStep) || run.resumeStep < 0)) {
    problems.push({
      variable: 'run.resumeStep',
      message: `expects an integer from 0, holds ${String(run.resumeStep)}`,
    });
  }
  for (const name of duplicates(sinks.map((sink) => sink.name)))
    problems.push({ variable: 'sinks', message: `has two sinks named ${JSON.stringify(name)}` });
  for (const { name } of sinks)
    if (!/^[a-z][a-z0-9-]{0,63}$/u.test(name))
      problems.push({
        variable: 'sinks',
        message: `has a sink named ${JSON.stringify(name)}: lower-case letters, digits and dashes are needed`,
      });
  if (problems.length > 0 || !config.ok || !isJsonObject(config.value)) throw new ConfigError(problems);
  return redactObject(config.value);
}

/** Callers without a type checker hand over anything, and a record that is none would be lost to every sink. */
function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function duplicates(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function openRecord(
  runId: string,
  writer: string,
  run: RunOptions,
  config: JsonObject,
  role: OpenRecord['role'],
  resumed: boolean,
  git: OpenRecord['git'],
): RecordBody<OpenRecord> {
  const { project, name, entity, group, jobType, notes, tags, resumeStep } = run;
  return {
    kind: 'open',
    run: runId,
    writer,
    host: hostname(),
    pid: process.pid,
    role,
    config,
    argv: redactArguments(process.argv.slice(1)),
    ...(project === undefined ? {} : { project }),
    ...(name === undefined ? {} : { name }),
    ...(entity === undefined ? {} : { entity }),
    ...(group === undefined ? {} : { group }),
    ...(jobType === undefined ? {} : { job_type: jobType }),
    ...(notes === undefined ? {} : { notes }),
    ...(tags === undefined ? {} : { tags }),
    ...(git === undefined ? {} : { git }),
    ...(resumed ? { resumed } : {}),
    ...(resumeStep === undefined ? {} : { resume_step: resumeStep }),
  };
}
