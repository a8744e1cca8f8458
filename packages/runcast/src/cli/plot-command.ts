/** `runcast plot`: curves of a store's runs as a figure. */

import type { CliContext, Command, ExitCode } from './command.ts';
import type { ParsedArguments } from './parse-arguments.ts';
import { STORE_OPTION, WHERE_OPTION } from './store-options.ts';

export const plotCommand: Command = {
  name: 'plot',
  usage: '<key>... [--output <file>] [--where <filter>] [--run <id>] [--group-by <field>] [--smooth <weight>] [--json]',
  summary: "draw curves of a store's runs as an SVG figure",
  details: `Draws metrics of the runs in the store that STORE__URL names (sqlite:./runs/runcast.db): a panel for each <key>, a line
for each run. With --group-by, runs with the same value of a field are one line, their mean or median at each step, with
a band that shows how far they are from each other: their standard deviation, their standard error, or from the least
to the greatest. Between its own points a run is a straight line; before its first and behind its last it is left out.

Without --run and --where it draws all runs. Smoothing is TensorBoard's, of each run by itself. The file is SVG, for
browsers, papers (rsvg-convert makes PDF and PNG of it) and publisher.logImage. Exit codes: 0 drawn, 1 there is nothing
to draw or the store cannot be read, 2 the command makes no sense.`,
  options: [
    { name: 'output', value: '<file>', meaning: 'file to write, such as curves.svg, in place of the standard output' },
    WHERE_OPTION,
    { name: 'run', value: '<id>', meaning: 'only this run; repeat it for more' },
    {
      name: 'group-by',
      value: '<field>',
      meaning: 'one line for all runs with the same value: config.lr, group, status',
    },
    { name: 'mean', meaning: 'the middle of a group (what it is without --median)' },
    { name: 'median', meaning: 'the middle of a group' },
    {
      name: 'spread',
      value: '<spread>',
      meaning: 'the band of a group: std (what it is without), stderr, minmax, none',
    },
    { name: 'smooth', value: '<weight>', meaning: 'from 0 to 0.999, as the slider of TensorBoard' },
    { name: 'log', meaning: 'values on a logarithmic axis' },
    { name: 'title', value: '<text>', meaning: 'above the figure' },
    { name: 'x-label', value: '<text>', meaning: 'below the panels; what the steps count where left out' },
    STORE_OPTION,
    { name: 'json', meaning: 'print what was drawn as JSON' },
  ],
  examples: [
    { command: 'runcast plot train/loss --run run-1 --output loss.svg', meaning: 'one curve' },
    {
      command: `runcast plot train/loss val/loss --where 'tag = sweep' --group-by config.optimizer --output sweep.svg`,
      meaning: 'optimizers compared, two panels',
    },
    {
      command: 'runcast plot train/loss --smooth 0.9 --log | rsvg-convert --format pdf > loss.pdf',
      meaning: 'all runs, for a paper',
    },
  ],
  maxPositionals: Infinity,
  run: plot,
};

async function plot(args: ParsedArguments, context: CliContext): Promise<ExitCode> {
  // Databases' clients and what draws are not loaded for other commands.
  const [{ plotRuns }, { openStore }] = await Promise.all([import('./plot-runs.ts'), import('@runcast/store')]);
  return plotRuns(args, context, openStore);
}
