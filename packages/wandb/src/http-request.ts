/**
 * A request and its whole answer, by Node's own HTTP client: its `fetch` takes some 80 MB more memory in a process that makes
 * requests all the time, and more of the processor.
 */

import { createReadStream } from 'node:fs';
import { request as requestByHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as requestByHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';

/** Bytes to be sent: text as UTF-8, or what a file holds. */
export type RequestBody =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'file'; readonly path: string };

export interface HttpRequest {
  readonly method: 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RequestBody;
  /** Breaks the request off, also while its answer is read. */
  readonly signal: AbortSignal;
}

export interface HttpHeaders {
  /** Null where there is no such header. Names in any case. */
  get(name: string): string | null;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: string;
}

/** Resolves to any answer, redirections included, which are not followed. Rejects where there was none. */
export type SendRequest = (url: string, request: HttpRequest) => Promise<HttpAnswer>;

export const sendRequest: SendRequest = async (url, { method, headers, body, signal }) => {
  const target = new URL(url);
  const open = target.protocol === 'https:' ? requestByHttps : requestByHttp;
  const request = open(target, { method, headers, signal });
  const [answer] = await Promise.all([answerTo(request), send(request, body)]);
  return {
    status: Number(answer.statusCode),
    headers: { get: (name) => headerOf(answer, name) },
    body: await textOf(answer),
  };
};

function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // After the answer has come, its own stream says what goes wrong.
    request.on('error', reject);
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  answer.setEncoding('utf8');
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return text;
}

async function send(request: ClientRequest, body: RequestBody): Promise<void> {
  // Text that is given whole goes with its length, and in one piece.
  if (body.kind === 'text') request.end(body.text);
  else await pipeline(createReadStream(body.path), request);
}

function headerOf({ headers }: IncomingMessage, name: string): string | null {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}
