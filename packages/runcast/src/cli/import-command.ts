/** `runcast import`: runs logged by other tools, as run directories. */

import { relative, resolve } from 'node:path';
import { readConfiguration } from '../configuration.ts';
import type { CliContext, Command, ExitCode } from './command.ts';
import { importTensorboard, type ImportResult } from './import-tensorboard.ts';
import { importWandb } from './import-wandb.ts';
import { writeJson } from './json-output.ts';
import { suggestion, UsageError, type ParsedArguments } from './parse-arguments.ts';
import { createProgress } from './progress.ts';
import { formatBytes, formatCount, formatRecords } from './quantities.ts';
import { styleFor } from './terminal-style.ts';

const FORMATS = ['tensorboard', 'wandb'];
/** Places of damage that are told one by one. */
const MAX_TOLD = 10;

export const importCommand: Command = {
  name: 'import',
  usage: '(tensorboard <logdir> | wandb <offline run>) [--dir <dir>] [--project <project>] [--json]',
  summary: "make runs of TensorBoard event files or of W&B's offline runs, whoever wrote them",
  details: `tensorboard: makes one run below RUNCAST__DIR (./runs) of each TensorBoard run in <logdir>, or of one event file: scalars, histograms,
text, images and hyperparameters, with their steps and times. From there "runcast sync" takes them to any sink. The
id is made of TensorBoard's run name, which is kept as the name; importing again makes new runs.

Scalars that follow one another with the same step and time become one record. What a run log has no record for
(graphs, audio, other plugins) is left out and said; a step below 0 or over 2^53 is left out of its record. Points that
a resumed run superseded are kept. A run ends as its HParams session says, and as "unknown" without one.

wandb: makes one run of each .wandb file, which W&B's client writes in offline mode, below a directory: rows, summary,
configuration, tags, metric definitions, histograms, images, tables, files, artifacts, alerts and system metrics.

Exit codes: 0 everything readable is imported, 1 something is damaged (the rest is imported), 2 the command makes no
sense.`,
  options: [
    { name: 'dir', value: '<dir>', meaning: 'make the runs here instead of below RUNCAST__DIR' },
    { name: 'project', value: '<project>', meaning: 'project of the runs; RUNCAST__PROJECT otherwise' },
    { name: 'json', meaning: 'print JSON' },
  ],
  examples: [
    { command: 'runcast import tensorboard ./logs', meaning: 'every run below ./logs' },
    { command: 'runcast import tensorboard ./logs --project demo', meaning: 'and the project they are of' },
    { command: 'runcast import wandb ./wandb', meaning: "every run that W&B's client has left there" },
  ],
  maxPositionals: 2,
  run: importRuns,
};

async function importRuns(args: ParsedArguments, context: CliContext): Promise<ExitCode> {
  const { cwd, env, stdout, stderr, clock } = context;
  const [format, from] = args.positionals;
  if (format === undefined) throw new UsageError(`say what to import: ${FORMATS.join(', ')}`);
  if (!FORMATS.includes(format))
    throw new UsageError(
      `cannot import ${JSON.stringify(format)}${suggestion(format, FORMATS)} (${FORMATS.join(', ')})`,
    );
  if (from === undefined)
    throw new UsageError(
      `name a ${format === 'wandb' ? 'directory or .wandb file' : 'log directory or an event file'}`,
    );
  const { run } = readConfiguration(env, cwd);
  const dir = resolve(cwd, args.values('dir').at(-1) ?? run.dir);
  const project = args.values('project').at(-1) ?? run.project;
  const progress = createProgress(from, stderr, () => clock.nowMs(), formatBytes);
  const style = styleFor(stderr, env);
  let damaged = 0;
  try {
    const onCorrupt = (file: string, offset: number, detail: string): void => {
      damaged += 1;
      if (damaged > MAX_TOLD) return;
      progress.print(`${style('yellow', `${relative(cwd, file)}:`)} ${detail} (byte ${formatCount(offset)})`);
    };
    const source = { from: resolve(cwd, from), dir, project };
    const runs =
      format === 'wandb'
        ? importWandb({ ...source, onCorrupt: (file, { offset, problem }) => onCorrupt(file, offset, problem) })
        : await importTensorboard({
            ...source,
            onCorrupt: ({ file, offset, detail }) => onCorrupt(file, offset, detail),
            onProgress: (done, total) => progress.update(done, total),
          });
    progress.end();
    if (damaged > MAX_TOLD) stderr.write(`and ${formatCount(damaged - MAX_TOLD)} more places like these\n`);
    if (args.has('json')) writeJson(stdout, { dir, damaged, runs });
    else for (const made of runs) stdout.write(`${resultLine(made)}\n`);
    if (runs.length === 0) stderr.write(`no ${format === 'wandb' ? 'runs' : 'events'} in ${from}\n`);
    return damaged > 0 || runs.length === 0 ? 1 : 0;
  } finally {
    progress.end();
  }
}

function resultLine({ id, name, records, skipped }: ImportResult): string {
  const left = Object.entries(skipped).map(([what, count]) => `${formatCount(count)} ${what}`);
  const aside = left.length === 0 ? '' : `, without ${left.join(', ')}`;
  return `${id}: ${formatRecords(records)}${name === id ? '' : ` of ${JSON.stringify(name)}`}${aside}`;
}
