/** Opens the store that `runcast query` asks, and asks it. */

import { openStore, parseRunField, type HistoryQuery, type RunQuery, type Store } from '@runcast/store';
import type { CliContext, ExitCode } from './command.ts';
import { suggestion, UsageError, type ParsedArguments } from './parse-arguments.ts';
import { csvRows, jsonRows, textRows } from './query-history.ts';
import { showRun } from './query-run.ts';
import { showRuns, type AskedColumn } from './query-runs.ts';
import { asking, findStoredRun, listOption, openAskedStore } from './store-runs.ts';
import { styleFor } from './terminal-style.ts';

const PIECE_LENGTH = 65_536;

/** Rejects with a UsageError for what is no question, with a StoreError where the store cannot be read. */
export async function queryStore(args: ParsedArguments, context: CliContext): Promise<ExitCode> {
  const [id] = args.positionals;
  return asking<ExitCode>(async () => {
    // What is wrong with the question is said before a server is asked.
    const runQuery = readRunQuery(args);
    const columns = readColumns(args);
    const historyQuery = readHistoryQuery(args);
    await using store = await openAskedStore(args, context, openStore);
    if (id === undefined) await showRuns(store, runQuery, columns, args.has('json'), context);
    else if (args.has('history')) await showHistory(store, id, historyQuery, args, context);
    else await showRun(store, await findStoredRun(store, id), args.has('json'), context);
    return 0;
  });
}

async function showHistory(
  store: Store,
  id: string,
  query: HistoryQuery,
  args: ParsedArguments,
  { stdout, stderr, env }: CliContext,
): Promise<void> {
  await findStoredRun(store, id);
  const lines = args.has('csv')
    ? csvRows(store, id, query)
    : args.has('json')
      ? jsonRows(store, id, query)
      : textRows(store, id, query, styleFor(stdout, env));
  let isEmpty = true;
  let pending = '';
  for await (const line of lines) {
    isEmpty = false;
    pending += line;
    if (pending.length < PIECE_LENGTH) continue;
    stdout.write(pending);
    pending = '';
  }
  stdout.write(pending);
  if (isEmpty) stderr.write(`${id}: ${await whyNothing(store, id, query)}\n`);
}

async function whyNothing(store: Store, id: string, { keys = [] }: HistoryQuery): Promise<string> {
  const known = new Set<string>();
  if (keys.length > 0)
    for await (const { metrics } of store.history(id)) for (const key of Object.keys(metrics)) known.add(key);
  const unknown = keys.find((key) => !known.has(key));
  return unknown === undefined
    ? 'no rows of metrics'
    : `no metric ${JSON.stringify(unknown)}${suggestion(unknown, [...known])}`;
}

function readRunQuery(args: ParsedArguments): RunQuery {
  const orderBy = args.values('sort').at(-1);
  const limit = readInteger(args, 'limit');
  return {
    where: args.values('where'),
    ...(orderBy === undefined ? {} : { orderBy }),
    ...(limit === undefined ? {} : { limit }),
  };
}

function readColumns(args: ParsedArguments): readonly AskedColumn[] {
  return listOption(args, 'columns').map((name) => ({ name, field: parseRunField(name) }));
}

function readHistoryQuery(args: ParsedArguments): HistoryQuery {
  const axis = args.values('axis').at(-1);
  const from = readInteger(args, 'from');
  const to = readInteger(args, 'to');
  return {
    ...(args.has('keys') ? { keys: listOption(args, 'keys') } : {}),
    ...(axis === undefined ? {} : { axis }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

function readInteger(args: ParsedArguments, option: string): number | undefined {
  const text = args.values(option).at(-1);
  if (text === undefined) return undefined;
  if (/^-?\d+$/u.test(text)) return Number(text);
  throw new UsageError(`--${option} expects an integer, holds ${JSON.stringify(text)}`);
}
