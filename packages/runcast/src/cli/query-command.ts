/** `runcast query`: what a run store holds, asked from anywhere. */

import { UsageError, type ParsedArguments } from './parse-arguments.ts';
import type { CliContext, Command, ExitCode } from './command.ts';
import { STORE_OPTION } from './store-options.ts';

export const queryCommand: Command = {
  name: 'query',
  usage: '[run] [--where <filter>] [--sort <field>] [--limit <n>] [--columns <fields>] [--history] [--json]',
  summary: 'find runs in a run store, and show what it has of one',
  details: `Lists the runs of the store that STORE__URL names (sqlite:./runs/runcast.db), newest first. With <run>, an id, shows
everything of that run, and with --history its metrics, row by row. Nothing is written to the store, and runs that are
still trained are shown as they are; one that was not heard of for 5 minutes counts as crashed.

A filter is <field> <operator> <value>; several have to hold all. Operators are = != < <= > >= and ~, which finds a
part of a text in any case. A field alone finds the runs that have it, and with ! before it those that have not.
Values and keys that hold operators are quoted: 'config.url = "a=b"', 'summary."acc > 0.5" = 1'.
!= holds for runs without the value, too. Times are Unix seconds or dates, in UTC: 'started >= 2026-11-01'.

Fields: id, project, name, status, group, job_type, entity, host, notes, started, ended, duration (seconds), steps,
git.branch, git.commit, git.dirty, git.message, tag, config.<key>, summary.<key>

Exit codes: 0 done, also where nothing is found, 1 the store cannot be read, 2 the command makes no sense.`,
  options: [
    { name: 'where', value: '<filter>', meaning: 'only runs that fit; repeat it for more filters' },
    { name: 'sort', value: '<field>', meaning: 'smallest first; --sort=-<field> is largest first' },
    { name: 'limit', value: '<n>', meaning: 'so many runs at most' },
    { name: 'columns', value: '<fields>', meaning: 'fields to show beside the usual ones, with commas between' },
    { name: 'history', meaning: 'the rows of metrics of <run>, by axis and step' },
    { name: 'keys', value: '<keys>', meaning: 'only these metrics, with commas between (--history)' },
    { name: 'axis', value: '<axis>', meaning: 'only rows of an axis: step, epoch, <series>/step (--history)' },
    { name: 'from', value: '<n>', meaning: 'only rows from this step on (--history)' },
    { name: 'to', value: '<n>', meaning: 'only rows up to this step (--history)' },
    { name: 'csv', meaning: 'print the rows as CSV, a column a metric (--history)' },
    STORE_OPTION,
    { name: 'json', meaning: 'print JSON; of --history one line a row' },
  ],
  examples: [
    { command: `runcast query --where 'status = running'`, meaning: 'what is trained now' },
    {
      command: `runcast query --where 'config.lr >= 1e-3' --sort summary.val/loss --columns config.lr,summary.val/loss`,
      meaning: 'the best first',
    },
    { command: 'runcast query run-1', meaning: 'everything of one run' },
    { command: 'runcast query run-1 --history --keys train/loss --csv', meaning: 'its loss, for a spreadsheet' },
    { command: `runcast query --json | jq '.runs[].summary'`, meaning: 'for a pipe' },
  ],
  maxPositionals: 1,
  run: query,
};

async function query(args: ParsedArguments, context: CliContext): Promise<ExitCode> {
  checkOptions(args);
  // Databases' clients are not loaded for other commands.
  const { queryStore } = await import('./query-store.ts');
  return queryStore(args, context);
}

const OF_LISTS = ['where', 'sort', 'limit', 'columns'];
const OF_HISTORIES = ['keys', 'axis', 'from', 'to', 'csv'];

function checkOptions(args: ParsedArguments): void {
  const [run] = args.positionals;
  const ofList = OF_LISTS.find((name) => args.has(name));
  if (run !== undefined && ofList !== undefined)
    throw new UsageError(`--${ofList} is for a list of runs: leave out ${JSON.stringify(run)}`);
  if (run === undefined && args.has('history'))
    throw new UsageError('--history needs a run: runcast query <run> --history');
  const ofHistory = OF_HISTORIES.find((name) => args.has(name));
  if (ofHistory !== undefined && !args.has('history')) throw new UsageError(`--${ofHistory} is for --history`);
  if (args.has('csv') && args.has('json')) throw new UsageError('choose --csv or --json');
}
