/**
 * From a process to the command. This module has to parse on any Node.js that runs ES modules, to say that it is too old; the
 * command itself is loaded after that.
 */

import type { Environment } from '@runcast/core';
import type { CliStream } from './cli/command.ts';

/** What is used of `process`. */
export interface CommandProcess {
  readonly argv: readonly string[];
  readonly versions: { readonly node: string };
  readonly stdout: Omit<CliStream, 'write'> & {
    write(text: string, done?: () => void): unknown;
    on(event: 'error', listener: (error: Error & { readonly code?: string }) => void): unknown;
  };
  readonly stderr: CliStream;
  once(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code: number): unknown;
}

/** Runs the command, and ends the process with its exit code once everything is written. */
export async function startCommand(process: CommandProcess, env: Environment): Promise<void> {
  const { argv, versions, stdout, stderr } = process;
  const [major = 0, minor = 0] = versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 15)) {
    stderr.write(`runcast needs Node.js 22.15 or later; this is ${versions.node}\n`);
    process.exit(1);
    return;
  }
  // When `runcast ls | head` has read enough, nothing is left to be said, and that is no failure.
  stdout.on('error', ({ code }) => process.exit(code === 'EPIPE' ? 0 : 1));
  const { runCli } = await import('./cli/run-cli.ts');
  const exitCode = await runCli({
    argv: argv.slice(2),
    env,
    stdout,
    stderr,
    stopSignal: () => stopSignal(process),
  });
  // Ends at once, whatever a sink that hangs still holds open.
  stdout.write('', () => process.exit(exitCode));
}

/** The first signal is a request; a second one ends the process as it would any. */
function stopSignal(process: CommandProcess): AbortSignal {
  const stopped = new AbortController();
  for (const event of ['SIGINT', 'SIGTERM'] as const) process.once(event, () => stopped.abort());
  return stopped.signal;
}
