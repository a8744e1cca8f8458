/** What the demo says at its end: what was learnt, where it is recorded, and how to look at it. */

import { globSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { jsonlEnv } from '@runcast/jsonl';
import { tensorboardEnv } from '@runcast/tensorboard';
import { perplexity, readSection, type Environment, type RunInfo } from 'runcast';
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
  const line = (label: string, path: string): string => `${paint('dim', label.padEnd(14))} ${shown(path)}`;
  if (run.directory === undefined) return 'No sink is on, so nothing was written: JSONL__ENABLED=true turns one on.';
  const lines = [line('run directory', run.directory)];
  const jsonl = readSection(jsonlEnv, env).config;
  if (jsonl?.enabled === true) lines.push(line('JSONL', resolve(directory, jsonl.dir, `${run.id}.jsonl`)));
  const tensorboard = readSection(tensorboardEnv, env).config;
  if (tensorboard?.enabled !== true) return lines.join('\n');
  const logDir = resolve(directory, tensorboard.log_dir);
  lines.push(...eventFiles(join(logDir, run.id)).map((file) => line('TensorBoard', file)));
  const commands = tensorboardCommands(shown(logDir), directory, env).map((command) => `  ${paint('cyan', command)}`);
  return [...lines, '', 'See the curves:', ...commands].join('\n');
}

function eventFiles(directory: string): readonly string[] {
  return globSync('events.out.tfevents.*', { cwd: directory }).map((name) => join(directory, name));
}
