import { RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { failureOf, graphqlFailure, rateLimitPauseMs, retryAfter, UPSERT_FINAL_STATUSES } from './server-failure.ts';

function failure(status: number, body = '', headers: Readonly<Record<string, string>> = {}): Error {
  return failureOf({ what: 'the file stream', status, headers: new Headers(headers), body });
}

describe('an answer that is no success', () => {
  it.each([500, 502, 503, 429, 408, 418])('with %i is asked again', (status) => {
    expect(failure(status)).toBeInstanceOf(RetryableSinkError);
  });

  it.each([400, 401, 403, 404, 409, 410, 413, 422, 501])('with %i is the end, and says what to do', (status) => {
    expect(failure(status)).toBeInstanceOf(TerminalSinkError);
    expect(failure(status).message).toMatch(/; (?:check|the key|there is no such|the run log keeps)/u);
  });

  it("is told with the server's words, without secrets", () => {
    expect(failure(401, '{"errors":[{"message":"bad  key"}]}').message).toBe(
      'W&B answered the file stream with 401: bad key; check WANDB_API_KEY (https://wandb.ai/authorize)',
    );
    expect(failure(500, `<html>\n${'x'.repeat(500)}`).message).toHaveLength(
      'W&B answered the file stream with 500: '.length + 300,
    );
    expect(failure(500, 'https://me:secret@host/').message).not.toContain('secret');
    expect(failure(503).message).toBe('W&B answered the file stream with 503');
  });

  it('to UpsertBucket may be that the run is just being made', () => {
    const conflict = { what: 'UpsertBucket', status: 409, headers: new Headers(), body: '' };
    expect(failureOf(conflict, UPSERT_FINAL_STATUSES)).toBeInstanceOf(RetryableSinkError);
    expect(failureOf({ ...conflict, status: 404 }, UPSERT_FINAL_STATUSES)).toBeInstanceOf(TerminalSinkError);
  });

  it('is waited for as long as the server asks', () => {
    expect(failure(429, '', { 'retry-after': '3' })).toMatchObject({ retryAfterMs: 3000 });
    expect(failure(429)).toMatchObject({ retryAfterMs: undefined });
  });
});

it.each([
  [{}, undefined],
  [{ 'retry-after': '1.5' }, 1500],
  [{ 'retry-after': 'soon' }, undefined],
  [{ 'retry-after': 'Sat, 21 Nov 2026 10:00:30 GMT', date: 'Sat, 21 Nov 2026 10:00:00 GMT' }, 30_000],
  [{ 'retry-after': 'Sat, 21 Nov 2026 10:00:00 GMT', date: 'Sat, 21 Nov 2026 10:00:30 GMT' }, 0],
  [{ 'retry-after': 'Sat, 21 Nov 2026 10:00:00 GMT' }, undefined],
])('of %o is asked to wait %s ms', (headers, milliseconds) => {
  expect(retryAfter(new Headers(Object.entries(headers)))).toBe(milliseconds);
});

it.each([
  [{}, 0],
  [{ 'ratelimit-remaining': '4', 'ratelimit-reset': '2' }, 500],
  [{ 'ratelimit-remaining': '0', 'ratelimit-reset': '2' }, 2000],
  [{ 'ratelimit-remaining': '5', 'ratelimit-reset': '0' }, 0],
  [{ 'ratelimit-remaining': 'many', 'ratelimit-reset': '2' }, 0],
])('%o allows a request every %i ms', (headers, milliseconds) => {
  expect(rateLimitPauseMs(new Headers(Object.entries(headers)))).toBe(milliseconds);
});

it("GraphQL's errors are final where no repetition cures them", () => {
  expect(graphqlFailure('UpsertBucket', ['permission denied'])).toBeInstanceOf(TerminalSinkError);
  expect(graphqlFailure('UpsertBucket', ['try', 'later'])).toEqual(
    new RetryableSinkError('W&B answered UpsertBucket with an error: try; later'),
  );
});
