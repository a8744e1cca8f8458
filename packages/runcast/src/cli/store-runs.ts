/** Runs of a store as commands choose them: by their ids, by filters, or all there are. */

import { ConfigError, readSection } from '@runcast/core';
import { QueryError, storeEnv, type OpenStoreOptions, type Store, type StoredRun } from '@runcast/store';
import type { CliContext, ExitCode } from './command.ts';
import { suggestion, UsageError, type ParsedArguments } from './parse-arguments.ts';

/** `openStore`, or what stands in for it. */
export type OpenStore = (url: string, options: OpenStoreOptions) => Promise<Store>;

/** What `ask` resolves to; what it has asked wrongly of a store is a UsageError. */
export async function asking<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof QueryError ? new UsageError(error.message) : error;
  }
}

/** The runs that a command is to look at: by their ids, where any are named, and by filters, all of which must hold. */
export interface RunChoice {
  readonly ids: readonly string[];
  readonly where: readonly string[];
}

/** Looks at the chosen runs of the store that is asked for, the oldest first; says so where there are none. */
export async function withChosenRuns(
  choice: RunChoice,
  args: ParsedArguments,
  context: CliContext,
  open: OpenStore,
  look: (store: Store, runs: readonly StoredRun[]) => Promise<void>,
): Promise<ExitCode> {
  await using store = await openAskedStore(args, context, open);
  const runs = await chosenRuns(store, choice);
  if (runs.length > 0) {
    await look(store, runs);
    return 0;
  }
  const fitting = choice.where.length === 0 ? '' : 'that fit ';
  context.stderr.write(`no runs ${fitting}in ${store.address}; runcast query shows what there is\n`);
  return 1;
}

/** Opens the store of `--store`, or of STORE__URL. */
export async function openAskedStore(args: ParsedArguments, context: CliContext, open: OpenStore): Promise<Store> {
  return open(storeUrl(args, context), { cwd: context.cwd, nowSecs: () => context.clock.nowMs() / 1000 });
}

function storeUrl(args: ParsedArguments, { env }: CliContext): string {
  const asked = args.values('store').at(-1);
  if (asked !== undefined) return asked;
  const { config, problems } = readSection(storeEnv, env);
  if (config === undefined) throw new ConfigError(problems);
  return config.url;
}

async function chosenRuns(store: Store, { ids, where }: RunChoice): Promise<readonly StoredRun[]> {
  const fitting = await store.runs({ where });
  for (const id of ids) await findStoredRun(store, id);
  return fitting.filter(({ id }) => ids.length === 0 || ids.includes(id)).toReversed();
}

/** Throws a UsageError where the store has no such run. */
export async function findStoredRun(store: Store, id: string): Promise<StoredRun> {
  const run = await store.run(id);
  if (run !== undefined) return run;
  const known = (await store.runs()).map((other) => other.id);
  throw new UsageError(`there is no run ${JSON.stringify(id)} in ${store.address}${suggestion(id, known)}`);
}

/** All metrics that the runs have, going by their summaries. */
export function knownKeys(runs: readonly StoredRun[]): readonly string[] {
  return [...new Set(runs.flatMap(({ summary }) => Object.keys(summary)))];
}

/** What the steps of a run's metric count: `step`, `epoch`, `<series>/step`. */
export async function axisOf(store: Store, id: string, key: string): Promise<string> {
  for await (const { axis } of store.history(id, { keys: [key] })) if (axis !== undefined) return axis;
  return 'step';
}

/** The values of an option that takes a list with commas, or is given several times. */
export function listOption(args: ParsedArguments, option: string): readonly string[] {
  const names = args.values(option).flatMap((list) => list.split(','));
  return names.map((name) => name.trim()).filter((name) => name !== '');
}
