// A W&B server for tests, on the loopback interface: it speaks the protocol that W&B's official clients speak, holds what they
// send, notes every breach of it, and fails to order. tests/wandb/official-client.test.ts holds it to what the official client
// really does.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ArtifactStore } from './artifact-store.ts';
import { FaultScript, type Fault, type FaultAction, type FaultRule } from './fault-rule.ts';
import { takeFileStream } from './file-stream.ts';
import { GraphqlApi, operationOf } from './graphql-api.ts';
import type { ServerArtifact, ServerRun } from './run-state.ts';
import { RunStore } from './run-store.ts';
import { SignedUploads, UPLOAD_PREFIX } from './signed-uploads.ts';
import { Violations, type ViolationKind } from './violation.ts';
import { parseJson } from './wandb-json.ts';

interface ServerRequest {
  /** Milliseconds since the epoch at which it was complete. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  /** GraphQL operation. */
  readonly operation: string | undefined;
  /** All but `authorization`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization: 'valid' | 'wrong' | 'none';
  /** Parsed JSON; undefined for an upload. */
  readonly body: unknown;
  readonly bytes: number;
  /** How it was answered; undefined where it was not. */
  readonly status: number | undefined;
  /** What happened to it by order. */
  readonly fault: FaultAction | undefined;
}

/** At most `requests` of the file stream of a run in `perMs` milliseconds; more are answered with 429 and Retry-After. */
interface RateLimit {
  readonly requests: number;
  readonly perMs: number;
}

export interface WandbServerOptions {
  readonly apiKey?: string;
  readonly entity?: string;
  /** What this client is known to do, and may. */
  readonly tolerated?: readonly ViolationKind[];
  /** After so long without a word a running run counts as crashed; 5 minutes by default. */
  readonly silenceLimitMs?: number;
  /** So long after a Retry-After others of its kind may still come that were under way; a quarter of a second by default. */
  readonly underWayMs?: number;
}

export interface WandbServer {
  /** For WANDB_BASE_URL; the same after `goDown` and `comeBack`. */
  readonly url: string;
  readonly apiKey: string;
  readonly entity: string;
  readonly runs: readonly ServerRun[];
  readonly artifacts: readonly ServerArtifact[];
  readonly requests: readonly ServerRequest[];
  /** Breaches of the protocol, a line each; a test of a good client asserts that there are none. */
  readonly violations: readonly string[];
  run(project: string, id: string): ServerRun | undefined;
  fault(rule: FaultRule): Fault;
  setRateLimit(limit: RateLimit | undefined): void;
  /** Resolves once it is true; looked at when a request comes and when it is done. Rejects when it is not within the limit. */
  until(condition: () => boolean, limitMs?: number): Promise<void>;
  /** Refuses connections and breaks those there are; everything held is kept. */
  goDown(): Promise<void>;
  /** Listens again, on the same port. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

const SILENCE_LIMIT_MS = 5 * 60_000;
const UNTIL_LIMIT_MS = 30_000;
const UNDER_WAY_MS = 250;
const FILE_STREAM = /^\/files\/([^/]+)\/([^/]+)\/([^/]+)\/file_stream$/u;
/** The official client's own measurements, which are no part of a run. */
const TELEMETRY = /^\/sdk\/otel\/v1\/(?:metrics|logs)$/u;

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function startWandbServer(options: WandbServerOptions = {}): Promise<WandbServer> {
  const server = new LoopbackServer(options);
  await server.comeBack();
  return server;
}

class LoopbackServer implements WandbServer {
  readonly apiKey: string;
  readonly entity: string;
  readonly requests: ServerRequest[] = [];
  readonly #violations: Violations;
  readonly #underWayMs: number;
  readonly #faults = new FaultScript();
  readonly #runs: RunStore;
  readonly #uploads: SignedUploads;
  readonly #artifacts: ArtifactStore;
  readonly #graphql: GraphqlApi;
  readonly #watchers = new Set<() => void>();
  /** Times of recent file stream requests, by run, while there is a limit. */
  readonly #recent = new Map<string, number[]>();
  #rateLimit: RateLimit | undefined;
  /** Kinds of requests that were told to wait, since when and until when. */
  readonly #notBefore = new Map<string, { readonly fromMs: number; readonly untilMs: number }>();
  #server: Server | undefined;
  #port = 0;

  constructor({
    apiKey = 'f'.repeat(40),
    entity = 'team',
    tolerated = [],
    silenceLimitMs,
    underWayMs,
  }: WandbServerOptions) {
    this.#underWayMs = underWayMs ?? UNDER_WAY_MS;
    this.apiKey = apiKey;
    this.entity = entity;
    this.#violations = new Violations(tolerated);
    this.#runs = new RunStore(entity, silenceLimitMs ?? SILENCE_LIMIT_MS);
    this.#uploads = new SignedUploads(this.#violations);
    this.#artifacts = new ArtifactStore(this.#uploads, this.#violations);
    this.#graphql = new GraphqlApi({
      url: () => this.url,
      runs: this.#runs,
      artifacts: this.#artifacts,
      uploads: this.#uploads,
      violations: this.#violations,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get runs(): readonly ServerRun[] {
    return this.#runs.all;
  }

  get artifacts(): readonly ServerArtifact[] {
    return this.#artifacts.versions;
  }

  get violations(): readonly string[] {
    return this.#violations.found;
  }

  run(project: string, id: string): ServerRun | undefined {
    return this.#runs.find(this.entity, project, id);
  }

  fault(rule: FaultRule): Fault {
    return this.#faults.add(rule);
  }

  setRateLimit(limit: RateLimit | undefined): void {
    this.#rateLimit = limit;
  }

  until(condition: () => boolean, limitMs = UNTIL_LIMIT_MS): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(limit);
        this.#watchers.delete(look);
        settle();
      };
      const look = (): void => {
        if (condition()) end(resolve);
      };
      const limit = setTimeout(() => {
        end(() => reject(new Error(`not within ${limitMs} ms: ${String(condition)}`)));
      }, limitMs);
      this.#watchers.add(look);
      look();
    });
  }

  async comeBack(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('the server has no port');
    this.#port = address.port;
    this.#server = server;
  }

  async goDown(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async close(): Promise<void> {
    await this.goDown();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    } catch {
      // The client has gone in the middle of its request, which therefore never came.
      return;
    }
    const bytes = Buffer.concat(chunks);
    const { method = '' } = request;
    const { pathname } = new URL(request.url ?? '/', this.url);
    const body = method === 'PUT' ? undefined : parseJson(bytes.toString('utf8'));
    const operation = pathname === '/graphql' ? operationOf(body) : undefined;
    const fault = this.#faults.strike(method, pathname, operation);
    const { authorization, ...headers } = request.headers;
    const arrived: ServerRequest = {
      at: Date.now(),
      method,
      path: pathname,
      operation,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      authorization: this.#judge(authorization),
      body,
      bytes: bytes.length,
      status: undefined,
      fault,
    };
    const index = this.requests.push(arrived) - 1;
    this.#checkPatience(arrived);
    const leave = this.#enterStream(arrived, response);
    this.#look();
    try {
      const answer = await this.#withFault(arrived, bytes, request);
      if (answer === undefined) return;
      this.requests[index] = { ...arrived, status: answer.status };
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
      response.end(answer.body);
    } finally {
      leave();
      this.#look();
    }
  }

  #look(): void {
    for (const look of this.#watchers) look();
  }

  #judge(authorization: string | undefined): 'valid' | 'wrong' | 'none' {
    if (authorization === undefined) return 'none';
    return authorization === `Basic ${Buffer.from(`api:${this.apiKey}`).toString('base64')}` ? 'valid' : 'wrong';
  }

  /** A Retry-After counts for the requests of the same kind, but for those that were under way when it was said. */
  #checkPatience(request: ServerRequest): void {
    const kind = kindOf(request);
    const { fromMs = 0, untilMs = 0 } = this.#notBefore.get(kind) ?? {};
    const early = untilMs - request.at;
    if (early > 0 && request.at > fromMs + this.#underWayMs)
      this.#violations.report('rate', `${kind}: ${early} ms before Retry-After was over`);
  }

  #askToWait(request: ServerRequest, seconds: number): void {
    const fromMs = Date.now();
    this.#notBefore.set(kindOf(request), { fromMs, untilMs: fromMs + seconds * 1000 });
  }

  /** Counts requests of a run's file stream that are under way: a good client waits for one before it sends the next. */
  #enterStream(request: ServerRequest, response: ServerResponse): () => void {
    const run = this.#runOfStream(request.path);
    if (run === undefined) return () => undefined;
    if (run.streaming > 0) this.#violations.report('overlap', `${run.id}: ${run.streaming} requests are under way`);
    run.streaming += 1;
    let inside = true;
    const leave = (): void => {
      if (inside) run.streaming -= 1;
      inside = false;
    };
    // A client that hangs up has given up its request.
    response.once('close', leave);
    return leave;
  }

  #runOfStream(path: string): ReturnType<RunStore['find']> {
    const [, entity = '', project = '', id = ''] =
      FILE_STREAM.exec(path)?.map((part) => decodeURIComponent(part)) ?? [];
    return this.#runs.find(entity, project, id);
  }

  /** Undefined where no answer is given. */
  async #withFault(request: ServerRequest, bytes: Buffer, incoming: IncomingMessage): Promise<Answer | undefined> {
    const { fault } = request;
    switch (fault?.kind) {
      case undefined:
        return this.#take(request, bytes);
      case 'status': {
        if (fault.taken === true) await this.#take(request, bytes);
        const seconds = Number(fault.headers?.['retry-after'] ?? fault.headers?.['Retry-After'] ?? 0);
        if (seconds > 0) this.#askToWait(request, seconds);
        const text = fault.body ?? JSON.stringify({ error: `answered ${fault.status} to order` });
        return { status: fault.status, body: text, headers: fault.headers ?? {} };
      }
      case 'reset-before':
        incoming.socket.resetAndDestroy();
        return undefined;
      case 'reset-after':
        await this.#take(request, bytes);
        incoming.socket.resetAndDestroy();
        return undefined;
      case 'hang':
        if (!incoming.socket.destroyed) await once(incoming.socket, 'close');
        return undefined;
      case 'stop': {
        const answer = await this.#take(request, bytes);
        return answer.status === 200 ? { ...answer, body: '{"stopped":true}' } : answer;
      }
      case 'delay':
        await delay(fault.delayMs);
        return this.#take(request, bytes);
      default:
        return fault satisfies never;
    }
  }

  async #take(request: ServerRequest, bytes: Buffer): Promise<Answer> {
    const { method, path, authorization } = request;
    if (path.startsWith(UPLOAD_PREFIX) && method === 'PUT') {
      if (authorization !== 'none') this.#violations.report('auth', `a signed upload with a key: ${path}`);
      return { status: this.#uploads.put(path, request.headers, bytes) };
    }
    if (TELEMETRY.test(path)) return { status: 200, body: '{}' };
    if (authorization !== 'valid') {
      this.#violations.report('auth', `${method} ${path} with ${authorization === 'none' ? 'no' : 'a wrong'} key`);
      return { status: 401, body: '{"error":"user is not logged in"}' };
    }
    if (path === '/graphql' && method === 'POST') return this.#graphql.answer(request.body);
    if (FILE_STREAM.test(path) && method === 'POST') return this.#stream(request, bytes.toString('utf8'));
    this.#violations.report('endpoint', `${method} ${path}`);
    return { status: 404, body: '{"error":"not found"}' };
  }

  #stream(request: ServerRequest, text: string): Answer {
    const { path } = request;
    const run = this.#runOfStream(path);
    if (run === undefined) {
      this.#violations.report('unknown-run', path);
      return { status: 404, body: '{"error":"run not found"}' };
    }
    const limit = this.#rateLimit;
    if (limit !== undefined) {
      const now = Date.now();
      const recent = (this.#recent.get(path) ?? []).filter((at) => at > now - limit.perMs);
      this.#recent.set(path, recent);
      if (recent.length >= limit.requests) {
        const seconds = Math.ceil(limit.perMs / 1000);
        this.#askToWait(request, seconds);
        return { status: 429, headers: { 'retry-after': String(seconds) }, body: '{"error":"rate limit exceeded"}' };
      }
      recent.push(now);
    }
    return takeFileStream(run, text, this.#violations)
      ? { status: 200, body: '{"exitcode":null,"limits":{}}' }
      : { status: 400, body: '{"error":"not a file stream request"}' };
  }
}

/** What a client repeats after it has been told to wait: other requests may go on meanwhile. */
function kindOf({ path, operation }: ServerRequest): string {
  return operation === undefined ? path : `${path} ${operation}`;
}
