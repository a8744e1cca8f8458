/** What the demo says at its end: what was learnt, where it is recorded, and how to look at it. */

import { existsSync, globSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { jsonlEnv, perplexity, readSection, tensorboardEnv, type Environment, type RunInfo } from 'runcast';
import { tensorboardCommands } from './tensorboard-command.ts';
import type { Paint } from './terminal.ts';
import type { TrainingResult } from './train.ts';

/** Losses and perplexities before and after, as a small table. */
export function describeResult({ untrained, trained }: TrainingResult, paint: Paint): string {
  const row = (label: string, before: number, after: number): string =>
    [
      label.padEnd(14),
      `${before.toFixed(3)} → ${paint('bold', after.toFixed(3))}`,
      `${perplexity(before).toFixed(1).padStart(7)} → ${paint('bold', perplexity(after).toFixed(2))}`,
      `${(before / Math.LN2).toFixed(2).padStart(6)} → ${paint('bold', (after / Math.LN2).toFixed(2))}`,
    ].join('   ');
  return [
    paint('dim', 'per character      loss (nats)      perplexity        bits'),
    row('training', untrained.training, trained.training),
    row('held out', untrained.validation, trained.validation),
  ].join('\n');
}

export interface OutputOptions {
  readonly run: RunInfo;
  readonly env: Environment;
  /** The directory that relative paths start from, and are shown from. */
  readonly directory: string;
  readonly paint: Paint;
}

/** Where the run is, and the commands that show it. */
export function describeOutputs({ run, env, directory, paint }: OutputOptions): string {
  const shown = (path: string): string => relative(directory, path) || '.';
  const tensorboard = readSection(tensorboardEnv, env).config;
  const logDir = tensorboard?.enabled === true ? resolve(directory, tensorboard.log_dir) : undefined;
  const outputs = [
    { label: 'run directory', path: run.directory },
    { label: 'JSONL', path: jsonlFile(run, env, directory) },
    ...(logDir === undefined ? [] : eventFiles(join(logDir, run.id)).map((path) => ({ label: 'TensorBoard', path }))),
  ];
  const lines = outputs.flatMap(({ label, path }) =>
    path === undefined ? [] : [`${paint('dim', label.padEnd(14))} ${shown(path)}`],
  );
  if (lines.length === 0) return 'No sink is on, so nothing was written: set JSONL__ENABLED=true, for one.';
  if (logDir === undefined) return lines.join('\n');
  const commands = tensorboardCommands(shown(logDir), env).map((command) => `  ${paint('cyan', command)}`);
  return [...lines, '', 'See the curves:', ...commands].join('\n');
}

function jsonlFile(run: RunInfo, env: Environment, directory: string): string | undefined {
  const jsonl = readSection(jsonlEnv, env).config;
  if (jsonl?.enabled !== true) return undefined;
  const file = resolve(directory, jsonl.dir, `${run.id}.jsonl`);
  return existsSync(file) ? file : undefined;
}

function eventFiles(directory: string): readonly string[] {
  return globSync('events.out.tfevents.*', { cwd: directory }).map((name) => join(directory, name));
}
