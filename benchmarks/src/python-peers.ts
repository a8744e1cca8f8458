/**
 * The Python that peers run in: made once in `.cache/bench-venv`, and made again when what it is to hold changes. What
 * cannot be had is a reason, not a failure: the peer is then skipped by name.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Contender } from './benchmark.ts';

const benchmarks = path.join(import.meta.dirname, '..');
const environment = path.join(benchmarks, '..', '.cache', 'bench-venv');
const python = path.join(environment, 'bin', 'python');

export type PythonPeer = 'mlflow' | 'tensorboard' | 'torch' | 'wandb';

interface Peer {
  readonly requirements: string;
  /** Imported to see whether it is there. */
  readonly module: string;
}

const PEERS: Readonly<Record<PythonPeer, Peer>> = {
  tensorboard: { requirements: 'requirements.txt', module: 'tensorboard.summary.writer.event_file_writer' },
  wandb: { requirements: 'requirements-wandb.txt', module: 'wandb' },
  mlflow: { requirements: 'requirements-mlflow.txt', module: 'mlflow.store.tracking.sqlalchemy_store' },
  torch: { requirements: 'requirements-torch.txt', module: 'torch.utils.tensorboard' },
};

/** Installs a peer, unless that has been done. Returns why it could not be, or undefined. */
export function installPeer(name: PythonPeer): string | undefined {
  const { requirements } = PEERS[name];
  const file = path.join(benchmarks, requirements);
  const stamp = path.join(environment, `installed-${name}.txt`);
  const wanted = readFileSync(file, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
  try {
    mkdirSync(path.dirname(environment), { recursive: true });
    if (!existsSync(python)) run('python3', ['-m', 'venv', environment]);
    run(python, ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--quiet', '-r', file]);
    writeFileSync(stamp, wanted);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? error.message) : String(error);
  }
}

/** A contender that runs a Python script of this package, missing where its peer cannot be imported. */
export function pythonContender(
  name: string,
  peer: PythonPeer,
  script: string,
  count: CountOf,
  ...args: readonly string[]
): Contender {
  const missing = missingModule(PEERS[peer].module);
  return {
    name,
    ...(missing === undefined ? {} : { missing }),
    command: ({ scale, directory }) => ({
      file: python,
      // -B: nothing is compiled into the folder of the sources.
      args: ['-B', path.join(benchmarks, 'contenders', script), directory, String(count[scale]), ...args],
    }),
  };
}

/** How many records a contender writes. */
export type CountOf = Readonly<Record<'full' | 'quick', number>>;

function missingModule(module: string): string | undefined {
  try {
    run(python, ['-c', `import ${module}`]);
    return undefined;
  } catch {
    return `${module} is not installed`;
  }
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
}
