/**
 * The side of sdk-thread.ts that W&B's own client lives on. The client is told rows in portions, is woken instead of waiting half
 * a minute, and its requests are looked at: one that the server did not take is told, kept, and repeated when that is asked for,
 * at the same lines. The client itself would forget it.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ClientRequest, IncomingMessage } from 'node:http';
import type { MessagePort } from 'node:worker_threads';
import { errorMessage } from '@runcast/core';
import { z } from 'zod';
import type { SdkClient, SdkResponse, SdkRunHandle, SdkSettings } from './sdk-client.ts';
import type { SdkAnswer, SdkFailure, SdkQuestion, SdkRun } from './sdk-messages.ts';
import type { SdkRow } from './sdk-rows.ts';

/** When it ends, the client sends no more than 10,000 of the rows that it still has, and forgets the others. */
const MAX_PORTION = 5_000;
/** How often the client is woken while rows are under way. */
const WAKE_INTERVAL_MS = 10;
/** Characters of an answer that is a failure. */
const MAX_BODY = 2_000;

const REQUEST_DONE = 'http.client.response.finish';
const REQUEST_FAILED = 'http.client.request.error';

const rowsRequest = z.object({
  files: z.object({
    'wandb-history.jsonl': z.object({ offset: z.int().min(0), content: z.array(z.string()) }),
  }),
});
const stopAnswer = z.object({ stopped: z.literal(true) });
const finishedRequest = z.object({ request: z.instanceof(ClientRequest), response: z.instanceof(IncomingMessage) });
const failedRequest = z.object({ request: z.instanceof(ClientRequest), error: z.unknown() });

/** Answers what comes to the port, until it is closed. */
export function serveSdk(port: MessagePort, settings: SdkSettings, load: () => SdkClient): void {
  const session = new SdkSession(settings, load, (answer) => port.postMessage(answer));
  port.on('message', (question: SdkQuestion) => void session.ask(question));
}

/** A request of the file stream that the server has not taken yet. */
interface Outgoing {
  readonly body: unknown;
  readonly taken: () => void;
}

class SdkSession {
  readonly #settings: SdkSettings;
  readonly #load: () => SdkClient;
  readonly #answer: (answer: SdkAnswer) => void;
  #run: SdkRunHandle | undefined;
  /** Number of the newest question. */
  #id = 0;
  /** What was asked for last. */
  #task: Promise<void> = Promise.resolve();
  #outgoing: Outgoing | undefined;
  /** Rows that the server has taken, and what waits for more. */
  #rows = 0;
  #awaited: { readonly rows: number; readonly resolve: () => void } | undefined;
  #stopped = false;

  constructor(settings: SdkSettings, load: () => SdkClient, answer: (answer: SdkAnswer) => void) {
    this.#settings = settings;
    this.#load = load;
    this.#answer = answer;
  }

  /** Never rejects. */
  async ask(question: SdkQuestion): Promise<void> {
    const { id } = question;
    this.#id = id;
    try {
      if (question.type === 'again') void this.#attempt();
      else this.#task = this.#begun(question);
      await this.#task;
      // Whoever asked before has given up.
      if (id === this.#id) this.#answer({ id, type: 'done', stopped: this.#stopped, url: this.#run?.url() });
    } catch (error) {
      if (error instanceof RequestFailure) this.#answer({ id, type: 'failed', failure: error.failure });
      else this.#answer({ id, type: 'unusable', reason: errorMessage(error) });
    }
  }

  async #begun(question: Exclude<SdkQuestion, { type: 'again' }>): Promise<void> {
    if (question.type === 'begin') return this.#begin(question.run);
    const run = this.#run;
    if (run === undefined) throw new Error('the run has not been begun');
    return question.type === 'rows' ? this.#log(run, question.rows) : awake(run, Infinity, run.finish(question.code));
  }

  async #begin({ config, ...options }: SdkRun): Promise<void> {
    const failing = graphqlFailure();
    try {
      const beginning = this.#load().init({ ...options, config: JSON.parse(config), settings: this.#settings });
      const run = await Promise.race([beginning, failing.failure]);
      const send = run.stream.send.bind(run.stream);
      run.stream.send = (body) => this.#takeOver(body);
      this.#send = send;
      this.#run = run;
    } finally {
      failing.end();
    }
  }

  #send: (body: unknown) => Promise<SdkResponse | null> = () => Promise.resolve(null);

  /** Resolves once the server has all rows. */
  async #log(run: SdkRunHandle, rows: readonly SdkRow[]): Promise<void> {
    for (let at = 0; at < rows.length; at += MAX_PORTION) {
      const portion = rows.slice(at, at + MAX_PORTION);
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = run.rows() + portion.length;
      this.#awaited = { rows: end, resolve };
      for (const { step, values } of portion) run.log(Object.fromEntries(values), step);
      await awake(run, end, promise);
    }
  }

  /** In the place of the client's own: resolves once the server has taken the request, however often it takes. */
  #takeOver(body: unknown): Promise<null> {
    return new Promise((resolve) => {
      this.#outgoing = { body, taken: () => resolve(null) };
      void this.#attempt();
    });
  }

  async #attempt(): Promise<void> {
    const outgoing = this.#outgoing;
    if (outgoing === undefined) return;
    const failure = await this.#failureOf(outgoing.body);
    // Another attempt at the same request was quicker.
    if (this.#outgoing !== outgoing) return;
    if (failure !== undefined) {
      this.#answer({ id: this.#id, type: 'failed', failure });
      return;
    }
    this.#outgoing = undefined;
    const { files } = rowsRequest.safeParse(outgoing.body).data ?? {};
    const { offset = 0, content = [] } = files?.['wandb-history.jsonl'] ?? {};
    this.#rows = Math.max(this.#rows, offset + content.length);
    outgoing.taken();
    if (this.#awaited !== undefined && this.#rows >= this.#awaited.rows) this.#awaited.resolve();
  }

  /** Sends a request. Undefined where the server has taken it. */
  async #failureOf(body: unknown): Promise<SdkFailure | undefined> {
    const what = 'the file stream';
    const problem = requestProblem();
    try {
      const response = await this.#send(body);
      if (response === null) return { what, answer: undefined, reason: problem.reason() };
      const text = await response.text();
      const { ok, status, headers } = response;
      if (!ok) return { what, answer: { status, headers: [...headers], body: text.slice(0, MAX_BODY) }, reason: '' };
      this.#stopped ||= stopAnswer.safeParse(parsed(text)).success;
      return undefined;
    } catch (error) {
      return { what, answer: undefined, reason: errorMessage(error) };
    } finally {
      problem.end();
    }
  }
}

/**
 * Waits for the client, which looks for what it is told once a second and sends rows every 2, 10 or 30 seconds: it is woken, to send
 * once it has come upon so many rows.
 */
async function awake(run: SdkRunHandle, rows: number, call: Promise<void>): Promise<void> {
  const waking = setInterval(() => {
    if (run.rows() < rows) run.collect();
    else run.stream.delay.cancel();
  }, WAKE_INTERVAL_MS);
  try {
    await call;
  } finally {
    clearInterval(waking);
  }
}

class RequestFailure extends Error {
  readonly failure: SdkFailure;

  constructor(failure: SdkFailure) {
    super(failure.what);
    this.failure = failure;
  }
}

interface Watch {
  readonly end: () => void;
}

/** Rejects with the first request for GraphQL that fails: the client would repeat an answer that it has, for twenty minutes. */
function graphqlFailure(): Watch & { readonly failure: Promise<never> } {
  const { promise: failure, reject } = Promise.withResolvers<never>();
  const what = 'the making of the run';
  const isMeant = ({ path }: ClientRequest): boolean => path.endsWith('/graphql');
  const done = watch(REQUEST_DONE, (message) => {
    const { request, response } = finishedRequest.parse(message);
    const { statusCode: status = 0, headersDistinct } = response;
    if (!isMeant(request) || status < 400) return;
    const headers = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
      values.map((value): readonly [string, string] => [name, value]),
    );
    reject(new RequestFailure({ what, answer: { status, headers, body: '' }, reason: '' }));
  });
  const failed = watch(REQUEST_FAILED, (message) => {
    const { request, error } = failedRequest.parse(message);
    if (isMeant(request)) reject(new RequestFailure({ what, answer: undefined, reason: errorMessage(error) }));
  });
  return {
    failure,
    end: () => {
      done.end();
      failed.end();
    },
  };
}

/** Why a request gets no answer: the client only prints it. */
function requestProblem(): Watch & { readonly reason: () => string } {
  let reason = 'there was no answer';
  const { end } = watch(REQUEST_FAILED, (message) => {
    reason = errorMessage(failedRequest.parse(message).error);
  });
  return { reason: () => reason, end };
}

function watch(channel: string, look: (message: unknown) => void): Watch {
  subscribe(channel, look);
  return { end: () => void unsubscribe(channel, look) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
