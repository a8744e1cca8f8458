#!/usr/bin/env node
/**
 * The `runcast` command as a process. It has to parse on any Node.js that runs ES modules, to say that it is too old; the
 * rest is loaded after that.
 */

import { processEnvironment } from './process-env.ts';

/** When `runcast ls | head` has read enough, nothing is left to be said, and that is no failure. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(`runcast needs Node.js 22.15 or later; this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  void import('./cli/run-cli.ts').then(async ({ runCli }) => {
    const exitCode = await runCli({
      argv: process.argv.slice(2),
      env: processEnvironment(),
      stdout: process.stdout,
      stderr: process.stderr,
    });
    // Everything written first; then at once, whatever a sink that hangs still holds open.
    process.stdout.write('', () => process.exit(exitCode));
  });
}
