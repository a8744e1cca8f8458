/** What the demo says at its end: what was learnt, where it is recorded, and how to look at it. */

import { globSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { perplexity, type Environment, type RunInfo, type SinkSpec } from 'runcast';
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
  readonly sinks: readonly SinkSpec[];
  readonly env: Environment;
  /** The directory that relative paths start from, and are shown from. */
  readonly directory: string;
  readonly paint: Paint;
}

/** Where the run is, and the commands that show it. */
export function describeOutputs({ run, sinks, env, directory, paint }: OutputOptions): string {
  const shown = (path: string): string => relative(directory, path) || '.';
  const line = (label: string, path: string): string => `${paint('dim', label.padEnd(14))} ${shown(path)}`;
  if (run.directory === undefined) return 'No sink is on, so nothing was written: JSONL__ENABLED=true turns one on.';
  const rowsDirectory = configuredDirectory(sinks, 'jsonl', 'dir');
  const logDir = configuredDirectory(sinks, 'tensorboard', 'log_dir');
  const lines = [line('run directory', run.directory)];
  if (rowsDirectory !== undefined) lines.push(line('JSONL', resolve(directory, rowsDirectory, `${run.id}.jsonl`)));
  if (logDir === undefined) return lines.join('\n');
  const commands = tensorboardCommands(shown(resolve(directory, logDir)), directory, env).map(
    (command) => `  ${paint('cyan', command)}`,
  );
  const events = eventFiles(resolve(directory, logDir, run.id)).map((path) => line('TensorBoard', path));
  return [...lines, ...events, '', 'See the curves:', ...commands].join('\n');
}

function configuredDirectory(sinks: readonly SinkSpec[], sink: string, field: string): string | undefined {
  const directory = sinks.find(({ name }) => name === sink)?.config[field];
  return typeof directory === 'string' ? directory : undefined;
}

function eventFiles(directory: string): readonly string[] {
  return globSync('events.out.tfevents.*', { cwd: directory }).map((name) => join(directory, name));
}
