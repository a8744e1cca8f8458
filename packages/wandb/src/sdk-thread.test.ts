import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { expect, it, onTestFinished } from 'vitest';
import { SdkThread, type SdkThreadOptions } from './sdk-thread.ts';

/** A thread that does this with each question. */
function threadThat(does: string, more: Partial<SdkThreadOptions> = {}): SdkThread {
  const folder = mkdtempSync(path.join(tmpdir(), 'runcast-sdk-thread-'));
  const file = path.join(folder, 'worker.mjs');
  writeFileSync(
    file,
    `import { workerData } from 'node:worker_threads';
    const { port } = workerData;
    port.on('message', (question) => { const { id } = question; ${does} });`,
  );
  const thread = new SdkThread({
    client: '',
    baseUrl: '',
    apiKey: 'key',
    signal: new AbortController().signal,
    workerUrl: pathToFileURL(file),
    ...more,
  });
  onTestFinished(async () => {
    await thread.close();
    rmSync(folder, { recursive: true });
  });
  return thread;
}

const LONG_MS = 10_000;

function failed(failure: object): string {
  return `port.postMessage({ id, type: 'failed', failure: ${JSON.stringify({ what: 'rows', reason: 'torn', ...failure })} });`;
}

it('answers a question, whatever came before the answer', async () => {
  const thread = threadThat(
    "port.postMessage({ id: id - 1, type: 'done', stopped: true }); port.postMessage({ id, type: 'done', stopped: false });",
  );
  expect(await thread.ask({ type: 'again' }, LONG_MS)).toMatchObject({ id: 1, stopped: false });
});

it.each([
  ['had no answer', failed({}), RetryableSinkError, 'W&B could not be reached for rows: torn'],
  [
    'was answered with 500',
    failed({ answer: { status: 500, headers: [], body: '{"error":"sorry"}' } }),
    RetryableSinkError,
    'W&B answered rows with 500: sorry',
  ],
  [
    'was answered with 403',
    failed({ answer: { status: 403, headers: [], body: '' } }),
    TerminalSinkError,
    'W&B answered rows with 403; the key may not write there: check WANDB__ENTITY and WANDB__PROJECT',
  ],
  [
    'could not be sent',
    "port.postMessage({ id, type: 'unusable', reason: 'no such client' });",
    TerminalSinkError,
    "W&B's client for Node cannot go on: no such client; set WANDB__ENGINE=native and run runcast sync to send the rest",
  ],
] as const)('says that a request %s', async (_, does, kind, message) => {
  const error = await threadThat(does)
    .ask({ type: 'again' }, LONG_MS)
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(kind);
  expect(error).toMatchObject({ message });
});

it('does not believe what it does not understand', async () => {
  const thread = threadThat("port.postMessage({ id, type: 'fine' });");
  await expect(thread.ask({ type: 'again' }, LONG_MS)).rejects.toThrow('what this version does not understand');
});

it('says how long the server asked to wait', async () => {
  const does = failed({ answer: { status: 429, headers: [['retry-after', '3']], body: '' } });
  await expect(threadThat(does).ask({ type: 'again' }, LONG_MS)).rejects.toMatchObject({ retryAfterMs: 3000 });
});

it('waits no longer than it is granted', async () => {
  await expect(threadThat('').ask({ type: 'again' }, 20)).rejects.toThrow("W&B's client has had no answer for 0.02 s");
});

it('says why the client has broken off, whenever it is asked', async () => {
  const thread = threadThat("throw new Error('Failed to upsert run');");
  const broken = "W&B's client for Node cannot go on: Failed to upsert run";
  await expect(thread.ask({ type: 'again' }, LONG_MS)).rejects.toThrow(broken);
  await expect(thread.ask({ type: 'again' }, LONG_MS)).rejects.toThrow(broken);
});

it('hears the last words of a thread that ends, and that it has ended', async () => {
  const spoke = threadThat("port.postMessage({ id, type: 'done', stopped: true }); process.exit(0);");
  expect(await spoke.ask({ type: 'again' }, LONG_MS)).toMatchObject({ stopped: true });
  await expect(threadThat('process.exit(0);').ask({ type: 'again' }, LONG_MS)).rejects.toThrow('its thread has ended');
});

it('is given up when the sink is, at once', async () => {
  const giveUp = new AbortController();
  const thread = threadThat('', { signal: giveUp.signal });
  const asked = thread.ask({ type: 'again' }, LONG_MS);
  giveUp.abort();
  await expect(asked).rejects.toThrow("W&B's client was given up");
  await expect(thread.ask({ type: 'again' }, LONG_MS)).rejects.toThrow(TerminalSinkError);
});
