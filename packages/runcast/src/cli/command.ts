/** What a command of `runcast` is: its words for people, its options, and a function of everything it may touch. */

import type { Environment } from '@runcast/core';
import type { Scheduler } from '@runcast/delivery';
import type { OptionDefinition, ParsedArguments } from './parse-arguments.ts';

/** Where a command writes, as `process.stdout` is one. */
export interface CliStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Characters a line has, where it is a terminal. */
  readonly columns?: number | undefined;
}

/** Everything outside a command. */
export interface CliContext {
  readonly env: Environment;
  /** Absolute path that relative ones are below. */
  readonly cwd: string;
  /** For results, so that they can be piped. */
  readonly stdout: CliStream;
  /** For progress, warnings and errors. */
  readonly stderr: CliStream;
  readonly clock: Scheduler;
  /** Without a leading `v`. */
  readonly nodeVersion: string;
  /** For commands that go on until they are told to stop: aborted when the process is. It ends at once where nobody asks. */
  readonly stopSignal: () => AbortSignal;
}

/** 0: done, nothing is owed or wrong. 1: something is. 2: the command was not understood, or cannot be as configured. */
export type ExitCode = 0 | 1 | 2;

export interface Command {
  readonly name: string;
  /** What follows the name, `[dir] [--json]`. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Paragraphs for its own help. */
  readonly details: string;
  readonly options: readonly OptionDefinition[];
  readonly examples: readonly { readonly command: string; readonly meaning: string }[];
  /** How many arguments that are no options it takes at most. */
  readonly maxPositionals: number;
  run(args: ParsedArguments, context: CliContext): Promise<ExitCode> | ExitCode;
}
