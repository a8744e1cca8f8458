import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import {
  openScriptedBackend,
  type BackendAnswer,
  type BackendRequest,
  type ScriptedBackend,
  type ScriptedBackendOptions,
} from './scripted-backend.ts';

interface Stage {
  readonly backend: ScriptedBackend;
  readonly taken: readonly BackendRequest[];
  readonly post: (body: string) => Promise<Response>;
}

async function stage(answer: BackendAnswer, options: Partial<ScriptedBackendOptions> = {}): Promise<Stage> {
  const taken: BackendRequest[] = [];
  const backend = await openScriptedBackend({
    answer: () => answer,
    take: (request) => {
      taken.push(request);
      return undefined;
    },
    ...options,
  });
  onTestFinished(() => backend.close());
  return { backend, taken, post: (body) => fetch(`${backend.url}runs?x=1`, { method: 'POST', body }) };
}

it('takes a request and answers as it is told', async () => {
  const { backend, taken, post } = await stage('ok');
  const response = await post('rows');
  expect([response.status, await response.text()]).toEqual([200, '']);
  expect(taken).toMatchObject([{ method: 'POST', path: '/runs?x=1' }]);
  expect(taken[0]?.body.toString()).toBe('rows');
  expect(backend).toMatchObject({ requests: 1, earlyRequests: 0 });
});

it('answers with what taking it came to', async () => {
  const { post } = await stage('ok', { take: () => ({ status: 422, body: '[7]' }) });
  const response = await post('rows');
  expect([response.status, await response.text()]).toEqual([422, '[7]']);
});

it('is slow', async () => {
  const { taken, post } = await stage('slow', { slowMs: 20 });
  const started = performance.now();
  expect((await post('rows')).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThan(18);
  expect(taken).toHaveLength(1);
});

it.each([
  ['reset-before', 0],
  ['reset-after', 1],
] as const)('breaks the connection: %s', async (answer, count) => {
  const { taken, post } = await stage(answer);
  await expect(post('rows')).rejects.toThrow('fetch failed');
  expect(taken).toHaveLength(count);
});

it('never answers', async () => {
  const { backend, taken } = await stage('hang');
  await expect(fetch(backend.url, { signal: AbortSignal.timeout(30) })).rejects.toThrow('timeout');
  expect(taken).toEqual([]);
  expect(backend.requests).toBe(1);
});

it('asks to be left alone, and counts who does not', async () => {
  const { backend, post } = await stage(429);
  const refused = await post('rows');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  backend.answer = () => 'ok';
  await post('rows');
  await post('rows');
  expect(backend).toMatchObject({ requests: 3, earlyRequests: 1 });
});

it('fails without asking for anything', async () => {
  const { backend, taken, post } = await stage(500);
  const failed = await post('rows');
  expect([failed.status, failed.headers.get('retry-after')]).toEqual([500, null]);
  await post('rows');
  expect(backend.earlyRequests).toBe(0);
  expect(taken).toEqual([]);
});

it('takes nothing of a request that breaks off', async () => {
  const { backend, taken, post } = await stage('ok');
  const socket = connect(Number(new URL(backend.url).port), '127.0.0.1');
  await new Promise((resolve) => {
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf', resolve);
  });
  socket.destroy();
  await post('whole');
  expect(backend.requests).toBe(1);
  expect(taken).toHaveLength(1);
});

it('listens no more once it is closed', async () => {
  const { backend, post } = await stage('ok');
  await backend.close();
  await expect(post('rows')).rejects.toThrow('fetch failed');
});
