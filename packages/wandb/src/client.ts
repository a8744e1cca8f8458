/**
 * HTTP to W&B: GraphQL, the file stream, and signed uploads. One request, one answer; what goes wrong becomes an error that
 * delivery knows what to do with.
 */

import { stat } from 'node:fs/promises';
import { errorCode, errorMessage, RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { z } from 'zod';
import { sendRequest, type HttpAnswer, type HttpRequest, type RequestBody, type SendRequest } from './http-request.ts';
import type { Operation } from './operations.ts';
import { Patience } from './patience.ts';
import { failureOf, graphqlFailure, rateLimitPauseMs, retryAfter, UPSERT_FINAL_STATUSES } from './server-failure.ts';

/** As W&B's own client has them. */
const GRAPHQL_TIMEOUT_MS = 30_000;
const STREAM_TIMEOUT_MS = 180_000;

export interface ClientOptions {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Breaks off what is under way. */
  readonly signal: AbortSignal;
  /** What the server has asked others to wait for; nothing where left out. */
  readonly patience?: Patience;
  /** {@link sendRequest} where left out. */
  readonly send?: SendRequest | undefined;
}

/** A run's place on the server. */
export interface RunPlace {
  readonly entity: string;
  readonly project: string;
  readonly run: string;
}

/** Lines of one file of the stream. */
export interface StreamLines {
  readonly offset: number;
  readonly content: readonly string[];
}

export interface StreamRequest {
  readonly files?: Readonly<Record<string, StreamLines>>;
  readonly uploaded?: readonly string[];
  readonly complete?: true;
  readonly exitcode?: number;
}

export interface StreamAnswer {
  /** Somebody has asked on W&B's page that the run stop. */
  readonly stopped: boolean;
  /** How long to leave the server alone, in milliseconds. */
  readonly pauseMs: number;
}

const graphqlAnswer = z.object({
  data: z.unknown(),
  errors: z.array(z.object({ message: z.string() })).nullish(),
});
const stopAnswer = z.object({ stopped: z.boolean().nullish() });

export class WandbClient {
  readonly #options: ClientOptions;
  readonly #authorization: string;
  readonly #patience: Patience;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#patience = options.patience ?? new Patience();
    this.#authorization = `Basic ${Buffer.from(`api:${options.apiKey}`).toString('base64')}`;
  }

  async graphql<Data>(operation: Operation<Data>, variables: Readonly<Record<string, unknown>>): Promise<Data> {
    const { name, query } = operation;
    const body = JSON.stringify({ query, operationName: name, variables });
    const url = `${this.#options.baseUrl}/graphql`;
    const reply = await this.#post(name, url, body, GRAPHQL_TIMEOUT_MS);
    const finalStatuses = name === 'UpsertBucket' ? UPSERT_FINAL_STATUSES : undefined;
    if (!isSuccess(reply)) throw failureOf({ what: name, ...reply }, finalStatuses);
    const answer = graphqlAnswer.safeParse(parsed(reply.body));
    if (!answer.success) throw new RetryableSinkError(`W&B answered ${name} with what is no GraphQL answer`);
    const { data, errors } = answer.data;
    if (errors !== undefined && errors !== null && errors.length > 0)
      throw graphqlFailure(
        name,
        errors.map(({ message }) => message),
      );
    const checked = operation.data.safeParse(data);
    if (checked.success) return checked.data;
    throw new TerminalSinkError(`W&B answered ${name} without what is needed: ${z.prettifyError(checked.error)}`);
  }

  async stream({ entity, project, run }: RunPlace, request: StreamRequest): Promise<StreamAnswer> {
    const what = 'the file stream';
    const path = [entity, project, run].map(encodeURIComponent).join('/');
    const url = `${this.#options.baseUrl}/files/${path}/file_stream`;
    const reply = await this.#post(what, url, JSON.stringify(request), STREAM_TIMEOUT_MS);
    if (!isSuccess(reply)) throw failureOf({ what, ...reply });
    const answer = stopAnswer.safeParse(parsed(reply.body));
    return { stopped: answer.success && answer.data.stopped === true, pauseMs: rateLimitPauseMs(reply.headers) };
  }

  /** @param headers As the server gave them out with the address, `Name:value`. */
  async put(what: string, url: string, headers: readonly string[], body: RequestBody): Promise<void> {
    const given = headers.map((header): readonly [string, string] => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon), header.slice(colon + 1).trim()];
    });
    const target = new URL(url, this.#options.baseUrl);
    const size = body.kind === 'text' ? Buffer.byteLength(body.text) : (await stat(body.path)).size;
    // The address carries its own signature: the key is for W&B alone.
    const reply = await this.#request(what, target.href, {
      method: 'PUT',
      headers: Object.fromEntries([...given, ['content-length', String(size)]]),
      body,
      signal: this.#options.signal,
    });
    if (!isSuccess(reply)) throw failureOf({ what, ...reply }, NONE);
  }

  async #post(what: string, url: string, body: string, timeoutMs: number): Promise<HttpAnswer> {
    this.#patience.check(what);
    const reply = await this.#request(what, url, {
      method: 'POST',
      headers: {
        authorization: this.#authorization,
        'content-type': 'application/json',
        'user-agent': 'runcast',
      },
      body: { kind: 'text', text: body },
      signal: AbortSignal.any([this.#options.signal, AbortSignal.timeout(timeoutMs)]),
    });
    const waitMs = isSuccess(reply) ? undefined : retryAfter(reply.headers);
    if (waitMs !== undefined) this.#patience.wait(what, waitMs);
    return reply;
  }

  async #request(what: string, url: string, request: HttpRequest): Promise<HttpAnswer> {
    try {
      return await (this.#options.send ?? sendRequest)(url, request);
    } catch (error) {
      throw unreachable(what, error);
    }
  }
}

function isSuccess({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}

/** A signed address may have expired, and a new one be given out: no status is final. */
const NONE: ReadonlySet<number> = new Set();

function unreachable(what: string, error: unknown): RetryableSinkError {
  // Where a host has several addresses and none answers, the error has a code and no message.
  const reason = errorMessage(error) || errorCode(error);
  return new RetryableSinkError(`W&B could not be reached for ${what}: ${reason}`, { cause: error });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
