/** `runcast ls`: the runs of a directory, newest first. */

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { listRuns, runDirectory } from '@runcast/runlog';
import { readConfiguration } from '../configuration.ts';
import type { CliContext, Command, ExitCode } from './command.ts';
import { writeJson } from './json-output.ts';
import { UsageError, type ParsedArguments } from './parse-arguments.ts';
import { formatCount, formatDuration, formatTime } from './quantities.ts';
import { readRunOverview, type RunOverview, type SinkOverview } from './run-overview.ts';
import { styleFor, type Style } from './terminal-style.ts';
import { textTable } from './text-table.ts';

export const lsCommand: Command = {
  name: 'ls',
  usage: '[dir] [--json]',
  summary: 'list the runs of a directory, newest first',
  details: `Lists the runs below <dir>, or below RUNCAST__DIR (./runs) where it is left out. The status is how the run's owner
ended it; "running" means that a process owns it now, "crashed" that the owner went without ending it. A sink is
listed where it was on for the run, or is on in the environment now: "ok" has everything, a number is owed.`,
  options: [{ name: 'json', meaning: 'print JSON' }],
  examples: [
    { command: 'runcast ls', meaning: 'the runs of this directory' },
    { command: 'runcast ls /data/runs', meaning: 'those of another' },
    {
      command: `runcast ls --json | jq -r '.runs[] | select(.status == "crashed") | .id'`,
      meaning: 'ids of crashed runs',
    },
  ],
  maxPositionals: 1,
  run: listCommand,
};

function listCommand(args: ParsedArguments, context: CliContext): ExitCode {
  const configuration = readConfiguration(context.env, context.cwd);
  const [asked] = args.positionals;
  const dir = resolve(context.cwd, asked ?? configuration.run.dir);
  if (asked !== undefined && !isDirectory(dir)) throw new UsageError(`there is no directory ${dir}`);
  const sinks = configuration.sinks.map(({ name }) => name);
  const runs = listRuns(dir)
    .map((id) => readRunOverview(runDirectory(dir, id), sinks, context.clock.nowMs()))
    .toSorted((left, right) => right.started - left.started);
  if (args.has('json')) {
    writeJson(context.stdout, { dir, runs: runs.map((run) => runJson(run)) });
    return 0;
  }
  if (runs.length === 0) {
    context.stderr.write(`no runs in ${dir}\n`);
    return 0;
  }
  const style = styleFor(context.stdout, context.env);
  const header = ['RUN', 'PROJECT', 'NAME', 'STATUS', 'STARTED (UTC)', 'DURATION', 'RECORDS', 'STEP', 'SINKS'];
  context.stdout.write(
    textTable([header.map((title) => style('dim', title)), ...runs.map((run) => runRow(run, style))]),
  );
  return 0;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function runRow(run: RunOverview, style: Style): readonly string[] {
  return [
    run.id,
    run.project ?? '-',
    run.name ?? '-',
    style(STATUS_COLOURS[run.status], run.status),
    formatTime(run.started),
    formatDuration(run.duration),
    formatCount(run.records),
    run.lastStep === undefined ? '-' : formatCount(run.lastStep),
    run.sinks.map((sink) => sinkText(sink, style)).join(', '),
  ];
}

/** How statuses are coloured, wherever runs are listed. */
export const STATUS_COLOURS = {
  running: 'bold',
  finished: 'green',
  failed: 'red',
  crashed: 'red',
  unknown: 'yellow',
} as const;

function sinkText({ sink, owed }: SinkOverview, style: Style): string {
  return owed === 0 ? `${sink} ok` : `${sink} ${style('yellow', `${formatCount(owed)} owed`)}`;
}

function runJson(run: RunOverview): object {
  return {
    id: run.id,
    path: run.path,
    project: run.project ?? null,
    name: run.name ?? null,
    status: run.status,
    started: run.started,
    duration_secs: run.duration,
    records: run.records,
    last_step: run.lastStep ?? null,
    sinks: run.sinks,
  };
}
