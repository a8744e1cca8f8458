import { once } from 'node:events';
import { request } from 'node:http';
import { MessageChannel } from 'node:worker_threads';
import { openScriptedBackend } from '@runcast/testing';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { SdkClient, SdkFileStream, SdkResponse, SdkRunHandle } from './sdk-client.ts';
import type { SdkRow } from './sdk-rows.ts';
import { serveSdk } from './serve-sdk.ts';

const answerSchema = z.looseObject({ id: z.int(), type: z.string() });
type Answer = z.infer<typeof answerSchema>;
type SendAnswer = { readonly status: number; readonly body?: string } | Error | 'none';

const RUN = { id: 'run-1', project: 'demo', entity: 'team', name: undefined, config: '{"lr":1}' } as const;

/** Does as W&B's client does: what is logged lies in a queue, then in another, and leaves when it is woken. */
class ScriptedClient implements SdkClient, SdkRunHandle {
  /** What the server says in turn; then it takes everything. */
  readonly answers: (SendAnswer | Promise<SendAnswer>)[] = [];
  readonly bodies: unknown[] = [];
  readonly logged: unknown[] = [];
  /** Rows that a waking moves on at most. */
  portion = Infinity;
  begin: () => Promise<void> = () => Promise.resolve();
  #collected = 0;
  #sent = 0;
  readonly stream: SdkFileStream = {
    delay: { cancel: () => this.#wake() },
    send: async (body) => {
      this.bodies.push(body);
      const answer = (await this.answers.shift()) ?? { status: 200 };
      return response(answer);
    },
  };

  async init(): Promise<SdkRunHandle> {
    await this.begin();
    return this;
  }

  log(data: Record<string, unknown>, step: number): void {
    this.logged.push({ ...data });
    data['_step'] = step;
  }

  rows(): number {
    return this.#collected;
  }

  collect(): void {
    this.#collected = Math.min(this.logged.length, this.#collected + this.portion);
  }

  url(): string {
    return 'page';
  }

  async finish(code: number): Promise<void> {
    await this.stream.send({ complete: true, exitcode: code });
  }

  #wake(): boolean {
    const content = Array.from({ length: this.#collected - this.#sent }, () => '{}');
    if (content.length === 0) return false;
    const offset = this.#sent;
    this.#sent = this.#collected;
    void this.stream.send({ files: { 'wandb-history.jsonl': { offset, content } } });
    return true;
  }
}

function response(answer: SendAnswer): SdkResponse | null {
  if (answer === 'none') return null;
  if (answer instanceof Error) throw answer;
  const { status, body = '{}' } = answer;
  return new Response(body, { status, headers: { 'retry-after': '3' } });
}

interface Session {
  /** Resolves to the next answer. */
  ask(question: object): Promise<Answer>;
}

function serve(client: ScriptedClient | Error): Session {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  serveSdk(port2, { apiKey: 'key', baseUrl: 'http://127.0.0.1:9', silent: true }, () => {
    if (client instanceof Error) throw client;
    return client;
  });
  let id = 0;
  const next = async (): Promise<Answer> =>
    answerSchema.parse(z.array(z.unknown()).parse(await once(port1, 'message'))[0]);
  return {
    ask: (question) => {
      id += 1;
      port1.postMessage({ ...question, id });
      return next();
    },
  };
}

function rows(count: number): readonly SdkRow[] {
  return Array.from({ length: count }, (_, step) => ({ step, values: [['loss', step]] }));
}

async function begun(client: ScriptedClient): Promise<Session> {
  const session = serve(client);
  expect(await session.ask({ type: 'begin', run: RUN })).toEqual({ id: 1, type: 'done', stopped: false, url: 'page' });
  return session;
}

it('answers when the server has taken every row, however they get there', async () => {
  const client = new ScriptedClient();
  const session = await begun(client);
  client.portion = 3_000;
  expect(await session.ask({ type: 'rows', rows: rows(12_000) })).toMatchObject({ id: 2, type: 'done' });
  expect(client.logged).toHaveLength(12_000);
  const sent = client.bodies.map((body) =>
    z.object({ files: z.object({ 'wandb-history.jsonl': z.object({ content: z.array(z.string()) }) }) }).parse(body),
  );
  const sizes = sent.map(({ files }) => files['wandb-history.jsonl'].content.length);
  // The client would lose what it holds beyond ten thousand.
  expect([sizes.reduce((sum, size) => sum + size, 0), Math.max(...sizes)]).toEqual([12_000, 5_000]);
});

it('tells what the server did not take, and repeats that very request when asked to', async () => {
  const client = new ScriptedClient();
  const session = await begun(client);
  client.answers.push({ status: 500, body: 'sorry' }, 'none', new Error('torn'), {
    status: 200,
    body: '{"stopped":true}',
  });
  const failed = (what: object): object => ({ type: 'failed', failure: { what: 'the file stream', ...what } });
  const headers = [
    ['content-type', 'text/plain;charset=UTF-8'],
    ['retry-after', '3'],
  ];
  const answer = { status: 500, body: 'sorry', headers };
  expect(await session.ask({ type: 'rows', rows: rows(2) })).toMatchObject(failed({ answer }));
  expect(await session.ask({ type: 'again' })).toMatchObject(failed({ reason: 'there was no answer' }));
  expect(await session.ask({ type: 'again' })).toMatchObject(failed({ reason: 'torn' }));
  expect(await session.ask({ type: 'again' })).toMatchObject({ id: 5, type: 'done', stopped: true });
  expect(new Set(client.bodies.map((body) => JSON.stringify(body))).size).toBe(1);
});

it('takes the first of two attempts that succeeds, and says nothing of the other', async () => {
  const client = new ScriptedClient();
  const session = await begun(client);
  const slow = Promise.withResolvers<SendAnswer>();
  client.answers.push({ status: 503 }, slow.promise);
  expect(await session.ask({ type: 'rows', rows: rows(1) })).toMatchObject({ type: 'failed' });
  const first = session.ask({ type: 'again' });
  expect(await session.ask({ type: 'again' })).toMatchObject({ type: 'done' });
  await first;
  slow.resolve({ status: 500 });
  // Nothing is left to be repeated.
  const late = session.ask({ type: 'again' });
  expect(await late).toMatchObject({ type: 'done' });
  expect(client.bodies).toHaveLength(3);
});

it('ends the run with its exit code', async () => {
  const client = new ScriptedClient();
  const session = await begun(client);
  client.answers.push({ status: 429, body: 'x'.repeat(5_000) });
  expect(await session.ask({ type: 'finish', code: 1 })).toMatchObject({
    failure: { answer: { status: 429, body: 'x'.repeat(2_000) } },
  });
  expect(await session.ask({ type: 'again' })).toMatchObject({ type: 'done' });
  expect(client.bodies.at(-1)).toEqual({ complete: true, exitcode: 1 });
});

it('says that the client cannot be used, or has not been asked to begin', async () => {
  expect(await serve(new Error('no such file')).ask({ type: 'begin', run: RUN })).toEqual({
    id: 1,
    type: 'unusable',
    reason: 'no such file',
  });
  expect(await serve(new ScriptedClient()).ask({ type: 'rows', rows: [] })).toMatchObject({
    reason: 'the run has not been begun',
  });
});

/** Asks for a path and never settles, as the client does that goes on repeating. */
function requesting(url: string): () => Promise<void> {
  return () =>
    new Promise(() => {
      const asked = request(url, (answer) => void answer.resume());
      asked.on('error', () => undefined);
      asked.end();
    });
}

it('does not wait for a client whose run the server refuses', async () => {
  const backend = await openScriptedBackend({ answer: () => 503, take: () => undefined });
  onTestFinished(() => backend.close());
  const client = new ScriptedClient();
  client.begin = requesting(`${backend.url}graphql`);
  expect(await serve(client).ask({ type: 'begin', run: RUN })).toMatchObject({
    type: 'failed',
    failure: { what: 'the making of the run', answer: { status: 503 } },
  });
});

it('does not wait for a client that reaches nobody', async () => {
  const client = new ScriptedClient();
  client.begin = requesting('http://127.0.0.1:9/graphql');
  expect(await serve(client).ask({ type: 'begin', run: RUN })).toMatchObject({
    type: 'failed',
    failure: { answer: undefined, reason: 'connect ECONNREFUSED 127.0.0.1:9' },
  });
});
