// Where the tests find a Python that has TensorBoard and W&B's client, or why there is none. The environment is made once by
// `node scripts/python-environment.ts`, which `pnpm test` runs first; a test that needs it skips itself with the reason.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const top = path.join(import.meta.dirname, '..', '..');

/** The file that lists what the environment holds. */
export const requirementsFile: string = path.join(top, 'tests', 'requirements.txt');

/** The folder of the environment. */
export const environmentFolder: string = path.join(top, '.cache', 'venv');

/** Says for which requirements the environment was completed. */
export const stampFile: string = path.join(environmentFolder, 'completed-for.txt');

/** Says why the last attempt to make the environment failed. */
export const reasonFile: string = path.join(top, '.cache', 'no-python.txt');

/** A Python interpreter with everything in tests/requirements.txt, or the reason there is none. */
export type PythonEnvironment =
  { readonly available: true; readonly python: string } | { readonly available: false; readonly reason: string };

/** Changes whenever tests/requirements.txt does. */
export function requirementsHash(): string {
  return createHash('sha256').update(readFileSync(requirementsFile)).digest('hex');
}

/** A command of the environment, such as `python` or `tensorboard`. */
export function environmentCommand(name: string): string {
  return path.join(environmentFolder, 'bin', name);
}

/** Reads what the last `node scripts/python-environment.ts` left. */
export function findPython(): PythonEnvironment {
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === requirementsHash()) {
    return { available: true, python: environmentCommand('python') };
  }
  if (existsSync(reasonFile)) return { available: false, reason: readFileSync(reasonFile, 'utf8') };
  return { available: false, reason: 'no Python environment: run `node scripts/python-environment.ts`' };
}
