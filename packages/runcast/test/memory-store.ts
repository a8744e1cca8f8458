/** A run store without a database, for tests of who reads one. */

import { systemScheduler } from '@runcast/delivery';
import { parseRunField, runFieldValue, type HistoryRow, type Store, type StoredRun } from '@runcast/store';
import type { CliContext, Command, ExitCode } from '../src/cli/command.ts';
import { parseArguments } from '../src/cli/parse-arguments.ts';
import type { OpenStore } from '../src/cli/store-runs.ts';

/** What a test says of a run; the rest is made up. */
export interface MemoryRun extends Partial<StoredRun> {
  readonly id: string;
  /** Values by key, at steps 0, 1, 2 …, on the axis `step` unless another is named. */
  readonly curves?: Readonly<Record<string, readonly number[]>>;
  readonly axes?: Readonly<Record<string, string>>;
}

/** A store with these runs, the first of them the oldest. Its filters are `<field> = <value>`. */
export function memoryStore(runs: readonly MemoryRun[]): Store & { readonly isClosed: () => boolean } {
  let closed = false;
  const stored = runs.map((run, index) => storedRun(run, index));
  const curvesOf = (id: string): Readonly<Record<string, readonly number[]>> =>
    runs.find((run) => run.id === id)?.curves ?? {};
  const close = (): Promise<void> => {
    closed = true;
    return Promise.resolve();
  };
  return {
    address: 'sqlite:memory.db',
    isClosed: () => closed,
    runs: ({ where = [] } = {}) =>
      Promise.resolve().then(() => stored.filter((run) => where.every((filter) => fits(run, filter))).toReversed()),
    run: (id) => Promise.resolve(stored.find((run) => run.id === id)),
    async *history(id, { keys = [] } = {}): AsyncGenerator<HistoryRow> {
      for (const key of keys) {
        const axis = runs.find((run) => run.id === id)?.axes?.[key] ?? 'step';
        for (const [step, value] of await Promise.resolve(curvesOf(id)[key] ?? []).then((values) => values.entries()))
          yield { writer: 'w', seq: step, time: step, kind: 'step', axis, step, metrics: { [key]: value } };
      }
    },
    series: (ids, key) =>
      Promise.resolve(
        new Map(
          ids.flatMap((id) => {
            const values = curvesOf(id)[key];
            return values === undefined
              ? []
              : [[id, values.map((value, step) => ({ step, time: step, value }))] as const];
          }),
        ),
      ),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function fits(run: StoredRun, filter: string): boolean {
  const [field = '', value = ''] = filter.split(' = ');
  return runFieldValue(run, parseRunField(field)) === value;
}

function storedRun(run: MemoryRun, index: number): StoredRun {
  const { curves = {}, axes: _axes, ...said } = run;
  const summary = Object.fromEntries(Object.entries(curves).map(([key, values]) => [key, values.at(-1) ?? null]));
  return {
    project: undefined,
    name: undefined,
    entity: undefined,
    group: undefined,
    jobType: undefined,
    notes: undefined,
    status: 'finished',
    startedAt: index,
    endedAt: undefined,
    heartbeatAt: index,
    durationSecs: 0,
    totalSteps: 0,
    host: undefined,
    argv: [],
    git: undefined,
    tags: [],
    config: {},
    ...said,
    summary: { ...summary, ...said.summary },
  };
}

/** What a command that reads a store does. */
export type StoreCommand = (
  args: ReturnType<typeof parseArguments>,
  context: CliContext,
  open: OpenStore,
) => Promise<ExitCode>;

interface Answer {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command on a store, its arguments parsed as the command line's are. Rejects with what it throws. */
export async function runOnStore(
  command: Command,
  run: StoreCommand,
  store: Store,
  argv: readonly string[],
  { cwd = '/', isTTY = false }: { readonly cwd?: string; readonly isTTY?: boolean } = {},
): Promise<Answer> {
  let [stdout, stderr] = ['', ''];
  const context: CliContext = {
    env: {},
    cwd,
    stdout: { isTTY, write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    clock: systemScheduler,
    nodeVersion: '24.0.0',
    stopSignal: () => new AbortController().signal,
  };
  const args = parseArguments(argv, command.options, command.maxPositionals);
  const code = await run(args, context, () => Promise.resolve(store));
  return { code, stdout, stderr };
}
