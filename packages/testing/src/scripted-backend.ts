/**
 * An HTTP backend on this machine that behaves badly to order, for sinks that speak HTTP: slow, breaking connections before
 * or after it took a request, answering with errors, or never. What it takes is the author's to judge.
 */

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * How a request is answered: `ok` and `slow` take it; `reset-before` and `reset-after` break the connection before and after it
 * was taken; `hang` never answers; a number is a status, with `Retry-After` where it is 429 or 503, and takes nothing.
 */
export type BackendAnswer = 'ok' | 'slow' | 'reset-before' | 'reset-after' | 'hang' | number;

export interface BackendRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What a request that was taken is answered with; 200 without a body where left out. */
export interface BackendReply {
  readonly status?: number;
  readonly body?: string;
}

export interface ScriptedBackendOptions {
  /** Asked for every request. */
  readonly answer: () => BackendAnswer;
  /** Called for every request that is taken, in the order they come. */
  readonly take: (request: BackendRequest) => BackendReply | undefined;
  /** How long a slow answer takes, in milliseconds; 300 where left out. */
  readonly slowMs?: number;
  /** What `Retry-After` asks for, in whole seconds; 1 where left out. */
  readonly retryAfterSecs?: number;
}

export interface ScriptedBackend {
  /** With the port that was free; nobody listens there any more once the backend is closed. */
  readonly url: string;
  /** Replaced when the backend gets better or worse. */
  answer: () => BackendAnswer;
  /** Whole requests that came. */
  readonly requests: number;
  /** Those among them that came sooner than the last `Retry-After` had asked for. */
  readonly earlyRequests: number;
  /** Breaks all connections. */
  close(): Promise<void>;
}

const RETRY_LATER: ReadonlySet<number> = new Set([429, 503]);

export async function openScriptedBackend(options: ScriptedBackendOptions): Promise<ScriptedBackend> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return new HttpBackend(server, options);
}

class HttpBackend implements ScriptedBackend {
  readonly url: string;
  answer: () => BackendAnswer;
  requests = 0;
  earlyRequests = 0;
  readonly #server: Server;
  readonly #options: ScriptedBackendOptions;
  #notBeforeMs = 0;

  constructor(server: Server, options: ScriptedBackendOptions) {
    const address = server.address();
    this.url = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/`;
    this.answer = options.answer;
    this.#server = server;
    this.#options = options;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await wholeBody(request);
    // The sender was killed in the middle of its request: nothing of it is taken.
    if (body === undefined) return;
    this.requests += 1;
    if (Date.now() < this.#notBeforeMs) this.earlyRequests += 1;
    const answer = this.answer();
    const { method = 'GET', url = '/', headers } = request;
    const take = (): BackendReply => {
      this.#notBeforeMs = 0;
      return this.#options.take({ method, path: url, headers, body }) ?? {};
    };
    switch (answer) {
      case 'ok':
        reply(response, take());
        return;
      case 'slow':
        await delay(this.#options.slowMs ?? 300);
        reply(response, take());
        return;
      case 'reset-before':
        request.socket.destroy();
        return;
      case 'reset-after':
        take();
        request.socket.destroy();
        return;
      case 'hang':
        return;
      default:
        this.#refuse(response, answer);
    }
  }

  #refuse(response: ServerResponse, status: number): void {
    const seconds = this.#options.retryAfterSecs ?? 1;
    if (!RETRY_LATER.has(status)) {
      response.writeHead(status).end();
      return;
    }
    this.#notBeforeMs = Date.now() + seconds * 1000;
    response.writeHead(status, { 'retry-after': String(seconds) }).end();
  }
}

async function wholeBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, { status = 200, body }: BackendReply): void {
  response.writeHead(status).end(body);
}
