/**
 * What the encoder remembers of a run apart from its tags, and the form in which a position keeps all of it: whoever goes
 * on from a position writes the bytes that would have been written without the interruption.
 */

import { RUN_STATUSES, type JsonObject, type JsonPrimitive, type RunStatus } from '@runcast/core';
import { z } from 'zod';
import { chartId, type Chart, type DefinedSeries } from './series-layout.ts';
import type { TagEntry } from './tag-table.ts';

/** Where names and times of files come from: an `open` record, so that encoding again gives the same bytes. */
export interface Stamp extends JsonObject {
  readonly time: number;
  readonly host: string;
  readonly pid: number;
}

/** A directory of event files that has one at least: the run's own, and one for each time that steps went back. */
export interface SubRun extends JsonObject {
  /** How many files it has; readers take the last one as the one that grows. */
  readonly files: number;
  /** The seconds in the newest file's name. */
  readonly seconds: number;
  /** Path of the newest file below the run's directory. */
  readonly path: string;
  /** The step the run was resumed from since that file was begun. */
  readonly resumeStep: number | null;
}

/** How a run ended. */
export interface RunEnd extends JsonObject {
  readonly status: RunStatus;
  readonly time: number;
}

/** Scalars of configuration and hyperparameters by their flattened names, kept under the key that the next one replaces. */
export type ConfigScalars = ReadonlyMap<string, readonly (readonly [string, JsonPrimitive])[]>;

/** Replaced, never changed. */
export interface RunState {
  /** Its host is empty before the first record. */
  readonly stamp: Stamp;
  /** The run's own directory first, then those of the rewinds, as far as they have been written to. */
  readonly subRuns: readonly SubRun[];
  /** How often steps went back. */
  readonly rewinds: number;
  /** The greatest step that was logged. */
  readonly lastStep: number;
  readonly config: ConfigScalars;
  /** What the run's own file says of its HParams session, once and for all. */
  readonly session: 'none' | 'started' | 'ended';
  /** Whether that is not true any more, so that a file that is read before it says what is. */
  readonly amended: boolean;
  /** Null while the run goes on, also where it goes on again. */
  readonly end: RunEnd | null;
  /** Series that were defined, in the order of the definitions. */
  readonly defined: readonly DefinedSeries[];
  /** Charts of the newest layout, by their ids. */
  readonly charts: ReadonlyMap<string, Chart>;
}

export const NEW_RUN: RunState = {
  stamp: { time: 0, host: '', pid: 0 },
  subRuns: [],
  rewinds: 0,
  lastStep: 0,
  config: new Map(),
  session: 'none',
  amended: false,
  end: null,
  defined: [],
  charts: new Map(),
};

/** A {@link RunState} and its tags as JSON: the encoder's part of a position. */
export interface EncoderState extends JsonObject {
  readonly stamp: Stamp;
  readonly sub_runs: readonly SubRun[];
  readonly rewinds: number;
  readonly last_step: number;
  readonly config: readonly (readonly [string, readonly (readonly [string, JsonPrimitive])[]])[];
  readonly session: RunState['session'];
  readonly amended: boolean;
  readonly end: RunEnd | null;
  readonly defined: readonly DefinedSeries[];
  readonly charts: readonly Chart[];
  readonly tags: readonly TagEntry[];
}

const configScalar = z.tuple([z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])]).readonly();
const tagEntry = z.tuple([z.string(), z.number().nullable(), z.int().nonnegative(), z.boolean()]).readonly();

export const encoderStateSchema: z.ZodType<EncoderState> = z.object({
  stamp: z.object({ time: z.number(), host: z.string(), pid: z.number() }),
  sub_runs: z.array(
    z.object({ files: z.int().positive(), seconds: z.int(), path: z.string(), resumeStep: z.number().nullable() }),
  ),
  rewinds: z.int().nonnegative(),
  last_step: z.number(),
  config: z.array(z.tuple([z.string(), z.array(configScalar)])),
  session: z.enum(['none', 'started', 'ended']),
  amended: z.boolean(),
  end: z.object({ status: z.enum(RUN_STATUSES), time: z.number() }).nullable(),
  defined: z.array(z.object({ series: z.string(), key: z.string().nullable() })),
  charts: z.array(z.object({ group: z.string(), metric: z.string(), staged: z.boolean() })),
  tags: z.array(tagEntry),
});

export function stateFromJson(json: EncoderState): { readonly run: RunState; readonly tags: readonly TagEntry[] } {
  const { stamp, sub_runs: subRuns, rewinds, last_step: lastStep, session, amended, end, defined, tags } = json;
  const charts = new Map(json.charts.map((chart) => [chartId(chart), chart]));
  const config = new Map(json.config);
  return { run: { stamp, subRuns, rewinds, lastStep, config, session, amended, end, defined, charts }, tags };
}

export function stateToJson(run: RunState, tags: readonly TagEntry[]): EncoderState {
  return {
    stamp: run.stamp,
    sub_runs: run.subRuns,
    rewinds: run.rewinds,
    last_step: run.lastStep,
    config: [...run.config],
    session: run.session,
    amended: run.amended,
    end: run.end,
    defined: run.defined,
    charts: [...run.charts.values()],
    tags,
  };
}
