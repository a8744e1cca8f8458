/** What has to work before a run can be logged here, each tried for real and cleaned up after. */

import { randomUUID } from 'node:crypto';
import { existsSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeDirectory } from '@runcast/append-file';
import { createRunId, errorMessage, RunOpenError, type Environment } from '@runcast/core';
import { openHost } from '@runcast/delivery';
import {
  acquireLease,
  discardRunDirectory,
  listRuns,
  prepareRunDirectory,
  runDirectory,
  type Lease,
  type RunDirectory,
} from '@runcast/runlog';
import type { SinkTarget } from '../built-in-sinks.ts';
import { inspectConfiguration, type ConfigurationReading } from '../configuration.ts';
import { contextFromEnv } from '../context-file.ts';
import type { CliContext } from './command.ts';
import { formatRecords } from './quantities.ts';
import { readRunOverview } from './run-overview.ts';

export interface CheckResult {
  /** What was looked at, such as `run directory`. */
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  /** What was found. */
  readonly finding: string;
  /** What to do about it; undefined where nothing needs to be done. */
  readonly advice: string | undefined;
}

/** The oldest Node.js that has what Runcast uses. */
const LEAST_NODE = [22, 15] as const;
/** Of runs with something undelivered, those named. */
const MAX_NAMED_RUNS = 3;

/** All checks, in the order in which they are worth reading. Rejects for nothing. */
export async function runChecks(context: CliContext): Promise<readonly CheckResult[]> {
  const reading = inspectConfiguration(context.env, context.cwd);
  const dir = reading.run === undefined ? undefined : resolve(context.cwd, reading.run.dir);
  return [
    checkNode(context.nodeVersion),
    ...checkConfiguration(reading),
    ...checkContextFile(reading, context.env),
    ...(dir === undefined ? [] : await checkRunDirectory(dir)),
    ...(await checkSinks(reading)),
    ...(dir === undefined ? [] : checkUndelivered(dir, reading, context)),
  ];
}

function ok(check: string, finding: string): CheckResult {
  return { check, status: 'ok', finding, advice: undefined };
}

function warn(check: string, finding: string, advice: string): CheckResult {
  return { check, status: 'warn', finding, advice };
}

function fail(check: string, finding: string, advice: string): CheckResult {
  return { check, status: 'fail', finding, advice };
}

function checkNode(version: string): CheckResult {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
    ? ok('Node.js', version)
    : fail('Node.js', version, `install Node.js ${LEAST_NODE.join('.')} or later`);
}

function checkConfiguration({ problems, warnings }: ConfigurationReading): readonly CheckResult[] {
  const results = [
    ...problems.map(({ variable, message }) => fail('configuration', `${variable} ${message}`, 'see runcast env')),
    ...warnings.map((warning) => warn('configuration', warning, 'see runcast env')),
  ];
  return problems.length > 0 ? results : [ok('configuration', 'valid'), ...results];
}

function checkContextFile({ run }: ConfigurationReading, env: Environment): readonly CheckResult[] {
  try {
    const context = contextFromEnv(run?.context_file, env);
    return context === undefined ? [] : [ok('context file', `joins the run ${context.runId}`)];
  } catch (error) {
    return [fail('context file', errorMessage(error), 'unset the variable, or start the owner of the run first')];
  }
}

/** Opens a run there as a trainer would, and what a run needs in it. */
async function checkRunDirectory(dir: string): Promise<readonly CheckResult[]> {
  const madeFrom = firstMissing(dir);
  const runId = `doctor-${createRunId(Date.now(), Math.random)}`;
  const manifest = { v: 1, run: runId, created: 0, sinks: [], settled: true } as const;
  try {
    const { directory } = prepareRunDirectory(dir, runId, 'never', () => false, manifest);
    return [
      ok('run directory', `${dir} can be written`),
      checkLease(directory.leaseFile),
      await checkWorker(dir, directory),
    ];
  } catch (error) {
    const cause = error instanceof RunOpenError ? error.cause : undefined;
    const finding = cause === undefined ? errorMessage(error) : `${dir} cannot be used: ${errorMessage(cause)}`;
    return [fail('run directory', finding, 'set RUNCAST__DIR to a local directory that can be written')];
  } finally {
    discardRunDirectory(runDirectory(dir, runId));
    removeEmpty(dir, madeFrom);
  }
}

/** @param acquire Injected by tests: no file system at hand breaks its locks. */
export function checkLease(leaseFile: string, acquire: typeof acquireLease = acquireLease): CheckResult {
  const advice = 'use a local file system for RUNCAST__DIR; without a lease two processes could deliver one run';
  const held: (Lease | undefined)[] = [];
  try {
    held.push(acquire(leaseFile), acquire(leaseFile));
    const works = held[0] !== undefined && held[1] === undefined;
    return works
      ? ok('lease', 'node:sqlite locks, and one holder at a time')
      : fail('lease', 'the lock does not exclude a second holder', advice);
  } catch (error) {
    return fail('lease', errorMessage(error), advice);
  } finally {
    for (const lease of held) lease?.release();
  }
}

/** @param workerUrl The worker's file; the package's own where left out. */
export async function checkWorker(dir: string, directory: RunDirectory, workerUrl?: URL): Promise<CheckResult> {
  const host = await openHost({
    dir,
    directory,
    sinks: [],
    host: 'worker',
    onEvent: () => undefined,
    ...(workerUrl === undefined ? {} : { workerUrl }),
  });
  const { kind, reason } = host;
  await host.close({ status: 'unknown', final: false }, 0);
  return reason === undefined && kind === 'worker'
    ? ok('worker thread', 'starts')
    : warn(
        'worker thread',
        `does not start: ${String(reason)}`,
        'deliveries will run on the loop of the trainer, which has to yield to it',
      );
}

async function checkSinks({ sinks }: ConfigurationReading): Promise<readonly CheckResult[]> {
  const results = await Promise.all(
    sinks.map(async ({ sink, setting }): Promise<readonly CheckResult[]> => {
      // What is wrong with its variables has been said already.
      if (setting === undefined) return [];
      return [
        setting.enabled
          ? await checkTarget(sink.name, sink.prefix, setting.target)
          : offSink(sink.name, setting.off ?? `${sink.prefix}__ENABLED is not true`),
      ];
    }),
  );
  const allOff = sinks.every(({ setting }) => setting?.enabled === false);
  return allOff
    ? [...results.flat(), warn('sinks', 'none is on: nothing is written', 'switch one on, such as JSONL__ENABLED=true')]
    : results.flat();
}

function offSink(name: string, reason: string): CheckResult {
  return ok(name, `off, since ${reason}`);
}

/** Tries what a sink that is on delivers to. */
export async function checkTarget(name: string, prefix: string, target: SinkTarget): Promise<CheckResult> {
  const on = `on, since ${prefix}__ENABLED is true`;
  if (target.kind === 'directory') return checkTargetDirectory(name, on, target.path, target.variable);
  try {
    return ok(name, `${on}; ${await target.probe()}`);
  } catch (error) {
    return fail(name, `on, but ${target.address} does not serve: ${errorMessage(error)}`, `check ${target.variable}`);
  }
}

function checkTargetDirectory(name: string, on: string, directory: string, variable: string): CheckResult {
  const madeFrom = firstMissing(directory);
  try {
    makeDirectory(directory);
    const probe = join(directory, `.doctor-${randomUUID()}`);
    writeFileSync(probe, '');
    rmSync(probe);
    return ok(name, `${on}; ${directory} can be written`);
  } catch (error) {
    const finding = `on, but ${directory} cannot be written: ${errorMessage(error)}`;
    return fail(name, finding, `set ${variable} to a directory that can be written`);
  } finally {
    removeEmpty(directory, madeFrom);
  }
}

function checkUndelivered(dir: string, { sinks }: ConfigurationReading, { clock }: CliContext): readonly CheckResult[] {
  try {
    const enabled = sinks.flatMap(({ sink, setting }) => (setting?.enabled === true ? [sink.name] : []));
    const overviews = listRuns(dir).map((id) => readRunOverview(runDirectory(dir, id), enabled, clock.nowMs()));
    const ended = overviews.filter(({ status }) => status !== 'running');
    const owing = ended.filter((run) => run.sinks.some(({ owed }) => owed > 0));
    if (owing.length === 0) return [ok('undelivered runs', `none among ${ended.length}`)];
    const owed = owing.flatMap((run) => run.sinks).filter((sink) => sink.owed > 0);
    const names = [...new Set(owed.map(({ sink }) => sink))].join(',');
    const shown = owing.slice(0, MAX_NAMED_RUNS).map(({ id }) => id);
    const more = owing.length > MAX_NAMED_RUNS ? ', …' : '';
    const records = formatRecords(owed.reduce((sum, sink) => sum + sink.owed, 0));
    const finding = `${owing.length} of ${ended.length} (${shown.join(', ')}${more}) owe ${names} ${records}`;
    return [warn('undelivered runs', finding, `runcast sync --all --to ${names}`)];
  } catch (error) {
    return [fail('undelivered runs', errorMessage(error), `make ${dir} readable`)];
  }
}

/** The topmost directory on the way to `path` that does not exist; undefined where `path` exists. */
function firstMissing(path: string): string | undefined {
  if (existsSync(path)) return undefined;
  return firstMissing(dirname(path)) ?? path;
}

/** Removes `path` and what is above it up to `madeFrom`, the topmost directory that a check has made. */
function removeEmpty(path: string, madeFrom: string | undefined): void {
  if (madeFrom === undefined) return;
  try {
    rmdirSync(path);
  } catch {
    // It could not be made, or somebody else has put something there meanwhile.
    return;
  }
  if (path !== madeFrom) removeEmpty(dirname(path), madeFrom);
}
