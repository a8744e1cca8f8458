/** What was found in curves, for people. */

import type {
  HyperparameterSensitivity,
  Instability,
  LeftOutParameter,
  ObjectivesDrift,
  ParameterSensitivity,
  Plateau,
} from '@runcast/analysis';
import { formatCount } from './quantities.ts';
import type { Style } from './terminal-style.ts';
import { textTable } from './text-table.ts';

/** One metric of one run. */
export interface CurveAnalysis {
  readonly key: string;
  /** Null of what is not there to improve. */
  readonly plateau: Plateau | null;
  readonly instability: Instability;
}

export interface RunAnalysis {
  readonly id: string;
  readonly name: string | null;
  readonly curves: readonly CurveAnalysis[];
  /** One for each axis on which there are metrics to compare. */
  readonly drift: readonly ObjectivesDrift[];
}

export function curvesText({ id, name, curves, drift }: RunAnalysis, style: Style): string {
  const rows = [
    ...curves.flatMap(({ key, plateau, instability }) => {
      const found = [
        ...(plateau === null ? [] : [plateauText(plateau, style)]),
        instability.stable ? instability.message : style('red', instability.message),
      ];
      return found.map((sentence, index) => [index === 0 ? `  ${key}` : '', sentence]);
    }),
    ...drift.map(({ pairs, message }) => ['  together', pairs.length === 0 ? message : style('yellow', message)]),
  ];
  const heading = name === null ? style('bold', id) : `${style('bold', id)}  ${name}`;
  return `${heading}\n${rows.length === 0 ? '  none of these metrics\n' : textTable(rows)}`;
}

function plateauText(plateau: Plateau, style: Style): string {
  switch (plateau.verdict) {
    case 'improving':
      return style('green', plateau.message);
    case 'plateaued':
      return plateau.since === 'worse' ? style('yellow', plateau.message) : plateau.message;
    case 'too-short':
      return style('dim', plateau.message);
    default:
      return plateau satisfies never;
  }
}

const REASONS: Readonly<Record<LeftOutParameter['reason'], string>> = {
  constant: 'the same in all runs',
  'too-varied': 'another in nearly every run',
  'too-few-runs': 'in hardly any run',
};

export function sensitivityText(outcome: string, sensitivity: HyperparameterSensitivity, style: Style): string {
  const { parameters, leftOut, confounded, withoutOutcome, warning, message } = sensitivity;
  const header = ['PARAMETER', 'RUNS', 'STRENGTH', 'P', 'ADJUSTED P', outcome];
  const rows = parameters.map((parameter) => [
    parameter.name,
    formatCount(parameter.runs),
    parameter.strength.toFixed(2),
    probabilityText(parameter.pValue),
    probabilityText(parameter.adjustedPValue),
    effectText(parameter),
  ]);
  const reasons = [...Map.groupBy(leftOut, ({ reason }) => reason)].map(
    ([reason, left]) => `left out, ${REASONS[reason]}: ${left.map(({ name }) => name).join(', ')}`,
  );
  const notes = [
    ...reasons,
    ...confounded.map((names) => `change together, so that it may be any of them: ${names.join(', ')}`),
    ...(withoutOutcome === 0 ? [] : [`left out, ${formatCount(withoutOutcome)} without a finite ${outcome}`]),
  ];
  return [
    `${style('bold', message)}\n`,
    parameters.length === 0 ? '' : textTable([header.map((title) => style('dim', title)), ...rows]),
    ...notes.map((note) => `${note}\n`),
    warning === undefined ? '' : `${style('yellow', warning)}\n`,
  ].join('');
}

function effectText(parameter: ParameterSensitivity): string {
  if (parameter.kind === 'number')
    return `${parameter.rho < 0 ? 'falls' : 'rises'} with it, ρ ${parameter.rho.toFixed(2)}`;
  const medians = parameter.categories.map(({ value, median }) => `${value} ${Number(median.toPrecision(4))}`);
  return `medians: ${medians.join(', ')}`;
}

function probabilityText(probability: number): string {
  return String(Number(probability.toPrecision(2)));
}
