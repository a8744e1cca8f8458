/** `runcast sync`: delivers runs to sinks after the fact, those that a backend missed and those it was chosen for later. */

import { resolve } from 'node:path';
import { errorMessage, type Environment, type SinkSpec } from '@runcast/core';
import { listRuns, runDirectory, type RunDirectory } from '@runcast/runlog';
import { BUILT_IN_SINKS } from '../built-in-sinks.ts';
import { readConfiguration } from '../configuration.ts';
import type { CliContext, Command, ExitCode } from './command.ts';
import { deliveryEventText } from './delivery-event-text.ts';
import { findRun, openedAs } from './find-run.ts';
import { writeJson } from './json-output.ts';
import { suggestion, UsageError, type ParsedArguments } from './parse-arguments.ts';
import { createProgress } from './progress.ts';
import { formatRecords } from './quantities.ts';
import { readRunOverview } from './run-overview.ts';
import { syncRun, type SyncedSink, type SyncOptions } from './sync-run.ts';
import { styleFor, type Style } from './terminal-style.ts';

const DEFAULT_TIMEOUT_SECS = 60;
const MAX_TIMEOUT_SECS = 86_400;

export const syncCommand: Command = {
  name: 'sync',
  usage: '<run>... | --all [--to <sink>] [--timeout <seconds>]',
  summary: 'deliver what sinks are owed of a run',
  details: `Delivers to each sink what it does not have of a run yet, whatever process logged it: after a crash, after a backend was
down, or to a sink that was not on at the time. <run> is an id below RUNCAST__DIR (./runs) or the path of a run
directory. The sinks' options come from the environment. Doing it again changes nothing.

A run that a living process owns is left to that process. Exit codes: 0 everything is delivered, 1 something is
still owed, or gone with a log that was deleted, 2 the command makes no sense.`,
  options: [
    {
      name: 'to',
      value: '<sink>',
      meaning: 'deliver to this sink; repeat it or use commas; those that are on otherwise',
    },
    { name: 'all', meaning: 'every run that owes a sink something' },
    {
      name: 'timeout',
      value: '<seconds>',
      meaning: `give up on a sink that has taken nothing for this long (${DEFAULT_TIMEOUT_SECS})`,
    },
    { name: 'json', meaning: 'print JSON' },
  ],
  examples: [
    { command: 'runcast sync 20261121-094512-k3v9xq', meaning: 'deliver a run to every sink that is on' },
    { command: 'runcast sync run-1 --to tensorboard', meaning: 'show a run in TensorBoard that was logged without it' },
    { command: 'runcast sync --all', meaning: 'deliver everything that is owed' },
  ],
  maxPositionals: Infinity,
  run: syncRuns,
};

/** A run, and the sinks to deliver it to. */
interface Debt {
  readonly directory: RunDirectory;
  readonly specs: readonly SinkSpec[];
}

interface RunResult {
  readonly run: string;
  readonly path: string;
  readonly sinks: readonly SyncedSink[];
  /** Why there is nothing to say of the sinks. */
  readonly problem: string | undefined;
  /** A living process delivers the run, so that it is in good hands. */
  readonly owned: boolean;
}

async function syncRuns(args: ParsedArguments, context: CliContext): Promise<ExitCode> {
  const { dir, specs, keepLog } = readSinks(
    context,
    args.values('to').flatMap((names) => names.split(',')),
  );
  const timeoutMs = readTimeout(args.values('timeout').at(-1)) * 1000;
  const all = args.has('all');
  if (all && args.positionals.length > 0) throw new UsageError('--all takes no run beside it');
  if (!all && args.positionals.length === 0) throw new UsageError('name a run, or use --all');
  const debts = all
    ? owedRuns(dir, specs, context)
    : args.positionals.map((run) => ({ directory: findRun(run, dir, context.cwd), specs }));
  const style = styleFor(context.stdout, context.env);
  const results: RunResult[] = [];
  for (const debt of debts) {
    const result = await syncOne(debt, { timeoutMs, keepLog }, context);
    results.push(result);
    if (args.has('json')) continue;
    if (result.problem !== undefined) context.stderr.write(`${result.run}: ${result.problem}\n`);
    for (const sink of result.sinks) context.stdout.write(`${result.run}: ${sinkLine(sink, style)}\n`);
  }
  if (args.has('json')) writeJson(context.stdout, { runs: results.map((result) => resultJson(result)) });
  else if (debts.length === 0) context.stdout.write(`nothing is owed below ${dir}\n`);
  return results.some((result) => isOwing(result, all)) ? 1 : 0;
}

/** Whoever names a run wants it delivered now; among all of them, one that its owner delivers is no failure. */
function isOwing({ sinks, problem, owned }: RunResult, all: boolean): boolean {
  return (
    sinks.some(({ owed, reason }) => owed > 0 || reason !== undefined) || (problem !== undefined && !(owned && all))
  );
}

async function syncOne(
  { directory, specs }: Debt,
  given: Pick<SyncOptions, 'timeoutMs' | 'keepLog'>,
  { stderr, env, clock }: CliContext,
): Promise<RunResult> {
  const style = styleFor(stderr, env);
  const { runId: run, path } = directory;
  const progress = createProgress(run, stderr, () => clock.nowMs());
  try {
    const result = await syncRun({
      directory,
      specs,
      clock,
      ...given,
      onEvent: (event) => {
        const text = deliveryEventText(event);
        if (text !== undefined) progress.print(`${style('yellow', `${run}:`)} ${text}`);
      },
      onProgress: (done, total) => progress.update(done, total),
    });
    if (result.kind === 'synced') return { run, path, sinks: result.sinks, problem: undefined, owned: false };
    const owner = result.owner === undefined ? 'a process' : `process ${result.owner.pid} on ${result.owner.host}`;
    const problem = `${owner} is still logging this run and delivers it itself; sync it when that has ended`;
    return { run, path, sinks: [], problem, owned: true };
  } catch (error) {
    return { run, path, sinks: [], problem: `cannot be delivered: ${errorMessage(error)}`, owned: false };
  } finally {
    progress.end();
  }
}

function sinkLine({ sink, delivered, refused, owed, reason }: SyncedSink, style: Style): string {
  const aside = refused === 0 ? '' : `, ${formatRecords(refused)} set aside in dead-letters/${sink}.jsonl`;
  if (owed > 0) return `${sink} ${style('red', `is still owed ${formatRecords(owed)}`)}: ${reason ?? ''}${aside}`;
  if (reason !== undefined) return `${sink} ${style('red', 'failed')}: ${reason}${aside}`;
  return `${sink} ${style('green', delivered === 0 ? 'is up to date' : `took ${formatRecords(delivered)}`)}${aside}`;
}

function resultJson({ run, path, sinks, problem }: RunResult): object {
  return {
    run,
    path,
    problem: problem ?? null,
    sinks: sinks.map((sink) => ({ ...sink, reason: sink.reason ?? null })),
  };
}

/** The sinks named, or those that are on. A sink that is named counts as on. */
function readSinks(
  { env, cwd }: CliContext,
  names: readonly string[],
): { readonly dir: string; readonly specs: readonly SinkSpec[]; readonly keepLog: SyncOptions['keepLog'] } {
  const known = BUILT_IN_SINKS.map(({ name }) => name);
  for (const name of names)
    if (!known.includes(name))
      throw new UsageError(`there is no sink ${JSON.stringify(name)}${suggestion(name, known)} (${known.join(', ')})`);
  const named = BUILT_IN_SINKS.filter(({ name }) => names.includes(name));
  const switchedOn: Environment = Object.fromEntries(named.map(({ prefix }) => [`${prefix}__ENABLED`, 'true']));
  const { run, sinks } = readConfiguration({ ...env, ...switchedOn }, cwd);
  const specs = named.length === 0 ? sinks : sinks.filter(({ name }) => names.includes(name));
  if (specs.length === 0)
    throw new UsageError(`no sink is on; name one with --to (${known.join(', ')}), or set its ENABLED variable`);
  return { dir: resolve(cwd, run.dir), specs, keepLog: run.keep_log };
}

function readTimeout(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_TIMEOUT_SECS : Number(text);
  if (seconds > 0 && seconds <= MAX_TIMEOUT_SECS) return seconds;
  throw new UsageError(`--timeout expects seconds up to ${MAX_TIMEOUT_SECS}, holds ${JSON.stringify(text)}`);
}

/** Every run that owes something, with the sinks it owes. */
function owedRuns(dir: string, specs: readonly SinkSpec[], { clock }: CliContext): readonly Debt[] {
  const names = specs.map(({ name }) => name);
  return listRuns(dir)
    .map((id) => openedAs(runDirectory(dir, id)))
    .map((directory) => {
      const { sinks } = readRunOverview(directory, names, clock.nowMs());
      const owed = sinks.filter((sink) => sink.owed > 0).map(({ sink }) => sink);
      return { directory, specs: specs.filter(({ name }) => owed.includes(name)) };
    })
    .filter((debt) => debt.specs.length > 0);
}
