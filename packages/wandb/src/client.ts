/**
 * HTTP to W&B: GraphQL, the file stream, and signed uploads. One request, one answer; what goes wrong becomes an error that
 * delivery knows what to do with.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { errorMessage, RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { z } from 'zod';
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
  /** The runtime's own where left out. */
  readonly fetch?: typeof fetch;
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

/** Bytes to be put to a signed address. */
export type UploadBody =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'file'; readonly path: string };

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
    const response = await this.#post(name, url, body, GRAPHQL_TIMEOUT_MS);
    const text = await this.#textOf(name, response);
    const finalStatuses = name === 'UpsertBucket' ? UPSERT_FINAL_STATUSES : undefined;
    if (!response.ok)
      throw failureOf({ what: name, status: response.status, headers: response.headers, body: text }, finalStatuses);
    const answer = graphqlAnswer.safeParse(parsed(text));
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
    const response = await this.#post(what, url, JSON.stringify(request), STREAM_TIMEOUT_MS);
    const text = await this.#textOf(what, response);
    const { status, headers } = response;
    if (!response.ok) throw failureOf({ what, status, headers, body: text });
    const answer = stopAnswer.safeParse(parsed(text));
    return { stopped: answer.success && answer.data.stopped === true, pauseMs: rateLimitPauseMs(headers) };
  }

  /** @param headers As the server gave them out with the address, `Name:value`. */
  async put(what: string, url: string, headers: readonly string[], body: UploadBody): Promise<void> {
    const given = headers.map((header): readonly [string, string] => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon), header.slice(colon + 1).trim()];
    });
    const target = new URL(url, this.#options.baseUrl);
    const size = body.kind === 'text' ? Buffer.byteLength(body.text) : (await stat(body.path)).size;
    // The address carries its own signature: the key is for W&B alone.
    const response = await this.#request(what, target.href, {
      method: 'PUT',
      headers: Object.fromEntries([...given, ['content-length', String(size)]]),
      body: body.kind === 'text' ? body.text : Readable.toWeb(createReadStream(body.path)),
      duplex: 'half',
      signal: this.#options.signal,
    });
    const text = await this.#textOf(what, response);
    if (!response.ok) throw failureOf({ what, status: response.status, headers: response.headers, body: text }, NONE);
  }

  async #post(what: string, url: string, body: string, timeoutMs: number): Promise<Response> {
    this.#patience.check(what);
    const response = await this.#request(what, url, {
      method: 'POST',
      headers: {
        authorization: this.#authorization,
        'content-type': 'application/json',
        'user-agent': 'runcast',
      },
      body,
      signal: AbortSignal.any([this.#options.signal, AbortSignal.timeout(timeoutMs)]),
    });
    const waitMs = response.ok ? undefined : retryAfter(response.headers);
    if (waitMs !== undefined) this.#patience.wait(what, waitMs);
    return response;
  }

  async #request(what: string, url: string, init: RequestInit): Promise<Response> {
    try {
      return await (this.#options.fetch ?? fetch)(url, { ...init, redirect: 'error' });
    } catch (error) {
      throw unreachable(what, error);
    }
  }

  async #textOf(what: string, response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw unreachable(what, error);
    }
  }
}

/** A signed address may have expired, and a new one be given out: no status is final. */
const NONE: ReadonlySet<number> = new Set();

function unreachable(what: string, error: unknown): RetryableSinkError {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${errorMessage(error.cause)}` : '';
  return new RetryableSinkError(`W&B could not be reached for ${what}: ${errorMessage(error)}${cause}`, {
    cause: error,
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
