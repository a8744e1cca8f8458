/** `runcast analyze`: what the curves of a store's runs say, and which hyperparameters matter. */

import type { CliContext, Command, ExitCode } from './command.ts';
import type { ParsedArguments } from './parse-arguments.ts';
import { STORE_OPTION, WHERE_OPTION } from './store-options.ts';

export const analyzeCommand: Command = {
  name: 'analyze',
  usage: '[run]... [--where <filter>] [--keys <keys>] [--outcome <field>] [--maximize] [--store <url>] [--json]',
  summary: "say what the curves of a store's runs show: plateaus, spikes, divergence, what drives the outcome",
  details: `Looks at runs of the store that STORE__URL names (sqlite:./runs/runcast.db), all where none is named. For each of their
metrics it says whether it stopped improving, since when and at what value, and what went wrong on the way: NaN and
infinite values, spikes, divergence. The metrics are --keys, or those of train/loss, val/loss, epoch/loss and
train/grad_norm that a run has, and everything that begins with objective.

Objectives, and the metrics of --keys, are compared two by two where they have the same steps: does one improve at the
other's cost, and since when? With --outcome and several runs, it says which hyperparameters the outcome goes with, the
strongest first. docs/analysis.md has the methods and their limits.

Exit codes: 0 done, whatever was found, 1 there is nothing to look at or the store cannot be read, 2 the command makes
no sense.`,
  options: [
    WHERE_OPTION,
    { name: 'keys', value: '<keys>', meaning: 'these metrics, with commas between' },
    { name: 'outcome', value: '<field>', meaning: 'what came of a run, a number: summary.val/loss' },
    { name: 'minimize', meaning: 'small values of the metrics are good (what it is without --maximize)' },
    { name: 'maximize', meaning: 'large values of the metrics of --keys are good' },
    STORE_OPTION,
    { name: 'json', meaning: 'print JSON' },
  ],
  examples: [
    { command: 'runcast analyze run-1', meaning: 'did it converge, and was it stable?' },
    { command: 'runcast analyze run-1 --keys val/accuracy --maximize', meaning: 'where it stopped improving' },
    {
      command: `runcast analyze --where 'tag = sweep' --where 'status = finished' --outcome summary.val/loss`,
      meaning: 'which hyperparameters matter',
    },
    {
      command: `runcast analyze --json | jq -r '.runs[] | select(any(.curves[]; .instability.stable | not)) | .id'`,
      meaning: 'ids of unstable runs',
    },
  ],
  maxPositionals: Infinity,
  run: analyze,
};

async function analyze(args: ParsedArguments, context: CliContext): Promise<ExitCode> {
  // Databases' clients and the analyses are not loaded for other commands.
  const [{ analyzeRuns }, { openStore }] = await Promise.all([import('./analyze-runs.ts'), import('@runcast/store')]);
  return analyzeRuns(args, context, openStore);
}
