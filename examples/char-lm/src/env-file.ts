/**
 * Variables from a file, for development: `.env` where there is one, else the commented `.env.example` that is part of the
 * repository, so that a fresh clone works as it is.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Environment } from 'runcast';

const FILES = ['.env', '.env.example'];

export interface LoadedEnvironment {
  readonly env: Environment;
  /** Which file was read; undefined where there is none. */
  readonly file: string | undefined;
}

/** The file's variables with the real environment's on top: a variable set there wins, also one set to nothing. */
export function loadEnvironment(directory: string, environment: Environment): LoadedEnvironment {
  const file = FILES.find((name) => existsSync(join(directory, name)));
  const fromFile = file === undefined ? {} : parseEnv(readFileSync(join(directory, file), 'utf8'));
  return { env: { ...fromFile, ...environment }, file };
}
