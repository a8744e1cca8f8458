/** Results as people read them (tables and promises kept or missed) and as programs do. */

import type { Benchmark, Figure, Target } from './benchmark.ts';
import { median, ratios, targetValues, valuesOf, type Rounds } from './rounds.ts';

interface TargetResult {
  readonly promise: string;
  readonly bound: string;
  /** Median over the rounds; null where a contender is missing. */
  readonly measured: number | null;
  /** Smallest and greatest of the rounds. */
  readonly range: readonly [number, number] | null;
  readonly kept: boolean | null;
}

export interface BenchmarkResult {
  readonly benchmark: string;
  readonly title: string;
  readonly rounds: number;
  readonly contenders: readonly {
    readonly name: string;
    readonly missing: string | undefined;
    /** By figure: the median over the rounds, and that of the ratios to the reference, round by round. */
    readonly figures: Readonly<Record<string, { readonly median: number; readonly ratio: number }>>;
  }[];
  readonly targets: readonly TargetResult[];
}

export function summarise(benchmark: Benchmark, rounds: Rounds, count: number): BenchmarkResult {
  const contenders = benchmark.contenders.map(({ name, missing }) => ({
    name,
    missing,
    figures: Object.fromEntries(
      benchmark.figures.flatMap((figure) => {
        const values = valuesOf(rounds, name, figure.name);
        const reference = valuesOf(rounds, benchmark.reference, figure.name);
        return values.length === 0
          ? []
          : [[figure.name, { median: median(values), ratio: median(ratios(values, reference)) }]];
      }),
    ),
  }));
  const targets = benchmark.targets.map((target) => judge(target, targetValues(rounds, target)));
  return { benchmark: benchmark.name, title: benchmark.title, rounds: count, contenders, targets };
}

function judge(target: Target, values: readonly number[]): TargetResult {
  const { promise, value } = target;
  const bound = `${target.bound} ${value}`;
  if (values.length === 0) return { promise, bound, measured: null, range: null, kept: null };
  const measured = median(values);
  return { promise, bound, measured, range: [Math.min(...values), Math.max(...values)], kept: keeps(target, measured) };
}

function keeps({ bound, value }: Target, measured: number): boolean {
  switch (bound) {
    case 'at least':
      return measured >= value;
    case 'at most':
      return measured <= value;
    case 'below':
      return measured < value;
    default:
      return bound satisfies never;
  }
}

/** Two Markdown tables, aligned so that they are read as well in a terminal. */
export function toMarkdown(figures: readonly Figure[], result: BenchmarkResult): string {
  const present = result.contenders.filter(({ missing }) => missing === undefined);
  const rows = present.map(({ name, figures: measured }) => [
    name,
    ...figures.flatMap(({ name: figure, digits }) => {
      const found = measured[figure];
      if (found === undefined) return ['–', '–'];
      return [
        found.median.toLocaleString('en', { maximumFractionDigits: digits }),
        Number.isFinite(found.ratio) ? `${short(found.ratio)}×` : '–',
      ];
    }),
  ]);
  const head = [
    'contender',
    ...figures.flatMap(({ name, unit }) => [unit === '' ? name : `${name}, ${unit}`, 'ratio']),
  ];
  const targets = result.targets.map(({ promise, bound, measured, range, kept }) => [
    promise,
    bound,
    measured === null ? '–' : short(measured),
    range === null ? '–' : `${short(range[0])}–${short(range[1])}`,
    verdict(kept),
  ]);
  const missing = result.contenders.flatMap(({ name, missing: reason }) =>
    reason === undefined ? [] : [`${name} was not measured: ${reason}.`],
  );
  return [
    `## ${result.benchmark}: ${result.title}`,
    table(head, rows),
    table(['target', 'bound', 'measured', 'range', 'verdict'], targets),
    ...missing,
  ].join('\n\n');
}

function verdict(kept: boolean | null): string {
  if (kept === null) return 'not measured';
  return kept ? 'pass' : 'MISS';
}

function short(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map((row) => line(row))].join('\n');
}
