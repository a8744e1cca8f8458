/** Runs the demo in this process: `pnpm demo`. */

import { runDemo } from './demo.ts';

const interruption = new AbortController();
// Once: a second Ctrl-C ends the process at once, as ever.
process.once('SIGINT', () => interruption.abort());

process.exitCode = await runDemo({
  directory: process.cwd(),
  environment: process.env,
  terminal: process.stdout,
  signal: interruption.signal,
  now: () => performance.now(),
});
