/**
 * What the publisher's thread and the worker say to each other. Both sides check what they receive: a worker file of another
 * version is then an error with a name, not a run that hangs.
 */

import { z } from 'zod';
import type { ErrorInfo, JsonObject, SinkHealth, SinkOutcome } from '@runcast/core';
import type { DeliveryEvent, SinkSettlement } from './delivery-event.ts';

/** What the worker is started with. Sinks as data only. */
export interface WorkerTask {
  /** Directory of all runs. */
  readonly dir: string;
  readonly runId: string;
  readonly sinks: readonly { readonly name: string; readonly module: string; readonly config: JsonObject }[];
  /** One Int32: see {@link EXIT_STATE}. */
  readonly exitState: SharedArrayBuffer;
}

export type ToWorker =
  | { readonly type: 'flush'; readonly id: number; readonly timeoutMs: number }
  | { readonly type: 'close'; readonly id: number; readonly timeoutMs: number; readonly outcome: SinkOutcome }
  | { readonly type: 'end'; readonly outcome: SinkOutcome };

export type FromWorker =
  /** `failures` is empty where every sink has been opened. */
  | { readonly type: 'opened'; readonly failures: readonly { readonly sink: string; readonly error: ErrorInfo }[] }
  | { readonly type: 'health'; readonly sinks: Readonly<Record<string, SinkHealth>> }
  | { readonly type: 'event'; readonly event: DeliveryEvent }
  | { readonly type: 'settled'; readonly id: number; readonly settlements: readonly SinkSettlement[] };

const errorInfo = z.object({ message: z.string(), code: z.string() });
const status = z.enum(['finished', 'failed', 'crashed', 'unknown']);
const outcome = z.object({ status, final: z.boolean() });

/** What structured cloning has copied is still the JSON it was; only its being an object is worth checking. */
function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

const workerTask: z.ZodType<WorkerTask> = z.object({
  dir: z.string(),
  runId: z.string(),
  sinks: z.array(z.object({ name: z.string(), module: z.string(), config: z.custom<JsonObject>(isObject) })),
  exitState: z.instanceof(SharedArrayBuffer),
});

/** Values of the shared word by which an exiting process waits for its worker. */
export const EXIT_STATE: { readonly running: 0; readonly ended: 1 } = { running: 0, ended: 1 };

const toWorker: z.ZodType<ToWorker> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('flush'), id: z.number(), timeoutMs: z.number() }),
  z.object({ type: z.literal('close'), id: z.number(), timeoutMs: z.number(), outcome }),
  z.object({ type: z.literal('end'), outcome }),
]);

const laneHealth = z.object({
  state: z.enum(['starting', 'delivering', 'retrying', 'stopped', 'closed']),
  delivered: z.number(),
  refused: z.number(),
  lagRecords: z.number(),
  lagBytes: z.number(),
  retries: z.number(),
  lastError: z.union([errorInfo, z.undefined()]),
});

const sinkHealth = laneHealth.extend({
  skippedKinds: z.number(),
  skippedSteps: z.number(),
  uploads: laneHealth.exactOptional(),
});

const settlement = z.object({
  sink: z.string(),
  owedRecords: z.number(),
  skippedSteps: z.number(),
  deliveredSteps: z.number(),
  reason: z.union([z.string(), z.undefined()]),
});

const notice = z.discriminatedUnion('type', [
  z.object({ type: z.literal('runUrl'), url: z.string() }),
  z.object({ type: z.literal('stopRequested') }),
  z.object({ type: z.literal('notice'), message: z.string() }),
]);

const event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('sinkError'), sink: z.string(), error: errorInfo, terminal: z.boolean() }),
  z.object({ type: z.literal('retry'), sink: z.string(), attempt: z.number(), delayMs: z.number(), error: errorInfo }),
  z.object({ type: z.literal('recovered'), sink: z.string(), attempts: z.number() }),
  z.object({ type: z.literal('sinkNotice'), sink: z.string(), notice }),
]);

const fromWorker: z.ZodType<FromWorker> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('opened'), failures: z.array(z.object({ sink: z.string(), error: errorInfo })) }),
  z.object({ type: z.literal('health'), sinks: z.record(z.string(), sinkHealth) }),
  z.object({ type: z.literal('event'), event }),
  z.object({ type: z.literal('settled'), id: z.number(), settlements: z.array(settlement) }),
]);

/** Each throws a ZodError for what is no such message. */
export function readWorkerTask(value: unknown): WorkerTask {
  return workerTask.parse(value);
}

export function readToWorker(value: unknown): ToWorker {
  return toWorker.parse(value);
}

export function readFromWorker(value: unknown): FromWorker {
  return fromWorker.parse(value);
}
