/** The `runcast` command without the process: arguments, environment and streams come in, an exit code goes out. */

import { ConfigError, errorMessage, type Environment } from '@runcast/core';
import { systemScheduler, type Scheduler } from '@runcast/delivery';
import manifest from '../../package.json' with { type: 'json' };
import { analyzeCommand } from './analyze-command.ts';
import type { CliContext, CliStream, Command, ExitCode } from './command.ts';
import { doctorCommand } from './doctor-command.ts';
import { envCommand } from './env-command.ts';
import { exportCommand } from './export-command.ts';
import { commandHelp, generalHelp } from './help-text.ts';
import { importCommand } from './import-command.ts';
import { lsCommand } from './ls-command.ts';
import { parseArguments, suggestion, UsageError } from './parse-arguments.ts';
import { queryCommand } from './query-command.ts';
import { plotCommand } from './plot-command.ts';
import { relayCommand } from './relay-command.ts';
import { syncCommand } from './sync-command.ts';
import { tailCommand } from './tail-command.ts';
import { styleFor } from './terminal-style.ts';

export interface CliOptions {
  /** What follows `runcast` on the command line. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  /** Absolute; the process's where left out. */
  readonly cwd?: string;
  /** The system's where left out. */
  readonly clock?: Scheduler;
  /** The running one where left out. */
  readonly nodeVersion?: string;
  /** See {@link CliContext.stopSignal}; never aborted where left out. */
  readonly stopSignal?: () => AbortSignal;
}

const COMMANDS: readonly Command[] = [
  envCommand,
  doctorCommand,
  lsCommand,
  tailCommand,
  syncCommand,
  relayCommand,
  importCommand,
  exportCommand,
  queryCommand,
  plotCommand,
  analyzeCommand,
];

/** Runs one command. Resolves to the exit code and rejects for nothing: what goes wrong is said on `stderr`. */
export async function runCli(options: CliOptions): Promise<ExitCode> {
  const context: CliContext = {
    env: options.env,
    cwd: options.cwd ?? process.cwd(),
    stdout: options.stdout,
    stderr: options.stderr,
    clock: options.clock ?? systemScheduler,
    nodeVersion: options.nodeVersion ?? process.versions.node,
    stopSignal: options.stopSignal ?? ((): AbortSignal => new AbortController().signal),
  };
  const [name, ...rest] = options.argv;
  try {
    return await dispatch(name, rest, context);
  } catch (error) {
    const style = styleFor(context.stderr, context.env);
    context.stderr.write(`${style('red', 'runcast:')} ${errorMessage(error)}\n`);
    if (error instanceof ConfigError) return 2;
    if (!(error instanceof UsageError)) return 1;
    const known = COMMANDS.some((command) => command.name === name);
    context.stderr.write(`Try runcast ${known ? `${name} ` : ''}--help\n`);
    return 2;
  }
}

async function dispatch(name: string | undefined, rest: readonly string[], context: CliContext): Promise<ExitCode> {
  const style = styleFor(context.stdout, context.env);
  switch (name) {
    case undefined:
      context.stderr.write(generalHelp(COMMANDS, styleFor(context.stderr, context.env)));
      return 2;
    case '--version':
      context.stdout.write(`${manifest.version}\n`);
      return 0;
    case 'help':
    case '--help':
    case '-h': {
      const [topic] = rest;
      context.stdout.write(topic === undefined ? generalHelp(COMMANDS, style) : commandHelp(findCommand(topic), style));
      return 0;
    }
    default: {
      const command = findCommand(name);
      const args = parseArguments(rest, command.options, command.maxPositionals);
      if (!args.has('help')) return command.run(args, context);
      context.stdout.write(commandHelp(command, style));
      return 0;
    }
  }
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  if (name.startsWith('-')) throw new UsageError(`unknown option ${name}${suggestion(name, ['--help', '--version'])}`);
  const known = COMMANDS.map((candidate) => candidate.name);
  throw new UsageError(`unknown command ${JSON.stringify(name)}${suggestion(name, known)}`);
}
