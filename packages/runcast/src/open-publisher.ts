/** Opens a run: its directory, its lease, its log and its deliveries, in the order that leaves nothing behind when one fails. */

import { hostname } from 'node:os';
import { resolve } from 'node:path';
import {
  ConfigError,
  createRunId,
  isJsonObject,
  randomName,
  redactArguments,
  redactObject,
  runIdProblems,
  toJson,
  type ConfigProblem,
  type JsonObject,
  type MetricShapes,
  type MetricsPublisher,
  type OpenRecord,
  type RecordBody,
  type RunOptions,
  type Sink,
  type SinkSpec,
} from '@runcast/core';
import { openHost } from '@runcast/delivery';
import {
  acquireLease,
  createBlobStore,
  discardRunDirectory,
  isLeased,
  LogWriter,
  nullBlobStore,
  prepareRunDirectory,
  writeWhole,
  type RunDirectory,
} from '@runcast/runlog';
import { encodeContext } from './context-file.ts';
import { readGitMetadata } from './git-metadata.ts';
import { PublisherEmitter, RunPublisher, type Ownership } from './run-publisher.ts';

const DEFAULT_CLOSE_TIMEOUT_MS = 30_000;
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
export async function createPublisher<Shapes extends MetricShapes = MetricShapes>(
  options: PublisherOptions,
): Promise<MetricsPublisher<Shapes>> {
  const { run = {}, sinks } = options;
  const config = checkOptions(run, sinks);
  const events = new PublisherEmitter();
  const runId = run.id ?? createRunId(Date.now(), Math.random);
  if (sinks.length === 0) return nullPublisher(runId, run, events);

  const dir = resolve(options.dir ?? './runs');
  const git = await readGitMetadata('.');
  const identity = {
    ...(run.project === undefined ? {} : { project: run.project }),
    ...(run.name === undefined ? {} : { name: run.name }),
  };
  const manifest = { v: 1, run: runId, ...identity, created: Date.now() / 1000 } as const;
  const prepared = prepareRunDirectory(
    dir,
    runId,
    run.resume ?? 'never',
    ({ leaseFile }) => isLeased(leaseFile),
    manifest,
  );
  const { directory, created } = prepared;
  const undo: (() => unknown)[] = created ? [() => discardRunDirectory(directory)] : [];
  try {
    const takeOver = (): Promise<Ownership | undefined> => takeOwnership(dir, directory, options, events);
    const ownership = await takeOver();
    undo.push(() => abandon(ownership));
    const writerName = randomName(WRITER_NAME_LENGTH, Math.random);
    const writer = new LogWriter({
      logDirectory: directory.logDirectory,
      writer: writerName,
      onFailure: (error) => events.deliveryEvent({ type: 'sinkError', sink: 'log', error, terminal: false }),
      onRecovery: (attempts) => events.deliveryEvent({ type: 'recovered', sink: 'log', attempts }),
    });
    undo.push(() => writer.close());
    if (ownership !== undefined)
      writeWhole(directory.contextFile, encodeContext(runId, directory.path, run.project, run.entity));
    const publisher = new RunPublisher<Shapes>(
      {
        info: { id: runId, name: run.name, project: run.project, directory: directory.path, url: undefined },
        directory,
        writer,
        log: writer,
        blobs: createBlobStore(directory, writerName),
        ownership,
        hostReason: 'another publisher owns the run and delivers for all',
        takeOver,
        closeTimeoutMs: options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS,
        keepLog: options.keepLog ?? 'always',
        fsync: options.fsync ?? 'never',
        nowMs: () => Date.now(),
      },
      events,
    );
    const role = ownership === undefined ? 'member' : 'owner';
    publisher.record(openRecord(runId, writerName, run, config, role, !created, git));
    return publisher;
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
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
      ownership: undefined,
      hostReason: 'no sink is on',
      takeOver: () => Promise.resolve(undefined),
      closeTimeoutMs: 0,
      keepLog: 'always',
      fsync: 'never',
      nowMs: () => Date.now(),
    },
    events,
  );
}

/** Takes the lease and opens the sinks; undefined where another publisher holds it. */
async function takeOwnership(
  dir: string,
  directory: RunDirectory,
  options: PublisherOptions,
  events: PublisherEmitter,
): Promise<Ownership | undefined> {
  const lease = acquireLease(directory.leaseFile);
  if (lease === undefined) return undefined;
  try {
    const host = await openHost({
      dir,
      directory,
      sinks: options.sinks,
      host: options.host ?? 'worker',
      onEvent: (event) => events.deliveryEvent(event),
    });
    return { lease, host };
  } catch (error) {
    lease.release();
    throw error;
  }
}

async function abandon(ownership: Ownership | undefined): Promise<void> {
  await ownership?.host.close({ status: 'unknown', final: false }, 0);
  ownership?.lease.release();
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

/** Callers without a type checker hand over anything. */
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
