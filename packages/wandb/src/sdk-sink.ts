/**
 * The sink that speaks through W&B's own client for Node, for those who want their rows to take that way. The client counts rows
 * from zero and writes them over those of a run that it did not begin: so a run is begun here once, or not at all.
 */

import {
  RecordsRefusedError,
  RetryableSinkError,
  TerminalSinkError,
  type JsonValue,
  type RecordBatch,
  type Sink,
  type SinkContext,
  type SinkOutcome,
  type SinkTraits,
} from '@runcast/core';
import { WandbClient } from './client.ts';
import type { WandbSinkConfig } from './config.ts';
import { NO_HISTORY, type HistoryState } from './history-lines.ts';
import type { SendRequest } from './http-request.ts';
import { firstIdentity } from './run-state.ts';
import { Patience } from './patience.ts';
import { findSdk } from './sdk-client.ts';
import { encodeSdkRows, sdkConfig, type SdkBatch } from './sdk-rows.ts';
import { SDK_ADVICE, SdkThread, type SdkRequest, type SdkThreadOptions } from './sdk-thread.ts';
import { ServerRun } from './server-run.ts';
import { wandbSdkTraits } from './traits.ts';

/** All that the client sends once the run has begun. */
const STREAM = 'the file stream';
const BEGIN_LIMIT_MS = 30_000;
const ROWS_LIMIT_MS = 180_000;
/** A trickle of records is one request a second; W&B's servers grant a run two. */
const TRICKLE_PAUSE_MS = 1000;
const BEHIND_PAUSE_MS = 500;

/** What the sink reaches the outside by, the real things where left out. */
export interface SdkSinkParts {
  /** Asks what the server has of the run. */
  readonly send?: SendRequest | undefined;
  /** Of the file of the package, for one that is found elsewhere. */
  readonly find?: (() => string) | undefined;
  readonly workerUrl?: SdkThreadOptions['workerUrl'];
  /** How long the server may take for rows, in milliseconds. */
  readonly rowsLimitMs?: number | undefined;
  readonly patience?: Patience | undefined;
}

export function createSdkSink(config: WandbSinkConfig, parts: SdkSinkParts = {}): Sink {
  return new SdkSink(config, parts);
}

class SdkSink implements Sink {
  readonly name = 'wandb';
  readonly traits: SinkTraits = wandbSdkTraits;
  readonly logEveryNSteps: number;
  readonly #config: WandbSinkConfig;
  readonly #parts: SdkSinkParts;
  #context: SinkContext | undefined;
  /** File of the client. */
  #client = '';
  #thread: SdkThread | undefined;
  #history: HistoryState = NO_HISTORY;
  #exitCode: number | null | undefined;
  /** What the client has been told, and the server has not taken. */
  #pending: { readonly writer: string; readonly to: number; readonly encoded: SdkBatch } | undefined;
  #ending: 'not yet' | 'asked for' | 'done' = 'not yet';
  #stopTold = false;
  readonly #patience: Patience;

  constructor(config: WandbSinkConfig, parts: SdkSinkParts) {
    this.#config = config;
    this.#parts = parts;
    this.#patience = parts.patience ?? new Patience();
    this.logEveryNSteps = config.logEveryNSteps;
  }

  /** Throws a ConfigError where the client is not to be had. */
  open(context: SinkContext): void {
    this.#client = (this.#parts.find ?? findSdk)();
    this.#context = context;
  }

  async write(batch: RecordBatch): Promise<void> {
    if (batch.records.length === 0) return;
    const thread = this.#thread ?? (await this.#begin(batch));
    const { writer, to } = batch;
    const repeated = this.#pending;
    if (repeated !== undefined) {
      await this.#ask(thread, { type: 'again' });
      this.#taken(repeated.encoded);
      if (repeated.writer === writer && repeated.to === to) return;
    }
    const encoded = encodeSdkRows(this.#history, batch);
    if (encoded.refusals.length > 0) throw new RecordsRefusedError(encoded.refusals);
    if (encoded.rows.length > 0) {
      if (this.#ending !== 'not yet') throw new TerminalSinkError(`the run has ended on W&B; ${SDK_ADVICE}`);
      await this.#ask(thread, { type: 'rows', rows: encoded.rows }, () => {
        this.#pending = { writer, to, encoded };
      });
    }
    this.#taken(encoded);
  }

  pauseMs(behind: boolean): number {
    return behind ? BEHIND_PAUSE_MS : TRICKLE_PAUSE_MS;
  }

  /** Each write is with W&B when it returns; what is left to do is to end a run whose last record has come. */
  async flush(): Promise<void> {
    if (this.#thread !== undefined && this.#ending !== 'done' && typeof this.#exitCode === 'number')
      await this.#end(this.#thread, this.#exitCode);
  }

  async close(outcome: SinkOutcome): Promise<void> {
    try {
      if (outcome.final && this.#context?.signal.aborted === false) await this.flush();
    } finally {
      await this.#thread?.close();
    }
  }

  /** By which it is known later that the run was begun. */
  position(): JsonValue {
    return { v: 1, mode: 'sdk' };
  }

  #taken({ history, exitCode }: SdkBatch): void {
    this.#pending = undefined;
    this.#history = history;
    this.#exitCode = exitCode ?? this.#exitCode;
  }

  async #end(thread: SdkThread, code: number): Promise<void> {
    const request: SdkRequest = this.#ending === 'asked for' ? { type: 'again' } : { type: 'finish', code };
    await this.#ask(thread, request, () => {
      this.#ending = 'asked for';
    });
    this.#ending = 'done';
  }

  async #begin(batch: RecordBatch): Promise<SdkThread> {
    const context = this.#context;
    if (context === undefined) throw new Error('the wandb sink is not open');
    const { runId, notify, signal } = context;
    const { baseUrl: givenUrl, apiKey = '' } = this.#config;
    const baseUrl = givenUrl.replace(/\/+$/u, '');
    const client = new WandbClient({ baseUrl, apiKey, signal, send: this.#parts.send });
    const server = new ServerRun({ client, config: this.#config, runId, notify });
    const identity = firstIdentity(batch);
    const { entity, project } = await server.locate(identity);
    // Of a run whose beginning was delivered otherwise, the server may know nothing.
    const status = context.position === undefined ? await server.status(identity) : undefined;
    if (context.position !== undefined || (status?.historyLineCount ?? 0) > 0)
      throw new TerminalSinkError(
        `the run ${entity}/${project}/${runId} was begun before, and W&B's client for Node would write over its rows; ${SDK_ADVICE}`,
      );
    const open = batch.records.find((record) => record.kind === 'open');
    const thread = new SdkThread({ client: this.#client, baseUrl, apiKey, signal, workerUrl: this.#parts.workerUrl });
    try {
      const config = JSON.stringify(sdkConfig(open?.config ?? {}));
      const run = { id: runId, project, entity, name: identity.name ?? undefined, config };
      const { url } = await thread.ask({ type: 'begin', run }, BEGIN_LIMIT_MS);
      if (url !== undefined) notify({ type: 'runUrl', url });
    } catch (error) {
      await thread.close();
      throw error;
    }
    this.#thread = thread;
    return thread;
  }

  /** @param sending Called when nothing keeps the request back: what was kept back could not be repeated. */
  async #ask(thread: SdkThread, request: SdkRequest, sending?: () => void): Promise<void> {
    this.#patience.check(STREAM);
    sending?.();
    const { stopped } = await thread.ask(request, this.#parts.rowsLimitMs ?? ROWS_LIMIT_MS).catch((error: unknown) => {
      // Delivery waits before it writes again; a flush and the last word come when they come.
      if (error instanceof RetryableSinkError) this.#patience.wait(STREAM, error.retryAfterMs ?? 0);
      throw error;
    });
    if (stopped && !this.#stopTold) this.#context?.notify({ type: 'stopRequested' });
    this.#stopTold ||= stopped;
  }
}
