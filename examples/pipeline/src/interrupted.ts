/**
 * The same pipeline killed with -9 in the middle of its training, every process of it, and then completed from the log:
 * nothing that had been logged is missing from any file, and nothing is there twice.
 */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRunId } from 'runcast';

const dir = process.env['RUNCAST__DIR'] ?? './runs';
const rowsDirectory = process.env['JSONL__DIR'] ?? './runs/jsonl';
const runId = createRunId(Date.now(), Math.random);
const env = { ...process.env, RUNCAST__RUN_ID: runId, JSONL__ENABLED: 'true' };
const ENOUGH_RECORDS = 300;

function countLines(paths: readonly string[]): number {
  return paths.reduce((total, path) => total + readFileSync(path, 'utf8').split('\n').length - 1, 0);
}

const logged = (): number => countLines(globSync(join(dir, runId, 'log', '*.jsonl')));
const delivered = (): number => {
  const rows = join(rowsDirectory, `${runId}.jsonl`);
  return existsSync(rows) ? countLines([rows]) : 0;
};

// A group of its own, so that one signal reaches orchestrator and training alike.
const orchestrator = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, 'orchestrate.ts')], {
  env,
  stdio: 'inherit',
  detached: true,
});
const ended = new Promise((resolve) => {
  orchestrator.once('exit', resolve);
});
while (logged() < ENOUGH_RECORDS && orchestrator.exitCode === null) await delay(5);
if (orchestrator.pid !== undefined) process.kill(-orchestrator.pid, 'SIGKILL');
await ended;

console.log(`killed: ${logged()} records in the log, ${delivered()} rows delivered`);
const command = join(import.meta.dirname, '..', '..', '..', 'packages', 'runcast', 'src', 'bin.ts');
const sync = spawnSync(process.execPath, [...process.execArgv, command, 'sync', join(dir, runId), '--to', 'jsonl'], {
  env,
  stdio: 'inherit',
});
console.log(`synced: ${logged()} records in the log, ${delivered()} rows delivered`);
process.exitCode = sync.status === 0 && logged() === delivered() ? 0 : 1;
