/**
 * How a subprocess finds the run it belongs to: a small JSON file that the owner keeps in the run directory, named by a
 * variable of the subprocess's environment.
 */

import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { checkRunId, ConfigError, errorMessage } from '@runcast/core';
import { z } from 'zod';

/** The variable by which a subprocess is told of the file. */
export const CONTEXT_FILE_VARIABLE = 'RUNCAST__CONTEXT_FILE';

const contextSchema = z.object({
  run_id: z.string(),
  run_dir: z.string(),
  project: z.string().nullish(),
  entity: z.string().nullish(),
});

export interface RunContext {
  readonly runId: string;
  /** Directory of all runs. */
  readonly dir: string;
  readonly project: string | undefined;
  readonly entity: string | undefined;
}

export function encodeContext(
  runId: string,
  runDirectory: string,
  project: string | undefined,
  entity: string | undefined,
): string {
  return `${JSON.stringify({ run_id: runId, project: project ?? null, entity: entity ?? null, run_dir: runDirectory }, null, 2)}\n`;
}

/** Reads a context file. Throws a ConfigError that names the variable, whatever is wrong with the file. */
export function readContext(path: string): RunContext {
  try {
    const {
      run_id: runId,
      run_dir: runDirectory,
      project,
      entity,
    } = contextSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    const problem =
      checkRunId(runId) ??
      (basename(runDirectory) === runId ? undefined : `is not the name of its directory ${runDirectory}`);
    if (problem !== undefined) throw new Error(`the run id ${problem}`);
    return { runId, dir: dirname(runDirectory), project: project ?? undefined, entity: entity ?? undefined };
  } catch (error) {
    throw new ConfigError([
      {
        variable: CONTEXT_FILE_VARIABLE,
        message: `expects a context file that a run's owner has written, holds ${JSON.stringify(path)}: ${errorMessage(error)}`,
      },
    ]);
  }
}
