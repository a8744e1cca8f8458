/** Draws what `runcast plot` is asked for. */

import { resolve } from 'node:path';
import { averageCurves, plotCurves, type AverageOptions, type PlotPanel, type Spread } from '@runcast/analysis';
import { parseRunField, type Store, type StoredRun } from '@runcast/store';
import type { CliContext, ExitCode } from './command.ts';
import { fileOutput, streamOutput } from './export-output.ts';
import { runsAlone, runsBy, type GroupField, type RunGroup } from './group-runs.ts';
import { writeJson } from './json-output.ts';
import { suggestion, UsageError, type ParsedArguments } from './parse-arguments.ts';
import { formatCount } from './quantities.ts';
import { asking, axisOf, knownKeys, withChosenRuns, type OpenStore, type RunChoice } from './store-runs.ts';

const SPREADS = ['std', 'stderr', 'minmax', 'none'] as const satisfies readonly Spread[];
const MOST_SMOOTH = 0.999;

interface PlotRequest extends RunChoice {
  readonly keys: readonly string[];
  /** The standard output where undefined. */
  readonly output: string | undefined;
  readonly groupBy: GroupField | undefined;
  readonly average: AverageOptions;
  readonly log: boolean;
  readonly title: string | undefined;
  readonly xLabel: string | undefined;
}

/** A panel, and which runs are in it. */
interface PreparedPanel {
  readonly panel: PlotPanel;
  readonly groups: readonly RunGroup[];
  readonly axis: string;
}

/** Rejects with a UsageError for what makes no sense, with a StoreError where the store cannot be read. */
export async function plotRuns(args: ParsedArguments, context: CliContext, open: OpenStore): Promise<ExitCode> {
  return asking(async () => {
    // What is wrong with the question is said before a server is asked.
    const request = readRequest(args);
    return withChosenRuns(request, args, context, open, async (store, runs) => {
      const panels: PreparedPanel[] = [];
      for (const key of request.keys) panels.push(await preparePanel(store, key, runs, request, context));
      write(panels, request, context);
      report(panels, store, args.has('json'), request, context);
    });
  });
}

async function preparePanel(
  store: Store,
  key: string,
  runs: readonly StoredRun[],
  { groupBy, average }: PlotRequest,
  { stderr }: CliContext,
): Promise<PreparedPanel> {
  const series = await store.series(
    runs.map(({ id }) => id),
    key,
  );
  const having = runs.filter(({ id }) => series.has(id));
  const [first] = having;
  if (first === undefined) throw new UsageError(`no run has ${JSON.stringify(key)}${suggestion(key, knownKeys(runs))}`);
  const without = runs.length - having.length;
  if (without > 0) stderr.write(`${key}: ${formatCount(without)} of ${formatCount(runs.length)} runs have none\n`);
  const groups = groupBy === undefined ? runsAlone(having) : runsBy(groupBy, having);
  const axis = await axisOf(store, first.id, key);
  const drawn = groups.map(({ label, runs: members }) => {
    const curves = members.map(({ id }) => series.get(id) ?? []);
    return { label, points: averageCurves(curves, average) };
  });
  return { panel: { label: key, xLabel: axis, groups: drawn }, groups, axis };
}

function write(
  panels: readonly PreparedPanel[],
  { output, title, xLabel, log }: PlotRequest,
  { cwd, stdout }: CliContext,
): void {
  const svg = plotCurves(
    panels.map(({ panel }) => (xLabel === undefined ? panel : { ...panel, xLabel })),
    { log, ...(title === undefined ? {} : { title }) },
  );
  const file = output === undefined ? streamOutput(stdout) : fileOutput(resolve(cwd, output));
  try {
    file.write(svg);
    file.complete();
  } finally {
    file.abandon();
  }
}

function report(
  panels: readonly PreparedPanel[],
  store: Store,
  asJson: boolean,
  { output, groupBy, keys }: PlotRequest,
  { cwd, stdout }: CliContext,
): void {
  // The figure itself is on the output.
  if (output === undefined) return;
  if (asJson) {
    writeJson(stdout, {
      store: store.address,
      output: resolve(cwd, output),
      panels: panels.map(({ panel, groups, axis }) => ({
        key: panel.label,
        axis,
        groups: groups.map(({ label, runs }) => ({ label, runs: runs.map(({ id }) => id) })),
      })),
    });
  } else {
    const drawn = new Set(panels.flatMap(({ groups }) => groups.flatMap(({ runs }) => runs.map(({ id }) => id)))).size;
    const lines = Math.max(...panels.map(({ groups }) => groups.length));
    const grouped = groupBy === undefined ? '' : ` in ${countText(lines, 'group')}`;
    stdout.write(`${keys.join(', ')} of ${countText(drawn, 'run')}${grouped} drawn to ${output}\n`);
  }
}

function countText(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function readRequest(args: ParsedArguments): PlotRequest {
  if (args.positionals.length === 0) throw new UsageError('name a metric, such as train/loss');
  const output = args.values('output').at(-1);
  if (args.has('json') && output === undefined) throw new UsageError('--json needs --output');
  if (args.has('mean') && args.has('median')) throw new UsageError('choose --mean or --median');
  const groupBy = args.values('group-by').at(-1);
  const ofGroups = ['mean', 'median', 'spread'].find((option) => args.has(option));
  if (groupBy === undefined && ofGroups !== undefined)
    throw new UsageError(`--${ofGroups} is for groups: add --group-by <field>`);
  return {
    keys: [...new Set(args.positionals)],
    output,
    ids: args.values('run'),
    where: args.values('where'),
    groupBy: groupBy === undefined ? undefined : { name: groupBy, field: parseRunField(groupBy) },
    average: { center: args.has('median') ? 'median' : 'mean', spread: readSpread(args), smooth: readSmooth(args) },
    log: args.has('log'),
    title: args.values('title').at(-1),
    xLabel: args.values('x-label').at(-1),
  };
}

function readSpread(args: ParsedArguments): Spread {
  const asked = args.values('spread').at(-1);
  if (asked === undefined) return 'std';
  const spread = SPREADS.find((known) => known === asked);
  if (spread !== undefined) return spread;
  throw new UsageError(
    `there is no spread ${JSON.stringify(asked)}${suggestion(asked, SPREADS)} (${SPREADS.join(', ')})`,
  );
}

function readSmooth(args: ParsedArguments): number {
  const text = args.values('smooth').at(-1);
  if (text === undefined) return 0;
  const weight = Number(text);
  if (weight >= 0 && weight <= MOST_SMOOTH) return weight;
  throw new UsageError(`--smooth expects a number from 0 to ${MOST_SMOOTH}, holds ${JSON.stringify(text)}`);
}
