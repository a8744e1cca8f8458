/**
 * `serve-wandb.ts <rows> <command …>`: W&B's server, as the tests have it, around one contender: the command is run with the
 * address and the key of the server behind its arguments, and fails where the server then has not exactly so many rows.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startWandbServer } from '../../tests/wandb/server/wandb-server.ts';

const [rows = '', command = '', ...args] = process.argv.slice(2);
const server = await startWandbServer();
const child = spawn(command, [...args, server.url, server.apiKey], { stdio: ['ignore', 'inherit', 'inherit'] });
await once(child, 'exit');
const held = server.runs.reduce((sum, run) => sum + run.history.length, 0);
const problems = [
  ...(child.exitCode === 0 ? [] : [`the contender ended with ${child.signalCode ?? child.exitCode}`]),
  ...(held === Number(rows) ? [] : [`the server has ${held} rows of ${rows}`]),
  ...server.violations,
];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
await server.close();
