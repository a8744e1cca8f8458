/** Which hyperparameters the outcome of runs goes with. */

import { median, sum } from 'simple-statistics';
import { confoundedGroups } from './confounding.ts';
import { countText, valueText } from './curve.ts';
import { frozen } from './frozen.ts';
import { midranks } from './midranks.ts';
import { optionWithin } from './option-range.ts';
import { holmAdjusted, permutationPValue } from './permutation-test.ts';
import { seededRandom } from './seeded-random.ts';

export type ParameterValue = number | string | boolean;

/** A run that is over: what it was configured with, and what came of it. */
export interface SensitivityRun {
  readonly config: Readonly<Record<string, ParameterValue>>;
  /** Runs whose outcome is not finite are left out. */
  readonly outcome: number;
}

const DEFAULTS = { permutations: 1999, seed: 1, leastRuns: 10, significance: 0.05 } as const;
/** A parameter that fewer runs have is left out: no order of three is improbable. */
const LEAST_RUNS_WITH_PARAMETER = 4;
/** Categories with fewer runs on average are names rather than settings, and explain everything. */
const RUNS_PER_CATEGORY = 2;
const COUNTS = { least: 1, most: 1_000_000 };
const SEEDS = { least: 0, most: 2 ** 32 - 1 };

export interface SensitivityOptions {
  /** Random orders per parameter, from 1. The least p-value is 1 / (permutations + 1). 1999 where left out. */
  readonly permutations?: number;
  /** An integer from 0 to 2³² − 1. 1 where left out. */
  readonly seed?: number;
  /** Fewer runs bring a warning. 10 where left out. */
  readonly leastRuns?: number;
  /** An adjusted p-value below it is beyond chance, from 0 to 1. 0.05 where left out. */
  readonly significance?: number;
}

interface JudgedParameter {
  readonly name: string;
  /** Runs that have it. */
  readonly runs: number;
  /** From 0 to 1: |ρ| of a number, η of a category. They are the same of a category with two values. */
  readonly strength: number;
  readonly pValue: number;
  /** By Holm's method, for how many parameters there are. */
  readonly adjustedPValue: number;
}

export type ParameterSensitivity =
  | (JudgedParameter & {
      readonly kind: 'number';
      /** Spearman's ρ: negative where a larger value goes with a smaller outcome. */
      readonly rho: number;
    })
  | (JudgedParameter & {
      readonly kind: 'category';
      /** The Kruskal–Wallis H with its correction for ties; η² is H / (runs − 1). */
      readonly kruskalWallis: number;
      /** By their median outcomes, the least first. */
      readonly categories: readonly { readonly value: string; readonly runs: number; readonly median: number }[];
    });

export interface LeftOutParameter {
  readonly name: string;
  /** The same in all runs; another in nearly every run; or in hardly any. */
  readonly reason: 'constant' | 'too-varied' | 'too-few-runs';
}

export interface HyperparameterSensitivity {
  /** Runs with a finite outcome. */
  readonly runs: number;
  readonly withoutOutcome: number;
  /** The strongest first. */
  readonly parameters: readonly ParameterSensitivity[];
  readonly leftOut: readonly LeftOutParameter[];
  /** Parameters that change together, so that nobody can tell which of them it is. */
  readonly confounded: readonly (readonly string[])[];
  /** Where there are too few runs. */
  readonly warning: string | undefined;
  /** What is beyond chance, as a sentence. */
  readonly message: string;
}

/** A parameter in those runs that have it. */
interface Parameter {
  readonly name: string;
  readonly rows: readonly { readonly value: ParameterValue; readonly outcome: number }[];
}

/**
 * Each parameter by itself, on the ranks of the outcome. Numbers: Spearman's ρ. Texts, booleans and what is at times one and
 * at times another: the correlation ratio η of the ranks, whose square is the Kruskal–Wallis H (1952) divided by n − 1. The
 * p-values are those of a permutation test with a seeded generator, and adjusted for their number by Holm's method.
 *
 * No order of the runs and no increasing function of the outcome changes anything. Each parameter is seen alone: what only
 * two together do, and a best value in the middle of a range, are not found. η grows with the number of categories, which
 * the p-value takes into account. Runs that diverged to NaN are left out, which hides what made them.
 *
 * @throws RangeError where an option is out of its range.
 */
export function hyperparameterSensitivity(
  runs: readonly SensitivityRun[],
  options: SensitivityOptions = {},
): HyperparameterSensitivity {
  const permutations = optionWithin('permutations', options.permutations, DEFAULTS.permutations, COUNTS);
  const seed = optionWithin('seed', options.seed, DEFAULTS.seed, SEEDS);
  const leastRuns = optionWithin('leastRuns', options.leastRuns, DEFAULTS.leastRuns, COUNTS);
  const significance = optionWithin('significance', options.significance, DEFAULTS.significance, { least: 0, most: 1 });
  const known = runs.filter(({ outcome }) => Number.isFinite(outcome));
  const named = [...new Set(known.flatMap(({ config }) => Object.keys(config)))].toSorted();
  const parameters = named.map((name) => parameterOf(name, known));
  const leftOut = parameters.flatMap((parameter) => {
    const reason = reasonToLeaveOut(parameter, known.length);
    return reason === undefined ? [] : [{ name: parameter.name, reason }];
  });
  const kept = parameters.filter((parameter) => reasonToLeaveOut(parameter, known.length) === undefined);
  // Each parameter has its own numbers of the generator: what others there are changes nothing.
  const judged = kept.map((parameter) => judge(parameter, permutations, seededRandom(seed)));
  const adjusted = holmAdjusted(judged.map(({ pValue }) => pValue));
  const sorted = judged
    .map((parameter, index) => ({ ...parameter, adjustedPValue: Number(adjusted[index]) }))
    .toSorted((left, right) => right.strength - left.strength);
  const confounded = confoundedGroups(
    kept.map(({ name }) => name),
    known.map(({ config }) => config),
  );
  const warning =
    known.length < leastRuns
      ? `${countText(known.length, 'run')} are few: with fewer than ${leastRuns}, chance looks like an effect and an effect like chance.`
      : undefined;
  const found = { runs: known.length, withoutOutcome: runs.length - known.length, parameters: sorted, leftOut };
  return frozen({ ...found, confounded, warning, message: sensitivityMessage(sorted, known.length, significance) });
}

function parameterOf(name: string, runs: readonly SensitivityRun[]): Parameter {
  const rows = runs.flatMap(({ config, outcome }) => {
    const value = Object.hasOwn(config, name) ? config[name] : undefined;
    return value === undefined ? [] : [{ value, outcome }];
  });
  return { name, rows };
}

function reasonToLeaveOut(parameter: Parameter, runs: number): LeftOutParameter['reason'] | undefined {
  const { rows } = parameter;
  const different = new Set(rows.map(({ value }) => value)).size;
  if (different === 1 && rows.length === runs) return 'constant';
  if (rows.length < LEAST_RUNS_WITH_PARAMETER) return 'too-few-runs';
  if (different === 1) return 'constant';
  return !isNumeric(parameter) && different * RUNS_PER_CATEGORY > rows.length ? 'too-varied' : undefined;
}

function isNumeric({ rows }: Parameter): boolean {
  return rows.every(({ value }) => typeof value === 'number' && Number.isFinite(value));
}

type Unadjusted<Judged> = Judged extends unknown ? Omit<Judged, 'adjustedPValue'> : never;

function judge(parameter: Parameter, permutations: number, random: () => number): Unadjusted<ParameterSensitivity> {
  const { name } = parameter;
  // In an order of their own, so that the permutations do not depend on that of the runs.
  const rows = parameter.rows.toSorted(
    (left, right) => compare(left.value, right.value) || left.outcome - right.outcome,
  );
  const outcomes = midranks(rows.map(({ outcome }) => outcome));
  const shared = { name, runs: rows.length };
  if (isNumeric(parameter)) {
    const rankedValues = midranks(rows.map(({ value }) => Number(value)));
    const rhoOf = correlationWith(rankedValues);
    const rho = rhoOf(outcomes);
    const pValue = permutationPValue(outcomes, (ranks) => Math.abs(rhoOf(ranks)), permutations, random);
    return { ...shared, kind: 'number', strength: Math.abs(rho), rho, pValue };
  }
  const groups = groupsOf(rows.map(({ value }) => String(value)));
  const etaSquaredOf = correlationRatioWith(groups);
  const etaSquared = etaSquaredOf(outcomes);
  const pValue = permutationPValue(outcomes, etaSquaredOf, permutations, random);
  const categories = [...groups].map(([value, indexes]) => ({
    value,
    runs: indexes.length,
    median: median(indexes.map((index) => Number(rows[index]?.outcome))),
  }));
  return {
    ...shared,
    kind: 'category',
    strength: Math.sqrt(etaSquared),
    kruskalWallis: etaSquared * (rows.length - 1),
    categories: categories.toSorted((left, right) => left.median - right.median),
    pValue,
  };
}

/** Numbers by size, everything else as texts. */
function compare(left: ParameterValue, right: ParameterValue): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return String(left).localeCompare(String(right), 'en');
}

/** Pearson's correlation of these ranks with others; 0 where all of either are equal. */
function correlationWith(ranks: readonly number[]): (others: readonly number[]) => number {
  const centred = centredRanks(ranks);
  const squares = sum(centred.map((rank) => rank ** 2));
  return (others) => {
    let products = 0;
    let otherSquares = 0;
    const middle = (others.length - 1) / 2;
    for (const [index, rank] of others.entries()) {
      products += Number(centred[index]) * rank;
      otherSquares += (rank - middle) ** 2;
    }
    return otherSquares === 0 ? 0 : products / Math.sqrt(squares * otherSquares);
  };
}

/** The share of the ranks' squares that is between the groups: η². 0 where all ranks are equal. */
function correlationRatioWith(groups: ReadonlyMap<string, readonly number[]>): (ranks: readonly number[]) => number {
  const members = [...groups.values()];
  return (ranks) => {
    const middle = (ranks.length - 1) / 2;
    let all = 0;
    for (const rank of ranks) all += (rank - middle) ** 2;
    if (all === 0) return 0;
    let between = 0;
    for (const indexes of members) {
      let total = 0;
      for (const index of indexes) total += Number(ranks[index]) - middle;
      between += total ** 2 / indexes.length;
    }
    return between / all;
  };
}

/** Ranks from 0 have this mean, ties or not. */
function centredRanks(ranks: readonly number[]): readonly number[] {
  return ranks.map((rank) => rank - (ranks.length - 1) / 2);
}

/** The indexes of each text. */
function groupsOf(texts: readonly string[]): ReadonlyMap<string, readonly number[]> {
  return Map.groupBy(texts.keys(), (index) => String(texts[index]));
}

function sensitivityMessage(parameters: readonly ParameterSensitivity[], runs: number, significance: number): string {
  const over = `over ${countText(runs, 'run')}`;
  if (parameters.length === 0) return `There is no parameter to compare ${over}.`;
  const beyond = parameters.filter(({ adjustedPValue }) => adjustedPValue < significance);
  if (beyond.length === 0) return `No parameter goes with the outcome beyond chance ${over}.`;
  return `The outcome goes with ${beyond.map((parameter) => parameterText(parameter)).join(', ')} ${over}.`;
}

function parameterText(parameter: ParameterSensitivity): string {
  const p = `p ${valueText(parameter.adjustedPValue)}`;
  return parameter.kind === 'number'
    ? `${parameter.name} (ρ ${parameter.rho.toFixed(2)}, ${p})`
    : `${parameter.name} (η ${parameter.strength.toFixed(2)}, ${p})`;
}
