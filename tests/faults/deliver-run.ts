// Delivers what the sinks of a run are owed, with the run's lease held, as the next process or the command would after a
// crash.
import { existsSync } from 'node:fs';
import { openHost } from '@runcast/delivery';
import { acquireLease, runDirectory } from '@runcast/runlog';
import type { SinkSettlement } from '@runcast/delivery';
import { runsFolder, type TrainerSettings } from './trainer-settings.ts';
import { sinkSpecs } from './trainer-sinks.ts';

/** What is still owed, by sink. Rejects where another process owns the run, or a sink cannot be opened. */
export async function deliverRun(
  settings: Pick<TrainerSettings, 'folder' | 'runId' | 'sinks' | 'backend'>,
  timeoutMs: number,
): Promise<readonly SinkSettlement[]> {
  const dir = runsFolder(settings.folder);
  const directory = runDirectory(dir, settings.runId);
  // A trainer that was killed while it started may have left no run.
  if (!existsSync(directory.manifestFile)) return [];
  const lease = acquireLease(directory.leaseFile);
  if (lease === undefined) throw new Error('the run is owned by another process');
  try {
    const host = await openHost({
      dir,
      directory,
      sinks: sinkSpecs(settings),
      host: 'inline',
      onEvent: () => undefined,
    });
    return await host.close({ status: 'crashed', final: false }, timeoutMs);
  } finally {
    lease.release();
  }
}
