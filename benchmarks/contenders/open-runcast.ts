/** Opens Runcast as an environment would have it: each record delivered, in a worker, below one directory. */

import path from 'node:path';
import { publisherFromEnv, type CloseReport, type MetricsPublisher } from 'runcast';

export const RUN_ID = 'benchmark';

/** Rejects where there is no worker, which would be another measurement. */
export async function openRuncast(
  directory: string,
  sinks: readonly ('JSONL' | 'TENSORBOARD' | 'WANDB')[],
  more: Readonly<Record<string, string>> = {},
): Promise<MetricsPublisher> {
  const publisher = await publisherFromEnv({
    env: {
      RUNCAST__DIR: path.join(directory, 'runs'),
      RUNCAST__RUN_ID: RUN_ID,
      // A flood is delivered more slowly than it is logged, and is to be delivered to its end all the same.
      RUNCAST__CLOSE_TIMEOUT_SECS: '3600',
      JSONL__DIR: path.join(directory, 'jsonl'),
      TENSORBOARD__LOG_DIR: path.join(directory, 'tensorboard'),
      TENSORBOARD__LOG_EVERY_N_STEPS: '1',
      ...Object.fromEntries(sinks.map((sink) => [`${sink}__ENABLED`, 'true'])),
      ...more,
    },
  });
  const { host, hostReason } = publisher.health();
  if (host !== 'worker') throw new Error(`deliveries are not in a worker: ${hostReason}`);
  return publisher;
}

/** Where the event files of {@link openRuncast} are. */
export function eventDirectory(directory: string): string {
  return path.join(directory, 'tensorboard', RUN_ID);
}

/** Closes and throws where anything is missing from a sink: a rate without the records would be none. */
export async function closeCompletely(publisher: MetricsPublisher): Promise<CloseReport> {
  const report = await publisher.close();
  if (!report.complete) throw new Error(`not everything was delivered: ${JSON.stringify(report)}`);
  return report;
}
