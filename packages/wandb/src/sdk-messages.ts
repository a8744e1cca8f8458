/** What is said between the sink and the thread that W&B's own client lives in: each question gets one answer of its number. */

import type { MessagePort } from 'node:worker_threads';
import { z } from 'zod';
import type { SdkRow } from './sdk-rows.ts';

/** What a run is begun with. */
export interface SdkRun {
  readonly id: string;
  readonly project: string;
  readonly entity: string;
  readonly name: string | undefined;
  /** JSON. */
  readonly config: string;
}

/** What the thread is started with. */
export interface SdkTask {
  /** File of the package's CommonJS entry. */
  readonly client: string;
  readonly baseUrl: string;
  /** Secret. */
  readonly apiKey: string;
  readonly port: MessagePort;
}

/**
 * `begin` makes the run, `rows` logs, `finish` ends it; each is answered when the server has taken it, or when a request for
 * it has failed. After a failure of the latter two, `again` repeats the request that failed.
 */
export type SdkQuestion =
  | { readonly id: number; readonly type: 'begin'; readonly run: SdkRun }
  | { readonly id: number; readonly type: 'rows'; readonly rows: readonly SdkRow[] }
  | { readonly id: number; readonly type: 'finish'; readonly code: number }
  | { readonly id: number; readonly type: 'again' };

/** A request that the server did not take. */
export interface SdkFailure {
  /** What was asked for. */
  readonly what: string;
  /** Undefined where there was none. */
  readonly answer?:
    | {
        readonly status: number;
        readonly headers: readonly (readonly [string, string])[];
        readonly body: string;
      }
    | undefined;
  /** Why there was no answer; empty where there was. */
  readonly reason: string;
}

export type SdkAnswer =
  | {
      readonly id: number;
      readonly type: 'done';
      /** Of the run's page, once it is begun. */
      readonly url?: string | undefined;
      /** Somebody has asked on that page that the run stop. */
      readonly stopped: boolean;
    }
  | { readonly id: number; readonly type: 'failed'; readonly failure: SdkFailure }
  /** The client is not to be had, or does what this version does not know of. */
  | { readonly id: number; readonly type: 'unusable'; readonly reason: string };

const id = z.int();

export const sdkAnswer: z.ZodType<SdkAnswer> = z.discriminatedUnion('type', [
  z.object({ id, type: z.literal('done'), url: z.string().optional(), stopped: z.boolean() }),
  z.object({
    id,
    type: z.literal('failed'),
    failure: z.object({
      what: z.string(),
      answer: z
        .object({ status: z.int(), headers: z.array(z.tuple([z.string(), z.string()])), body: z.string() })
        .optional(),
      reason: z.string(),
    }),
  }),
  z.object({ id, type: z.literal('unusable'), reason: z.string() }),
]);
