/** A run's row as it grows: who and when, and what its records come to. */

import {
  RUN_STATUSES,
  SUMMARY_RULES,
  type GitMetadata,
  type JsonObject,
  type JsonPrimitive,
  type OpenRecord,
  type RunRecord,
  type RunStatus,
} from '@runcast/core';
import { z } from 'zod';
import { gitIn, numberIn, objectIn, primitivesIn, textIn, textsIn } from './row-values.ts';
import { RUNS } from './schema.ts';
import type { Row, SqlValue } from './statement.ts';
import { SummaryValues } from './summary-values.ts';

/** A run that has not ended and was not heard of for longer, in seconds, is taken for crashed. */
export const HEARTBEAT_LIMIT_SECS = 300;

/** Where a later process went back to. */
export interface Rewind {
  readonly step: number;
  /** Unix seconds: what was logged before it, at or after the step, is superseded. */
  readonly time: number;
}

const scalar = () => z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]);
/** What a row holds for the sink alone. */
const sinkState = () =>
  z.object({
    /** The writer whose opening began the run. */
    owner: z.string().nullable(),
    steps: z.int(),
    totalSteps: z.int().nullable(),
    rewinds: z.array(z.object({ step: z.number(), time: z.number() })),
    rules: z.record(z.string(), z.enum(SUMMARY_RULES)),
    means: z.record(z.string(), z.object({ sum: scalar(), count: z.int() })),
  });

/** What the owner's opening says of the run. */
interface RunHead {
  readonly project?: string | undefined;
  readonly name?: string | undefined;
  readonly entity?: string | undefined;
  readonly group?: string | undefined;
  readonly job_type?: string | undefined;
  readonly notes?: string | undefined;
  readonly host?: string | undefined;
  readonly argv?: readonly string[] | undefined;
  readonly git?: GitMetadata | undefined;
}

export class RunState {
  readonly runId: string;
  #head: RunHead = {};
  #owner: string | null = null;
  #status: RunStatus | 'running' = 'running';
  #startedAt: number;
  #endedAt: number | undefined;
  #heartbeatAt: number;
  #steps = 0;
  #totalSteps: number | null = null;
  #config: JsonObject = {};
  #tags: ReadonlySet<string> = new Set();
  #rewinds: readonly Rewind[] = [];
  #summary = new SummaryValues();

  /** @param time Of its first record, in Unix seconds. */
  constructor(runId: string, time: number) {
    this.runId = runId;
    this.#startedAt = time;
    this.#heartbeatAt = time;
  }

  /** The state that a row of `runs` holds. Throws where it is none of ours. */
  static read(runId: string, row: Row): RunState {
    const state = new RunState(runId, numberIn(row, 'started_at') ?? 0);
    const { owner, steps, totalSteps, rewinds, rules, means } = sinkState().parse(objectIn(row, 'sink_state'));
    state.#head = readHead(row);
    state.#owner = owner;
    state.#status = RUN_STATUSES.find((status) => status === textIn(row, 'status')) ?? 'running';
    state.#endedAt = numberIn(row, 'ended_at');
    state.#heartbeatAt = numberIn(row, 'heartbeat_at') ?? state.#startedAt;
    state.#steps = steps;
    state.#totalSteps = totalSteps;
    state.#config = objectIn(row, 'config');
    state.#tags = new Set(textsIn(row, 'tags'));
    state.#rewinds = rewinds;
    state.#summary = new SummaryValues({ values: primitivesIn(row, 'summary'), rules, means });
    return state;
  }

  get config(): JsonObject {
    return this.#config;
  }

  get summary(): Readonly<Record<string, JsonPrimitive>> {
    return this.#summary.state().values;
  }

  get tags(): readonly string[] {
    return [...this.#tags];
  }

  /** When the store last heard of the run, in Unix seconds. */
  get heartbeatAt(): number {
    return this.#heartbeatAt;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  /** True where the record begins the run anew, although it was begun by another process that did not mean this one. */
  isBegunAgainBy(writer: string, record: RunRecord): boolean {
    return beginsRun(record) && this.#owner !== null && this.#owner !== writer;
  }

  /** True where the run goes on elsewhere, as far as the store was told. */
  isAlive(now: number): boolean {
    return this.#status === 'running' && now - this.#heartbeatAt <= HEARTBEAT_LIMIT_SECS;
  }

  /** True where a value at this place, logged at this time, was superseded by a process that went back behind it. */
  isSuperseded(step: number, time: number): boolean {
    return this.#rewinds.some((rewind) => step >= rewind.step && time < rewind.time);
  }

  /** What the record adds to the row. */
  take(writer: string, record: RunRecord): void {
    this.#heartbeatAt = Math.max(this.#heartbeatAt, record.time);
    switch (record.kind) {
      case 'open':
        this.#opened(writer, record);
        break;
      case 'step':
        this.#steps += 1;
        this.#summary.log(record.metrics);
        break;
      case 'epoch':
      case 'validation':
      case 'log':
        this.#summary.log(record.metrics);
        break;
      case 'final':
        this.#totalSteps = record.total_steps ?? this.#totalSteps;
        this.#summary.set(record.metrics);
        break;
      case 'summary':
        this.#summary.set(record.summary);
        break;
      case 'hparams':
        this.#config = { ...this.#config, ...record.hparams };
        break;
      case 'config':
        this.#config = { ...this.#config, ...record.config };
        break;
      case 'tags':
        this.#tags = new Set([...this.#tags, ...record.tags]);
        break;
      case 'define_metric':
        if (record.summary !== undefined) this.#summary.define(record.metric, record.summary);
        break;
      case 'close':
        if (record.final) this.end(record.status, record.time);
        break;
      case 'table':
      case 'bar_chart':
      case 'histogram':
      case 'image':
      case 'text':
      case 'file':
      case 'artifact':
      case 'alert':
      case 'system':
        // They are in their own tables; what a machine used last is no result of the run.
        break;
      default:
        // A kind of a later version says nothing to this one.
        record satisfies never;
    }
  }

  /** The run is alive at `now`, in Unix seconds. */
  beat(now: number): void {
    this.#heartbeatAt = Math.max(this.#heartbeatAt, now);
  }

  /** How it ended, unless it has said so itself. */
  endUnsaid(status: RunStatus): void {
    if (this.#status === 'running') this.end(status, this.#heartbeatAt);
  }

  end(status: RunStatus, time: number): void {
    this.#status = status;
    this.#endedAt = time;
  }

  /** Its row of `runs`. */
  row(): readonly SqlValue[] {
    const { rules, means, values } = this.#summary.state();
    const { project, name, entity, group, job_type, notes, host, argv, git } = this.#head;
    const columns: Readonly<Record<string, SqlValue | undefined>> = {
      run_id: this.runId,
      project,
      name,
      entity,
      run_group: group,
      job_type,
      notes,
      status: this.#status,
      started_at: this.#startedAt,
      ended_at: this.#endedAt,
      heartbeat_at: this.#heartbeatAt,
      duration_secs: Math.max(0, (this.#endedAt ?? this.#heartbeatAt) - this.#startedAt),
      total_steps: this.#totalSteps ?? this.#steps,
      host,
      argv: argv === undefined ? null : JSON.stringify(argv),
      git_commit: git?.commit,
      git_branch: git?.branch,
      git_message: git?.message,
      git_dirty: git?.dirty,
      git_remote: git?.remote,
      tags: JSON.stringify(this.tags),
      config: JSON.stringify(this.#config),
      summary: JSON.stringify(values),
      sink_state: JSON.stringify({
        owner: this.#owner,
        steps: this.#steps,
        totalSteps: this.#totalSteps,
        rewinds: this.#rewinds,
        rules,
        means,
      }),
    };
    return RUNS.columns.map((column) => columns[column.name] ?? null);
  }

  #opened(writer: string, record: OpenRecord): void {
    this.#config = { ...this.#config, ...record.config };
    this.#tags = new Set([...this.#tags, ...(record.tags ?? [])]);
    // Whoever goes on with a run that had ended opens it again.
    if (record.role !== 'owner') return;
    if (this.#endedAt === undefined || record.time > this.#endedAt) {
      this.#status = 'running';
      this.#endedAt = undefined;
    }
    this.#head = { ...this.#head, ...headOf(record) };
    if (beginsRun(record)) {
      this.#owner = writer;
      this.#startedAt = record.time;
    }
    if (record.resume_step !== undefined)
      this.#rewinds = [...this.#rewinds, { step: record.resume_step, time: record.time }];
  }
}

/** True of the opening of a run that was not there before. */
function beginsRun(record: RunRecord): boolean {
  return record.kind === 'open' && record.role === 'owner' && record.resumed !== true;
}

/** What the record says; what it leaves out stays as it was. */
function headOf(record: OpenRecord): RunHead {
  const { project, name, entity, group, job_type, notes, host, argv, git } = record;
  const said = Object.entries({ project, name, entity, group, job_type, notes, host, argv, git });
  return Object.fromEntries(said.filter(([, value]) => value !== undefined));
}

function readHead(row: Row): RunHead {
  return {
    project: textIn(row, 'project'),
    name: textIn(row, 'name'),
    entity: textIn(row, 'entity'),
    group: textIn(row, 'run_group'),
    job_type: textIn(row, 'job_type'),
    notes: textIn(row, 'notes'),
    host: textIn(row, 'host'),
    argv: textsIn(row, 'argv'),
    git: gitIn(row),
  };
}
