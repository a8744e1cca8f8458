/**
 * Keeps the README's tables the code's: between `<!-- generated: name -->` and `<!-- end -->` stands what this script makes.
 * Without an option it fails where they differ; with `--update` it rewrites them. The text of the benchmarks' part is a file
 * that the benchmarks save, and so are the measured losses.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RECORD_KINDS, type RecordKind, type SinkTraits } from '@runcast/core';
import { jsonlTraits } from '@runcast/jsonl';
import { redisTraits } from '@runcast/redis/spec';
import { tensorboardTraits } from '@runcast/tensorboard';
import { format, resolveConfig } from 'prettier';
import { wandbSdkTraits, wandbTraits } from '@runcast/wandb';
import { sqliteStoreTraits } from '@runcast/store';
import { describeConfiguration } from 'runcast';
import { readFaultsPage } from './faults-summary.ts';

const ROOT = path.join(import.meta.dirname, '..');
const README = path.join(ROOT, 'README.md');
const FAULTS_PAGE = path.join(ROOT, 'docs', 'faults.md');
const BENCHMARK_SUMMARY = path.join(ROOT, 'benchmarks', 'results', 'summary.md');

const LOSSES = path.join(ROOT, 'docs', 'wandb-losses.md');

const SINKS: readonly (readonly [string, SinkTraits])[] = [
  ['TensorBoard (`native`, `tfjs`)', tensorboardTraits],
  ['JSONL', jsonlTraits],
  ['Redis', redisTraits],
  ['SQL store', sqliteStoreTraits],
  ['W&B', wandbTraits],
  ['W&B (`sdk`)', wandbSdkTraits],
];

/** What the kinds of the record are called by those who log them. */
const CALLS: Readonly<Record<RecordKind, string>> = {
  open: 'start of the run, its configuration',
  step: '`logStep`',
  epoch: '`logEpoch`',
  validation: '`logValidation`',
  final: '`logFinal`',
  log: '`log`',
  hparams: '`logHparams`',
  config: '`updateConfig`',
  tags: '`addTags`',
  define_metric: '`defineMetric`',
  summary: '`logSummary`',
  table: '`logTable`',
  bar_chart: '`logBarChart`',
  histogram: '`logHistogram`',
  image: '`logImage`',
  text: '`logText`',
  file: '`saveFile`',
  artifact: '`logArtifact`',
  alert: '`alert`',
  system: 'system metrics',
  close: 'end of the run, its status',
};

const GENERATORS: Readonly<Record<string, () => string>> = {
  variables: variablesTable,
  capabilities: capabilitiesTable,
  benchmarks: benchmarkSummary,
  faults: faultsTable,
  losses: () => readFileSync(LOSSES, 'utf8').trim(),
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function variablesTable(): string {
  const rows = describeConfiguration({}).map(({ variable, type, default: byDefault, meaning }) => [
    `\`${variable}\``,
    type,
    byDefault === '' ? '' : `\`${byDefault}\``,
    meaning,
  ]);
  return table(['variable', 'takes', 'default', 'meaning'], rows);
}

function capabilitiesTable(): string {
  const kinds = RECORD_KINDS.map((kind) => [
    CALLS[kind],
    ...SINKS.map(([, traits]) => (traits.kinds.includes(kind) ? 'yes' : '–')),
  ]);
  const guarantee = [
    'after a crash, each record',
    ...SINKS.map(([, traits]) =>
      traits.resumes === false ? 'in the log: the run is not taken up' : traits.guarantee.replace('-', ' '),
    ),
  ];
  return table(['', ...SINKS.map(([name]) => name)], [...kinds, guarantee]);
}

function benchmarkSummary(): string {
  return existsSync(BENCHMARK_SUMMARY)
    ? readFileSync(BENCHMARK_SUMMARY, 'utf8').trim()
    : '`pnpm bench` measures Runcast beside its peers in one run.';
}

function faultsTable(): string {
  const rows = readFaultsPage(readFileSync(FAULTS_PAGE, 'utf8')).map(
    ({ what, sinks, hosts, holds, rounds, failures }) => [
      what,
      sinks.join(', '),
      hosts.join(', '),
      holds,
      failures === 0 ? String(rounds) : `${rounds}, of which ${failures} failed`,
    ],
  );
  return table(['what dies or fails', 'sinks', 'host', 'what holds', 'rounds seen'], rows);
}

function generate(readme: string): string {
  return readme.replaceAll(/<!-- generated: (\w+) -->\n[\s\S]*?<!-- end -->/gu, (_, name: string) => {
    const generator = GENERATORS[name];
    if (generator === undefined) throw new Error(`README.md asks for ${name}, which nothing generates`);
    return `<!-- generated: ${name} -->\n\n${generator()}\n\n<!-- end -->`;
  });
}

const current = readFileSync(README, 'utf8');
// The formatter aligns tables; without it every run would undo what the other has done.
const generated = await format(generate(current), { ...(await resolveConfig(README)), filepath: README });
if (process.argv.includes('--update')) {
  writeFileSync(README, generated);
} else if (generated !== current) {
  console.error('README.md has tables that are not the code’s any more: run `pnpm readme --update`.');
  process.exitCode = 1;
}
