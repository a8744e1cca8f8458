// A remote sink for the scripted backend: it says what the answers mean and leaves the rest to delivery. A module of its own,
// so that a worker can load it.
import {
  RECORD_KINDS,
  RecordsRefusedError,
  RetryableSinkError,
  TerminalSinkError,
  type CreateSink,
  type RecordBatch,
  type RecordRefusal,
} from '@runcast/core';

export const createSink: CreateSink = (config) => {
  const { url } = config;
  if (typeof url !== 'string') throw new TypeError('the http sink needs a url');
  let signal: AbortSignal | undefined;
  return {
    name: 'http',
    traits: { kinds: RECORD_KINDS, guarantee: 'at-least-once', locality: 'remote' },
    open: (context) => {
      ({ signal } = context);
    },
    write: (batch) => send(url, batch, signal),
    flush: () => undefined,
    close: () => undefined,
  };
};

/** A request that hangs would hold its process open: the signal is all that ends it. */
async function send(url: string, batch: RecordBatch, signal: AbortSignal | undefined): Promise<void> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(batch), signal: signal ?? null });
  const text = await response.text();
  switch (response.status) {
    case 200:
      return;
    case 401:
      throw new TerminalSinkError('the key is not known');
    case 422:
      throw new RecordsRefusedError(readRefusals(text));
    default:
      throw new RetryableSinkError(`answered ${response.status}`, readRetryAfter(response.headers));
  }
}

function readRetryAfter(headers: Headers): { readonly retryAfterMs?: number } {
  const seconds = headers.get('retry-after');
  return seconds === null ? {} : { retryAfterMs: Number(seconds) * 1000 };
}

function readRefusals(text: string): readonly RecordRefusal[] {
  const seqs: unknown = JSON.parse(text);
  if (!Array.isArray(seqs)) throw new TypeError('a refusal without its records');
  return seqs.map((seq) => ({ seq: Number(seq), reason: 'a step that the backend does not like' }));
}
