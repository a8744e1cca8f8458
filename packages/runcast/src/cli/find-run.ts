/** Runs as people name them on the command line. */

import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { checkRunId } from '@runcast/core';
import { listRuns, readManifest, runDirectory, type RunDirectory } from '@runcast/runlog';
import { suggestion, UsageError } from './parse-arguments.ts';

/** An id below the directory of all runs, or else the path of a run directory. Throws {@link UsageError} for neither. */
export function findRun(run: string, dir: string, cwd: string): RunDirectory {
  const path = resolve(cwd, run);
  const candidates = [
    ...(checkRunId(run) === undefined ? [runDirectory(dir, run)] : []),
    runDirectory(dirname(path), basename(path)),
  ];
  const found = candidates.find(({ manifestFile }) => existsSync(manifestFile));
  if (found === undefined)
    throw new UsageError(`there is no run ${JSON.stringify(run)} below ${dir}${suggestion(run, listRuns(dir))}`);
  return openedAs(found);
}

/** A directory that was moved or copied is still the run it was opened as: its sinks know it by that id. */
export function openedAs(directory: RunDirectory): RunDirectory {
  const opened = readManifest(directory)?.run;
  return opened === undefined || checkRunId(opened) !== undefined ? directory : { ...directory, runId: opened };
}
