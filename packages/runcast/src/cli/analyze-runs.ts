/** Reads what `runcast analyze` is asked for, and says what was found. */

import {
  detectInstability,
  detectPlateau,
  hyperparameterSensitivity,
  objectivesDrift,
  type CurvePoint,
  type Direction,
  type HyperparameterSensitivity,
  type ObjectivesDrift,
} from '@runcast/analysis';
import { parseRunField, type RunField, type Store, type StoredRun } from '@runcast/store';
import { curvesText, sensitivityText, type CurveAnalysis, type RunAnalysis } from './analysis-text.ts';
import type { CliContext, ExitCode } from './command.ts';
import { writeJson } from './json-output.ts';
import { suggestion, UsageError, type ParsedArguments } from './parse-arguments.ts';
import { sensitivityRun } from './sensitivity-runs.ts';
import { snakeCased } from './snake-case.ts';
import { asking, axisOf, knownKeys, listOption, withChosenRuns, type OpenStore, type RunChoice } from './store-runs.ts';
import { styleFor } from './terminal-style.ts';

/** Looked at where no metrics are named, as far as a run has them. */
const USUAL_KEYS = ['train/loss', 'val/loss', 'epoch/loss', 'train/grad_norm'];
const OBJECTIVE = /^objective/u;
/** These are to be neither small nor large: what they may do is explode. */
const NORM = /(?:^|[/_.])grad(?:ient)?_norm$/u;

interface AnalysisRequest extends RunChoice {
  /** Empty where none are named. */
  readonly keys: readonly string[];
  readonly direction: Direction;
  readonly outcome: { readonly name: string; readonly field: RunField } | undefined;
}

/** One metric of one run. */
interface Curve {
  readonly key: string;
  readonly points: readonly CurvePoint[];
}

/** Rejects with a UsageError for what makes no sense, with a StoreError where the store cannot be read. */
export async function analyzeRuns(args: ParsedArguments, context: CliContext, open: OpenStore): Promise<ExitCode> {
  return asking(async () => {
    // What is wrong with the question is said before a server is asked.
    const request = readRequest(args);
    return withChosenRuns(request, args, context, open, async (store, runs) => {
      const sensitivity = findSensitivity(runs, request);
      const curves = await readCurves(store, runs, request);
      const analyses: RunAnalysis[] = [];
      for (const run of runs) analyses.push(await analyzeRun(store, run, curves.get(run.id) ?? [], request));
      if (args.has('json')) {
        writeJson(context.stdout, {
          store: store.address,
          runs: analyses.map((analysis) => snakeCased(analysis)),
          sensitivity:
            sensitivity === undefined ? null : snakeCased({ outcome: request.outcome?.name, ...sensitivity }),
        });
        return;
      }
      const style = styleFor(context.stdout, context.env);
      const parts = analyses.map((analysis) => curvesText(analysis, style));
      if (sensitivity !== undefined) parts.push(sensitivityText(String(request.outcome?.name), sensitivity, style));
      context.stdout.write(parts.join('\n'));
    });
  });
}

function findSensitivity(
  runs: readonly StoredRun[],
  { outcome }: AnalysisRequest,
): HyperparameterSensitivity | undefined {
  if (outcome === undefined) return undefined;
  const rows = runs.map((run) => sensitivityRun(run, outcome.field));
  const having = rows.filter((row) => Number.isFinite(row.outcome)).length;
  if (having > 1) return hyperparameterSensitivity(rows);
  const fields = knownKeys(runs).map((key) => `summary.${key}`);
  throw new UsageError(
    having === 1
      ? `--outcome compares runs, and only one of these has a number at ${outcome.name}`
      : `none of these runs has a number at ${outcome.name}${suggestion(outcome.name, fields)}`,
  );
}

/** By run, the metrics that it has of those that are asked for. */
async function readCurves(
  store: Store,
  runs: readonly StoredRun[],
  { keys }: AnalysisRequest,
): Promise<ReadonlyMap<string, readonly Curve[]>> {
  const known = knownKeys(runs);
  const asked = keys.length > 0 ? keys : [...USUAL_KEYS, ...known.filter((key) => OBJECTIVE.test(key))];
  const ids = runs.map(({ id }) => id);
  const curves = new Map<string, readonly Curve[]>();
  for (const key of asked) {
    const series = await store.series(ids, key);
    if (series.size === 0 && keys.length > 0)
      throw new UsageError(`no run has ${JSON.stringify(key)}${suggestion(key, known)}`);
    for (const [id, points] of series) curves.set(id, [...(curves.get(id) ?? []), { key, points }]);
  }
  return curves;
}

async function analyzeRun(
  store: Store,
  { id, name }: StoredRun,
  curves: readonly Curve[],
  request: AnalysisRequest,
): Promise<RunAnalysis> {
  const analyzed = curves.map(({ key, points }): CurveAnalysis => {
    const { direction } = request;
    return NORM.test(key)
      ? { key, plateau: null, instability: detectInstability(points) }
      : { key, plateau: detectPlateau(points, { direction }), instability: detectInstability(points, { direction }) };
  });
  return { id, name: name ?? null, curves: analyzed, drift: await findDrift(store, id, curves, request) };
}

/** Compares what is named, and of what is not named the objectives; steps of different axes are not the same steps. */
async function findDrift(
  store: Store,
  id: string,
  curves: readonly Curve[],
  { keys, direction }: AnalysisRequest,
): Promise<readonly ObjectivesDrift[]> {
  const objectives = curves.filter(({ key }) => !NORM.test(key) && (keys.length > 0 || OBJECTIVE.test(key)));
  if (objectives.length < 2) return [];
  const byAxis = new Map<string, Map<string, readonly CurvePoint[]>>();
  for (const { key, points } of objectives) {
    const axis = await axisOf(store, id, key);
    byAxis.set(axis, (byAxis.get(axis) ?? new Map<string, readonly CurvePoint[]>()).set(key, points));
  }
  return [...byAxis.values()]
    .filter(({ size }) => size > 1)
    .map((together) => objectivesDrift(together, { maximize: direction === 'maximize' ? [...together.keys()] : [] }));
}

function readRequest(args: ParsedArguments): AnalysisRequest {
  const keys = [...new Set(listOption(args, 'keys'))];
  if (args.has('keys') && keys.length === 0) throw new UsageError('--keys names no metric');
  if (args.has('minimize') && args.has('maximize')) throw new UsageError('choose --minimize or --maximize');
  if (args.has('maximize') && keys.length === 0)
    throw new UsageError('--maximize is for the metrics of --keys: name them');
  const outcome = args.values('outcome').at(-1);
  return {
    ids: args.positionals,
    where: args.values('where'),
    keys,
    direction: args.has('maximize') ? 'maximize' : 'minimize',
    outcome: outcome === undefined ? undefined : { name: outcome, field: parseRunField(outcome) },
  };
}
