/** `runcast export`: a run as CSV, as flat JSON rows or as event files. */

import { resolve } from 'node:path';
import { readConfiguration } from '../configuration.ts';
import type { CliContext, Command, ExitCode } from './command.ts';
import { fileOutput, streamOutput, type ExportOutput } from './export-output.ts';
import {
  EXPORT_FORMATS,
  exportCsv,
  exportJsonl,
  exportTensorboard,
  isFreeLogDir,
  type ExportFormat,
  type ExportResult,
  type OnProgress,
} from './export-run.ts';
import { findRun } from './find-run.ts';
import { writeJson } from './json-output.ts';
import { suggestion, UsageError, type ParsedArguments } from './parse-arguments.ts';
import { createProgress } from './progress.ts';
import { formatBytes, formatCount, formatRecords } from './quantities.ts';
import type { RunDirectory } from '@runcast/runlog';

export const exportCommand: Command = {
  name: 'export',
  usage: '<run> --format csv|jsonl|tensorboard [--output <path>] [--long] [--json]',
  summary: 'write a run as CSV, JSON rows or event files',
  details: `Writes a run's log in another form. <run> is an id below RUNCAST__DIR (./runs) or the path of a run directory.

csv          scalars only, one row a step and one column a key; epochs and series have axes of their own, and what has
             no step a row of its own. The later of two values at one step stays, and what a resumed run superseded is
             left out. The rows are put together in memory.
csv --long   every scalar as it was logged, one a line: time, kind, key, axis, step, value
jsonl        every record as the flat row that the JSONL sink writes
tensorboard  event files in <path>/<run id>

CSV and JSON rows go to the standard output without --output. Exit codes: 0 all is written, 1 lines of the log are
damaged (the rest is written) or it failed, 2 the command makes no sense.`,
  options: [
    { name: 'format', value: '<format>', meaning: EXPORT_FORMATS.join(', ') },
    { name: 'output', value: '<path>', meaning: 'file to write, or the log directory of event files' },
    { name: 'long', meaning: 'one value a line (csv)' },
    { name: 'json', meaning: 'print what was written as JSON; needs --output' },
  ],
  examples: [
    { command: 'runcast export run-1 --format csv --output run-1.csv', meaning: 'for a spreadsheet or a data frame' },
    { command: 'runcast export run-1 --format jsonl | jq .step', meaning: 'for a pipe' },
    { command: 'runcast export run-1 --format tensorboard --output logs', meaning: 'for TensorBoard' },
  ],
  maxPositionals: 1,
  run: exportRun,
};

function exportRun(args: ParsedArguments, context: CliContext): ExitCode {
  const { cwd, env, stdout, stderr, clock } = context;
  const { run, format, output, long } = readArguments(args);
  const path = output === undefined ? undefined : resolve(cwd, output);
  const directory = findRun(run, resolve(cwd, readConfiguration(env, cwd).run.dir), cwd);
  const progress = createProgress(run, stderr, () => clock.nowMs(), formatBytes);
  try {
    const onProgress: OnProgress = (done, total) => progress.update(done, total);
    const result = write({ directory, format, path, long, context, onProgress });
    progress.end();
    const { records, corrupt } = result;
    if (corrupt > 0) stderr.write(`${run}: ${formatCount(corrupt)} damaged lines of the log are left out\n`);
    if (args.has('json')) writeJson(stdout, { run: directory.runId, format, output: path, records, damaged: corrupt });
    else if (path !== undefined) stdout.write(`${run}: ${formatRecords(records)} read, written to ${output}\n`);
    return corrupt > 0 ? 1 : 0;
  } finally {
    progress.end();
  }
}

interface ExportRequest {
  readonly directory: RunDirectory;
  readonly format: ExportFormat;
  readonly path: string | undefined;
  readonly long: boolean;
  readonly context: CliContext;
  readonly onProgress: OnProgress;
}

function write({ directory, format, path, long, context, onProgress }: ExportRequest): ExportResult {
  switch (format) {
    case 'csv':
      return writeText(path, context, (output) => exportCsv(directory, output, long, onProgress));
    case 'jsonl':
      return writeText(path, context, (output) => exportJsonl(directory, output, onProgress));
    case 'tensorboard':
      if (path === undefined) throw new UsageError('--format tensorboard needs --output <directory>');
      if (!isFreeLogDir(directory, path))
        throw new UsageError(`${resolve(path, directory.runId)} holds files already: choose another --output`);
      return exportTensorboard(directory, path, onProgress);
    default:
      return format satisfies never;
  }
}

function writeText(
  path: string | undefined,
  { stdout }: CliContext,
  exportTo: (output: ExportOutput) => ExportResult,
): ExportResult {
  const output = path === undefined ? streamOutput(stdout) : fileOutput(path);
  try {
    const result = exportTo(output);
    output.complete();
    return result;
  } finally {
    output.abandon();
  }
}

function readArguments(args: ParsedArguments): {
  readonly run: string;
  readonly format: ExportFormat;
  readonly output: string | undefined;
  readonly long: boolean;
} {
  const [run] = args.positionals;
  if (run === undefined) throw new UsageError('name a run');
  const asked = args.values('format').at(-1);
  if (asked === undefined) throw new UsageError(`choose a format with --format (${EXPORT_FORMATS.join(', ')})`);
  const format = EXPORT_FORMATS.find((known) => known === asked);
  if (format === undefined)
    throw new UsageError(
      `there is no format ${JSON.stringify(asked)}${suggestion(asked, EXPORT_FORMATS)} (${EXPORT_FORMATS.join(', ')})`,
    );
  const long = args.has('long');
  const output = args.values('output').at(-1);
  if (long && format !== 'csv') throw new UsageError('--long is for --format csv');
  if (args.has('json') && output === undefined) throw new UsageError('--json needs --output');
  return { run, format, output, long };
}
