/** What the trainer's thread and the collector's say to each other. The collector checks what it is started with. */

import { z } from 'zod';
import type { ErrorInfo, OpenRecord, RecordBody } from '@runcast/core';

/** What the collector's thread is started with. */
export interface CollectorTask {
  /** Directory of all runs. */
  readonly dir: string;
  readonly runId: string;
  readonly intervalMs: number;
  readonly open: RecordBody<OpenRecord>;
  /** One Int32: see {@link MONITOR_STATE}. */
  readonly state: SharedArrayBuffer;
}

/** The only message to the collector: it is to end now. */
export const END = 'end';

/** The only message from it: something went wrong. */
export type FromCollector = ErrorInfo;

/** Values of the shared word by which an ending publisher waits for its collector. */
export const MONITOR_STATE: { readonly starting: 0; readonly collecting: 1; readonly ended: 2 } = {
  starting: 0,
  collecting: 1,
  ended: 2,
};

const collectorTask: z.ZodType<CollectorTask> = z.object({
  dir: z.string(),
  runId: z.string(),
  intervalMs: z.number(),
  // Structured cloning has copied what the same version of this package has made.
  open: z.custom<RecordBody<OpenRecord>>((value) => typeof value === 'object' && value !== null),
  state: z.instanceof(SharedArrayBuffer),
});

const failure = z.object({ message: z.string(), code: z.string() });

/** Throws a ZodError for what is no task. */
export function readCollectorTask(value: unknown): CollectorTask {
  return collectorTask.parse(value);
}

/** Throws a ZodError for what is no message of a collector. */
export function readFromCollector(value: unknown): FromCollector {
  return failure.parse(value);
}
