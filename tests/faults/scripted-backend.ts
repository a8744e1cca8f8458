// A backend that behaves badly to order. It keeps records by writer and seq, so that a request that was taken and answered by
// a reset may come again: what may not happen is a record with other content, out of order, or missing; or a batch that was
// taken and comes again as another one, since a backend that is addressed by offsets could not tell what it has of it.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parseRecord, type RecordBatch, type RunRecord } from '@runcast/core';

/**
 * How a request is answered: `slow` after a third of a second; `reset-before` and `reset-after` break the connection before
 * and after the records were taken; `hang` never; `refuse` takes no batch that holds certain steps.
 */
export type Answer = 'ok' | 'slow' | 'reset-before' | 'reset-after' | '401' | '429' | '500' | '503' | 'hang' | 'refuse';

const SLOW_MS = 300;
const RETRY_AFTER_SECONDS = 1;
/** Steps whose number is a multiple of this are refused, where refusing is what is scripted. */
const REFUSED_EVERY = 50;

export class ScriptedBackend {
  readonly url: string;
  /** Asked for every request; replaced when the backend gets well. */
  answer: () => Answer;
  /** What may not happen and did. */
  readonly problems: string[] = [];
  requests = 0;
  /** Requests that came sooner than a 429 had asked for. */
  earlyRequests = 0;
  readonly #server: Server;
  readonly #held = new Map<string, Map<number, string>>();
  /** First and last `seq` of the batches that were taken, by writer. */
  readonly #taken = new Set<string>();
  #notBeforeMs = 0;

  private constructor(server: Server, url: string, answer: () => Answer) {
    this.#server = server;
    this.url = url;
    this.answer = answer;
  }

  static async listen(answer: () => Answer): Promise<ScriptedBackend> {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('the backend has no port');
    const backend = new ScriptedBackend(server, `http://127.0.0.1:${address.port}/`, answer);
    server.on('request', (request, response) => void backend.#serve(request, response));
    return backend;
  }

  /** `seq`s of a writer that the backend holds. */
  held(writer: string): ReadonlySet<number> {
    return new Set(this.#held.get(writer)?.keys());
  }

  /** Breaks all connections. */
  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    } catch {
      // The sender was killed in the middle of its request: it has taken none of it.
      return;
    }
    this.requests += 1;
    if (Date.now() < this.#notBeforeMs) this.earlyRequests += 1;
    const answer = this.answer();
    const { writer, from, to, records } = readBatch(Buffer.concat(chunks).toString('utf8'));
    switch (answer) {
      case 'ok':
        this.#take(writer, from, to, records);
        response.end();
        return;
      case 'slow':
        await delay(SLOW_MS);
        this.#take(writer, from, to, records);
        response.end();
        return;
      case 'reset-before':
        request.socket.destroy();
        return;
      case 'reset-after':
        this.#take(writer, from, to, records);
        request.socket.destroy();
        return;
      case '429':
        this.#notBeforeMs = Date.now() + RETRY_AFTER_SECONDS * 1000;
        response.writeHead(429, { 'retry-after': String(RETRY_AFTER_SECONDS) }).end();
        return;
      case '401':
      case '500':
      case '503':
        response.writeHead(Number(answer)).end();
        return;
      case 'hang':
        return;
      case 'refuse': {
        const refused = records.filter((record) => isRefused(record)).map(({ seq }) => seq);
        if (refused.length === 0) this.#take(writer, from, to, records);
        response.writeHead(refused.length === 0 ? 200 : 422).end(JSON.stringify(refused));
        return;
      }
      default:
        answer satisfies never;
    }
  }

  #take(writer: string, from: number, to: number, records: readonly RunRecord[]): void {
    this.#notBeforeMs = 0;
    const held = this.#held.get(writer) ?? new Map<number, string>();
    this.#held.set(writer, held);
    const batch = `${writer} ${from} to ${to}`;
    const repeats = records.some(({ seq }) => held.has(seq));
    if (repeats && !this.#taken.has(batch)) this.problems.push(`http: ${batch} repeats records of another batch`);
    this.#taken.add(batch);
    let last = Math.max(-1, ...[...held.keys()].slice(-1));
    for (const record of records) {
      const text = JSON.stringify(record);
      const before = held.get(record.seq);
      if (before !== undefined && before !== text)
        this.problems.push(`http: ${writer} seq ${record.seq} came again changed`);
      if (before === undefined && record.seq <= last)
        this.problems.push(`http: ${writer} seq ${record.seq} came after ${last}`);
      held.set(record.seq, text);
      last = Math.max(last, record.seq);
    }
  }
}

export function isRefused(record: RunRecord): boolean {
  return record.kind === 'step' && record.step % REFUSED_EVERY === 0;
}

function readBatch(text: string): RecordBatch {
  const batch: unknown = JSON.parse(text);
  if (typeof batch !== 'object' || batch === null) throw new TypeError('not a batch');
  if (!('writer' in batch) || !('from' in batch) || !('to' in batch) || !('records' in batch))
    throw new TypeError('not a complete batch');
  const records = Array.isArray(batch.records) ? batch.records : [];
  return {
    writer: String(batch.writer),
    from: Number(batch.from),
    to: Number(batch.to),
    records: records.flatMap((record) => {
      const parsed = parseRecord(JSON.stringify(record));
      return parsed.ok ? [parsed.record] : [];
    }),
  };
}
