/**
 * One run on W&B's server, as both lanes of the sink see it: where it is, whether it has been opened, and its file stream, which
 * takes one request at a time.
 */

import { TerminalSinkError, type AlertRecord, type SinkNotice } from '@runcast/core';
import type { RunPlace, StreamAnswer, StreamRequest, WandbClient } from './client.ts';
import { nameProblems, type WandbSinkConfig } from './config.ts';
import { NOTIFY_ALERT, RUN_RESUME_STATUS, UPSERT_BUCKET, VIEWER, type ServerRunStatus } from './operations.ts';
import { configText } from './run-encoder.ts';
import type { RunIdentity, RunState } from './run-state.ts';

/** Where W&B puts runs without a project. */
const DEFAULT_PROJECT = 'uncategorized';
/** W&B sends no two alerts of one title within so many nanoseconds. */
const ALERT_WAIT_NS = 0;
const SEVERITIES: Readonly<Record<AlertRecord['level'], string>> = { info: 'INFO', warn: 'WARN', error: 'ERROR' };

export interface ServerRunOptions {
  readonly client: WandbClient;
  readonly config: WandbSinkConfig;
  readonly runId: string;
  readonly notify: (notice: SinkNotice) => void;
}

export class ServerRun {
  readonly client: WandbClient;
  readonly #config: WandbSinkConfig;
  readonly #runId: string;
  readonly #notify: (notice: SinkNotice) => void;
  #place: RunPlace | undefined;
  #storageId: string | null = null;
  #opened = false;
  #stopTold = false;
  #urlTold = false;
  #turn: Promise<unknown> = Promise.resolve();
  #requests = 0;
  #pauseMs = 0;

  constructor({ client, config, runId, notify }: ServerRunOptions) {
    this.client = client;
    this.#config = config;
    this.#runId = runId;
    this.#notify = notify;
  }

  /** Requests of the file stream so far. */
  get requests(): number {
    return this.#requests;
  }

  /** How long the server wants to be left alone, in milliseconds. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** What the server knows of the run; undefined where nothing. */
  async status(identity: RunIdentity): Promise<ServerRunStatus | undefined> {
    const { entity, project, run } = await this.locate(identity);
    const { model } = await this.client.graphql(RUN_RESUME_STATUS, { entity, project, name: run });
    return model?.bucket ?? undefined;
  }

  /** Where the run is: the sink's own settings go before what the run says, that before W&B's variables, that before the key's default. */
  async locate(identity: RunIdentity): Promise<RunPlace> {
    if (this.#place !== undefined) return this.#place;
    const config = this.#config;
    const project = config.project ?? identity.project ?? config.fallback.project ?? DEFAULT_PROJECT;
    const [problem] = [...nameProblems(project, 'project'), ...nameProblems(this.#runId, 'run id')];
    if (problem !== undefined) throw new TerminalSinkError(`W&B takes no such ${problem.variable}: ${problem.message}`);
    const entity = config.entity ?? identity.entity ?? config.fallback.entity ?? (await this.#defaultEntity());
    this.#place = { entity, project, run: this.#runId };
    return this.#place;
  }

  /** Makes the run, or takes it up again, unless that has been done; the run's own lane says more of it. */
  async ensureOpen(identity: RunIdentity): Promise<RunPlace> {
    const place = await this.locate(identity);
    if (!this.#opened) await this.#upsert(place, {});
    return place;
  }

  /** Makes the run, takes it up again, or changes it: everything about it but its rows. */
  async upsert(identity: RunIdentity, state: RunState): Promise<void> {
    const { group, jobType, fallback } = this.#config;
    await this.#upsert(await this.locate(identity), {
      displayName: identity.name,
      groupName: group ?? identity.group ?? fallback.group ?? null,
      jobType: jobType ?? identity.job_type,
      notes: identity.notes,
      commit: identity.commit,
      host: identity.host,
      program: identity.program,
      repo: identity.repo,
      tags: state.tags.length === 0 ? null : state.tags,
      config: configText(state),
    });
  }

  /** Sends to the file stream, after the request that is under way. */
  stream(place: RunPlace, request: StreamRequest): Promise<StreamAnswer> {
    const sent = this.#turn.then(() => this.client.stream(place, request));
    this.#turn = sent.catch(() => undefined);
    return sent.then((answer) => {
      this.#requests += 1;
      this.#pauseMs = answer.pauseMs;
      if (answer.stopped && !this.#stopTold) this.#notify({ type: 'stopRequested' });
      this.#stopTold ||= answer.stopped;
      return answer;
    });
  }

  /** The run has ended: whatever is sent next has to open it again. */
  ended(): void {
    this.#opened = false;
  }

  async alert({ entity, project, run }: RunPlace, { title, text, level }: AlertRecord): Promise<void> {
    const place = { entityName: entity, projectName: project, runName: run };
    await this.client.graphql(NOTIFY_ALERT, {
      ...place,
      title,
      text,
      severity: SEVERITIES[level],
      waitDuration: ALERT_WAIT_NS,
    });
  }

  async #upsert(place: RunPlace, fields: Readonly<Record<string, unknown>>): Promise<void> {
    const { upsertBucket } = await this.client.graphql(UPSERT_BUCKET, {
      ...NOTHING,
      ...fields,
      id: this.#storageId,
      name: place.run,
      project: place.project,
      entity: place.entity,
    });
    const { id, project } = upsertBucket.bucket;
    this.#storageId = id;
    this.#opened = true;
    // The server may have another spelling of a name.
    const actual = {
      ...place,
      ...(project === undefined ? {} : { project: project.name, entity: project.entity.name }),
    };
    this.#place = actual;
    if (this.#urlTold) return;
    this.#urlTold = true;
    this.#notify({ type: 'runUrl', url: runUrl(this.#config.baseUrl, actual) });
  }

  async #defaultEntity(): Promise<string> {
    const { viewer } = await this.client.graphql(VIEWER, {});
    const entity = viewer?.entity ?? viewer?.username;
    if (entity !== undefined && entity !== '') return entity;
    throw new TerminalSinkError('W&B knows no default entity of this key; set WANDB__ENTITY, or check WANDB_API_KEY');
  }
}

/** Variables that stay as they are on the server. */
const NOTHING = {
  groupName: null,
  description: null,
  displayName: null,
  notes: null,
  commit: null,
  config: null,
  host: null,
  debug: null,
  program: null,
  repo: null,
  jobType: null,
  state: null,
  sweep: null,
  tags: null,
  summaryMetrics: null,
} as const;

/** Where people look at the run: the public server's pages are at another address than its API. */
export function runUrl(baseUrl: string, { entity, project, run }: RunPlace): string {
  const url = new URL(baseUrl);
  if (url.hostname.startsWith('api.wandb.')) url.hostname = url.hostname.slice('api.'.length);
  else if (url.hostname.startsWith('api.')) url.hostname = `app.${url.hostname.slice('api.'.length)}`;
  const path = [entity, project, 'runs', run].map(encodeURIComponent).join('/');
  return `${url.href.replace(/\/$/u, '')}/${path}`;
}
