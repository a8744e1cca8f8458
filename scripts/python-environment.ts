// Makes the Python environment in which tests read our files back with TensorBoard, run W&B's client, and find servers: Valkey
// and PostgreSQL. Done once for each state of tests/requirements.txt. When it cannot be made the reason is kept and this still
// succeeds: the tests that need it then skip themselves by name, and fail the run only where CI=true.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  environmentCommand,
  environmentFolder,
  findPython,
  reasonFile,
  requirementsFile,
  requirementsHash,
  stampFile,
} from '../tests/support/python.ts';

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function makeEnvironment(): void {
  rmSync(environmentFolder, { recursive: true, force: true });
  run('python3', ['-m', 'venv', environmentFolder]);
  run(environmentCommand('pip'), ['install', '--disable-pip-version-check', '--no-input', '-r', requirementsFile]);
  writeFileSync(stampFile, requirementsHash());
}

/** The last line that a failed command wrote says what was wrong. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split('\n').at(-1) ?? message;
}

if (!findPython().available) {
  mkdirSync(path.dirname(reasonFile), { recursive: true });
  rmSync(reasonFile, { force: true });
  try {
    console.log('Installing TensorBoard, the client of W&B, Valkey and PostgreSQL for the tests into .cache/venv');
    makeEnvironment();
  } catch (error) {
    const reason = `no Python with TensorBoard, wandb, Valkey and PostgreSQL: ${reasonOf(error)}`;
    writeFileSync(reasonFile, reason);
    console.warn(reason);
  }
}
