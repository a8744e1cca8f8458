/**
 * How a subprocess finds the run it belongs to: a small JSON file that the owner keeps in the run directory, named by a
 * variable of the subprocess's environment.
 */

import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { checkRunId, ConfigError, errorCode, errorMessage, type Environment } from '@runcast/core';
import { z } from 'zod';

/** The variable by which a subprocess is told of the file. */
export const CONTEXT_FILE_VARIABLE = 'RUNCAST__CONTEXT_FILE';
/** The one that W&B pipelines use, whose files may hold no more than run_id, project and entity. */
export const WANDB_CONTEXT_FILE_VARIABLE = 'WANDB_CONTEXT_FILE';

const contextSchema = () =>
  z.object({
    run_id: z.string(),
    run_dir: z.string().nullish(),
    project: z.string().nullish(),
    entity: z.string().nullish(),
  });

export interface RunContext {
  readonly runId: string;
  /** Directory of all runs; undefined where the file does not say, and the environment's holds. */
  readonly dir: string | undefined;
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

/**
 * The run that the environment says to join, if any. A W&B context file that does not exist means a standalone run, as W&B
 * pipelines expect. Throws a ConfigError that names the variable, whatever is wrong with the file.
 */
export function contextFromEnv(contextFile: string | undefined, env: Environment): RunContext | undefined {
  if (contextFile !== undefined) return readContext(contextFile, CONTEXT_FILE_VARIABLE);
  const wandbFile = env[WANDB_CONTEXT_FILE_VARIABLE]?.trim() ?? '';
  return wandbFile === '' ? undefined : readContext(wandbFile, WANDB_CONTEXT_FILE_VARIABLE);
}

function readContext(path: string, variable: string): RunContext | undefined {
  try {
    return parseContext(readFileSync(path, 'utf8'));
  } catch (error) {
    if (variable === WANDB_CONTEXT_FILE_VARIABLE && errorCode(error) === 'ENOENT') return undefined;
    const message = `expects a context file that a run's owner has written, holds ${JSON.stringify(path)}: ${errorMessage(error)}`;
    throw new ConfigError([{ variable, message }]);
  }
}

function parseContext(text: string): RunContext {
  const { run_id: runId, run_dir: runDirectory, project, entity } = contextSchema().parse(JSON.parse(text));
  const misnamed = typeof runDirectory === 'string' && basename(runDirectory) !== runId;
  const problem = checkRunId(runId) ?? (misnamed ? `is not the name of its directory ${runDirectory}` : undefined);
  if (problem !== undefined) throw new Error(`the run id ${problem}`);
  return {
    runId,
    dir: typeof runDirectory === 'string' ? dirname(runDirectory) : undefined,
    project: project ?? undefined,
    entity: entity ?? undefined,
  };
}
