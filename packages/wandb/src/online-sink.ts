/**
 * The sink that speaks to W&B's server. Rows are written by line number, from the line that the position names, so that what is
 * sent again lands where it was; the summary and the configuration are sent whole.
 */

import {
  isJsonObject,
  PositionLostError,
  RecordsRefusedError,
  type JsonObject,
  type JsonValue,
  type RecordBatch,
  type Sink,
  type SinkContext,
  type SinkOutcome,
  type SinkTraits,
  type UploadLane,
} from '@runcast/core';
import { z } from 'zod';
import { WandbClient, type StreamLines, type StreamRequest } from './client.ts';
import type { WandbSinkConfig } from './config.ts';
import { MAX_LINE_BYTES, type HistoryWrite } from './history-lines.ts';
import type { SendRequest } from './http-request.ts';
import { behindOthers, joinRun, missingLines, resumeAt, unsent, type JoinedRun, type ServerLines } from './join-run.ts';
import { encodeBatch, summaryText, type EncodedBatch } from './run-encoder.ts';
import { Patience } from './patience.ts';
import { begun, firstIdentity, NEW_RUN, runStateSchema, type RunIdentity, type RunState } from './run-state.ts';
import { ServerRun } from './server-run.ts';
import { wandbTraits } from './traits.ts';
import { RunUploads } from './run-uploads.ts';

const HISTORY_FILE = 'wandb-history.jsonl';
const EVENTS_FILE = 'wandb-events.jsonl';
const SUMMARY_FILE = 'wandb-summary.json';
/** Bytes of lines in one request, about, as W&B's client has it. */
const MAX_REQUEST_BYTES = 10 * 1024 * 1024;
/** After so long without a request the server takes a run for crashed, sooner or later: a sign of life is due. */
const HEARTBEAT_INTERVAL_MS = 30_000;
/** A trickle of records is one request a second; W&B's servers grant a run two. */
const TRICKLE_PAUSE_MS = 1000;
/** How long the end of a run may take once delivery has given the sink up. */
const LAST_WORD_TIMEOUT_MS = 900;

/** Why the run is sent from its start, by who had it before. */
const OTHER_MODES: ReadonlyMap<unknown, string> = new Map([
  ['offline', 'the run was written offline before; it is sent from its start'],
  ['sdk', "the run was sent by W&B's client for Node before; all of it is sent, behind the rows that are there"],
]);

const positionSchema = z.object({ v: z.literal(1), mode: z.literal('online'), run: runStateSchema });

/** @param send How requests are sent; by Node's own client where left out. */
export function createOnlineSink(config: WandbSinkConfig, send?: SendRequest): Sink {
  return new OnlineSink(config, send);
}

class OnlineSink implements Sink {
  readonly name = 'wandb';
  readonly traits: SinkTraits = wandbTraits;
  readonly logEveryNSteps: number;
  readonly uploads: UploadLane;
  readonly #uploads: RunUploads;
  readonly #config: WandbSinkConfig;
  readonly #send: SendRequest | undefined;
  readonly #patience = new Patience();
  #context: SinkContext | undefined;
  #server: ServerRun | undefined;
  /** As of the last write that returned. */
  #state: RunState = NEW_RUN;
  /** Set once the server has been asked what it has of the run, until the first write has returned. */
  #joined: JoinedRun | undefined;
  #isJoined = false;
  /** Lines on the server that the run has not come behind yet. */
  #ahead: ServerLines | undefined;
  /** What the server knows of the run, but for its rows, is as the state has it. */
  #isUpserted = false;
  #isCompleted = false;
  /** Requests at the last heartbeat, and when the last request was seen. */
  #seenRequests = 0;
  #aliveAtMs: number | undefined;

  constructor(config: WandbSinkConfig, send: SendRequest | undefined) {
    this.#config = config;
    this.#send = send;
    this.logEveryNSteps = config.logEveryNSteps;
    this.#uploads = new RunUploads(config);
    this.uploads = this.#uploads;
  }

  open(context: SinkContext): void {
    if (context.position !== undefined) this.#state = readPosition(context.position);
    this.#context = context;
    this.#server = this.#connect(context, context.signal);
    this.#uploads.open(context, this.#server);
  }

  async write(batch: RecordBatch): Promise<void> {
    const server = this.#opened();
    const identity = this.#state.identity ?? firstIdentity(batch);
    const joined = this.#isJoined ? undefined : (this.#joined ??= await this.#join(identity));
    const known = joined?.state ?? this.#state;
    const found = joined?.server ?? this.#ahead;
    // Somebody else's lines are right before the batch's: it goes behind them whole.
    const before = found === undefined ? known : behindOthers(known, found);
    const ahead = before === known ? found : undefined;
    const encoded = encodeBatch(begun(before, identity, batch), batch, this.#config);
    if (encoded.refusals.length > 0) throw new RecordsRefusedError(encoded.refusals);
    const lines = encoded.lines.take();
    const history = ahead === undefined ? lines : unsent(lines, ahead);
    const state = ahead === undefined ? encoded.state : behindOthers(encoded.state, ahead);
    const place = await server.locate(identity);
    if (!this.#isUpserted || encoded.runChanged || this.#isCompleted) {
      await server.upsert(identity, state);
      this.#isUpserted = true;
      this.#isCompleted = false;
    }
    for (const request of requestsOf(encoded, state, history)) await server.stream(place, request);
    for (const alert of encoded.alerts) await server.alert(place, alert);
    if (joined?.notice !== undefined) this.#context?.notify({ type: 'notice', message: joined.notice });
    this.#isJoined = true;
    this.#ahead = ahead !== undefined && encoded.state.history.lines < ahead.own ? ahead : undefined;
    this.#state = state;
  }

  pauseMs(behind: boolean): number {
    const asked = this.#server?.pauseMs ?? 0;
    return behind ? asked : Math.max(TRICKLE_PAUSE_MS, asked);
  }

  /** Each write is with W&B when it returns; what is left to do is to end a run whose last records have come. */
  async flush(): Promise<void> {
    if (this.#uploads.hasEnded) await this.#complete(this.#opened());
  }

  async tick(now: number): Promise<void> {
    const server = this.#opened();
    const { requests } = server;
    if (requests > this.#seenRequests || this.#aliveAtMs === undefined) this.#aliveAtMs = now;
    this.#seenRequests = requests;
    const { identity } = this.#state;
    if (!this.#isUpserted || this.#isCompleted || identity === null) return;
    if (now - this.#aliveAtMs < HEARTBEAT_INTERVAL_MS) return;
    await server.stream(await server.locate(identity), {});
    this.#aliveAtMs = now;
    this.#seenRequests = server.requests;
  }

  async close(outcome: SinkOutcome): Promise<void> {
    const context = this.#context;
    if (!outcome.final || context === undefined) return;
    const server = context.signal.aborted
      ? this.#connect(context, AbortSignal.timeout(LAST_WORD_TIMEOUT_MS))
      : this.#opened();
    await this.#complete(server);
  }

  position(): JsonValue {
    return { v: 1, mode: 'online', run: this.#state };
  }

  #opened(): ServerRun {
    if (this.#server === undefined) throw new Error('the wandb sink is not open');
    return this.#server;
  }

  #connect({ runId, notify }: SinkContext, signal: AbortSignal): ServerRun {
    const { baseUrl, apiKey = '' } = this.#config;
    const client = new WandbClient({
      baseUrl: baseUrl.replace(/\/+$/u, ''),
      apiKey,
      signal,
      patience: this.#patience,
      send: this.#send,
    });
    return new ServerRun({ client, config: this.#config, runId, notify });
  }

  async #join(identity: RunIdentity): Promise<JoinedRun> {
    const server = this.#opened();
    const status = await server.status(identity);
    const { entity, project, run } = await server.locate(identity);
    const where = `${entity}/${project}/${run}`;
    if (this.#state.identity === null) return joinRun(identity, status, where);
    const problem = missingLines(this.#state, status, where);
    if (problem === undefined) return resumeAt(this.#state, status, where);
    // Whatever is still there is found again, line by line, and is not sent twice.
    const held = new Map(this.#state.writers.map(([writer]) => [writer, -1]));
    this.#state = NEW_RUN;
    throw new PositionLostError(problem, { held });
  }

  /** Tells that the run has ended, where its last record says so. */
  async #complete(server: ServerRun): Promise<void> {
    const { identity, exit_code: exitcode } = this.#state;
    if (this.#isCompleted || identity === null || exitcode === null) return;
    const place = await server.ensureOpen(identity);
    await server.stream(place, { complete: true, exitcode });
    server.ended();
    this.#isCompleted = true;
  }
}

/** Rows of any number of lines, in requests that W&B takes, each with the summary that tells how far they go. */
function* requestsOf(
  { events, summaryChanged }: EncodedBatch,
  state: RunState,
  history: HistoryWrite,
): Generator<StreamRequest> {
  const summaryBytes = Buffer.byteLength(summaryText(state, history.offset));
  // Without one too long for W&B the rows are there all the same.
  const summarized = summaryChanged && summaryBytes <= MAX_LINE_BYTES;
  const parts = [...partsOf(history, MAX_REQUEST_BYTES - (summarized ? summaryBytes : 0))];
  const last = parts.pop();
  for (const lines of parts)
    yield { files: { [HISTORY_FILE]: lines, ...(summarized ? { [SUMMARY_FILE]: summaryOf(state, lines) } : {}) } };
  const rows = {
    ...(last === undefined ? {} : { [HISTORY_FILE]: last }),
    ...(events.content.length === 0 ? {} : { [EVENTS_FILE]: events }),
  };
  const summary = summarized ? { [SUMMARY_FILE]: summaryOf(state, last ?? history) } : {};
  const isTooMuch = summarized && bytesOf(last) + summaryBytes > MAX_REQUEST_BYTES;
  for (const files of isTooMuch ? [rows, summary] : [{ ...rows, ...summary }])
    if (Object.keys(files).length > 0) yield { files };
}

function bytesOf(lines: HistoryWrite | undefined): number {
  return (lines?.content ?? []).reduce((sum, line) => sum + Buffer.byteLength(line), 0);
}

function summaryOf(state: RunState, { offset, content }: HistoryWrite): StreamLines {
  return { offset: 0, content: [summaryText(state, offset + content.length)] };
}

/** A line that is longer by itself goes alone. */
function* partsOf({ offset, content }: HistoryWrite, maxBytes: number): Generator<HistoryWrite> {
  let part: string[] = [];
  let bytes = 0;
  let at = offset;
  for (const line of content) {
    const size = Buffer.byteLength(line);
    if (part.length > 0 && bytes + size > maxBytes) {
      yield { offset: at, content: part };
      at += part.length;
      part = [];
      bytes = 0;
    }
    part.push(line);
    bytes += size;
  }
  if (part.length > 0) yield { offset: at, content: part };
}

function readPosition(json: JsonValue): RunState {
  const parsed = positionSchema.safeParse(json);
  if (parsed.success) return parsed.data.run;
  const mode: JsonObject = isJsonObject(json) ? json : {};
  throw new PositionLostError(
    OTHER_MODES.get(mode['mode']) ?? `not a position of this version of the sink: ${z.prettifyError(parsed.error)}`,
  );
}
