/**
 * What a run on W&B is made of so far, apart from what lies on the server: enough to write the next line where it belongs and the
 * next summary and configuration whole. It is the sink's position, so it is JSON.
 */

import { z } from 'zod';
import { SUMMARY_RULES, type JsonObject, type JsonValue, type OpenRecord, type RecordBatch } from '@runcast/core';
import { NO_HISTORY, type HistoryState } from './history-lines.ts';
import type { MetricEntry } from './metric-definitions.ts';
import type { Gathered } from './run-summary.ts';

/** Who the run is, from its first `open` record. */
export interface RunIdentity extends JsonObject {
  /** Name of the writer that began the run: by it a run on the server is known to be this one. */
  readonly writer: string;
  readonly name: string | null;
  readonly project: string | null;
  readonly entity: string | null;
  readonly group: string | null;
  readonly job_type: string | null;
  readonly notes: string | null;
  readonly host: string;
  readonly program: string | null;
  readonly commit: string | null;
  readonly repo: string | null;
}

/** Where the run's lines begin, on a server that had the run already, and what somebody else's client keeps of it. */
interface RunBase extends JsonObject {
  readonly lines: number;
  readonly events: number;
  /** The last `_step`; null where there is no line. */
  readonly step: number | null;
  /** The other client's part of the configuration. */
  readonly own: JsonObject;
}

export interface RunState extends JsonObject {
  readonly identity: RunIdentity | null;
  /** Unix seconds of the first record. */
  readonly start: number;
  /** The last `seq` taken of each writer. */
  readonly writers: readonly (readonly [string, number])[];
  /** What was on the server before the run's first line. */
  readonly base: RunBase;
  readonly history: HistoryState;
  /** Lines of system metrics. */
  readonly events: number;
  readonly config: readonly (readonly [string, JsonValue])[];
  readonly tags: readonly string[];
  readonly metrics: readonly MetricEntry[];
  /** Keys of bar charts. */
  readonly charts: readonly string[];
  readonly summary: readonly (readonly [string, string])[];
  readonly gathered: readonly (readonly [string, Gathered])[];
  /** As a process ends, once the run's last record has come; null before. */
  readonly exit_code: number | null;
}

export const NEW_RUN: RunState = {
  identity: null,
  start: 0,
  writers: [],
  base: { lines: 0, events: 0, step: null, own: {} },
  history: NO_HISTORY,
  events: 0,
  config: [],
  tags: [],
  metrics: [],
  charts: [],
  summary: [],
  gathered: [],
  exit_code: null,
};

const pair = z.tuple([z.string(), z.string()]).readonly();
const nullableText = z.string().nullable();

export const identitySchema: z.ZodType<RunIdentity> = z.object({
  writer: z.string(),
  name: nullableText,
  project: nullableText,
  entity: nullableText,
  group: nullableText,
  job_type: nullableText,
  notes: nullableText,
  host: z.string(),
  program: nullableText,
  commit: nullableText,
  repo: nullableText,
});

export const runStateSchema: z.ZodType<RunState> = z.object({
  identity: identitySchema.nullable(),
  start: z.number(),
  writers: z.array(z.tuple([z.string(), z.int()]).readonly()),
  base: z.object({
    lines: z.int().min(0),
    events: z.int().min(0),
    step: z.number().nullable(),
    own: z.record(z.string(), z.json()),
  }),
  history: z.object({
    lines: z.int().min(0),
    step: z.number().nullable(),
    open: z.object({ step: z.number(), time: z.number(), fields: z.array(pair) }).nullable(),
  }),
  events: z.int().min(0),
  config: z.array(z.tuple([z.string(), z.json()])),
  tags: z.array(z.string()),
  metrics: z.array(
    z.object({
      metric: z.string(),
      step: nullableText,
      summary: z.enum(SUMMARY_RULES).nullable(),
      explicit: z.boolean(),
    }),
  ),
  charts: z.array(z.string()),
  summary: z.array(pair),
  gathered: z.array(
    z.tuple([
      z.string(),
      z.object({
        rule: z.enum(SUMMARY_RULES),
        text: z.string(),
        sum: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]),
        count: z.int().min(0),
      }),
    ]),
  ),
  exit_code: z.number().nullable(),
});

/** Of a run whose first record is not to be had. */
export function anonymousIdentity(writer: string): RunIdentity {
  const unknown = { name: null, project: null, entity: null, group: null, job_type: null, notes: null };
  return { writer, ...unknown, host: '', program: null, commit: null, repo: null };
}

export function identityOf(record: OpenRecord): RunIdentity {
  return {
    writer: record.writer,
    name: record.name ?? null,
    project: record.project ?? null,
    entity: record.entity ?? null,
    group: record.group ?? null,
    job_type: record.job_type ?? null,
    notes: record.notes ?? null,
    host: record.host,
    program: record.argv?.[0] ?? null,
    commit: record.git?.commit ?? null,
    repo: record.git?.remote ?? null,
  };
}

/** A log whose first record was damaged is a run all the same. */
export function firstIdentity({ records, writer }: RecordBatch): RunIdentity {
  const open = records.find((record): record is OpenRecord => record.kind === 'open');
  return open === undefined ? anonymousIdentity(writer) : identityOf(open);
}

/** The state that a batch is encoded from: a run begins with its first record. */
export function begun(state: RunState, identity: RunIdentity, { records }: RecordBatch): RunState {
  return state.identity === null ? { ...state, identity, start: records[0]?.time ?? 0 } : state;
}
