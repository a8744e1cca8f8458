/** What an answer that is no success means for delivery: try again, wait, or stop and say what to do. */

import { redactText, RetryableSinkError, TerminalSinkError } from '@runcast/core';
import type { HttpHeaders } from './http-request.ts';

/** What was asked for, such as `UpsertBucket` or `the file stream`. */
export interface FailedRequest {
  readonly what: string;
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: string;
}

/** Statuses that W&B's own client does not repeat either. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404, 409, 410, 413, 422, 501]);
const ADVICE: ReadonlyMap<number, string> = new Map([
  [401, 'check WANDB_API_KEY (https://wandb.ai/authorize)'],
  [403, 'the key may not write there: check WANDB__ENTITY and WANDB__PROJECT'],
  [
    404,
    'there is no such entity, project or run: check WANDB__ENTITY and WANDB__PROJECT; a deleted run does not come back',
  ],
]);
const OTHER_ADVICE = 'the run log keeps what W&B is owed; runcast sync delivers it';
/** GraphQL says these with status 200. */
const FINAL_MESSAGES =
  /permission|denied|forbidden|unauthori[sz]ed|not (?:found|authori[sz]ed|allowed)|invalid|cannot|does not exist|deleted|exceed|quota|storage limit/iu;
const MAX_TOLD = 300;

/** @param finalStatuses Those that no repetition cures; W&B's own list where left out. */
export function failureOf(
  { what, status, headers, body }: FailedRequest,
  finalStatuses: ReadonlySet<number> = FINAL_STATUSES,
): RetryableSinkError | TerminalSinkError {
  const message = `W&B answered ${what} with ${status}${told(messageIn(body))}`;
  if (finalStatuses.has(status)) return new TerminalSinkError(`${message}; ${ADVICE.get(status) ?? OTHER_ADVICE}`);
  const retryAfterMs = retryAfter(headers);
  return new RetryableSinkError(message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** A run may be refused for a moment because another of its name is just being made. */
export const UPSERT_FINAL_STATUSES: ReadonlySet<number> = new Set(
  [...FINAL_STATUSES].filter((status) => status !== 409),
);

/** Errors in an answer whose status is a success. */
export function graphqlFailure(what: string, messages: readonly string[]): RetryableSinkError | TerminalSinkError {
  const text = messages.join('; ');
  const message = `W&B answered ${what} with an error${told(text)}`;
  return FINAL_MESSAGES.test(text)
    ? new TerminalSinkError(`${message}; check WANDB__ENTITY and WANDB__PROJECT, and what the key may do`)
    : new RetryableSinkError(message);
}

/** How long the server asked to be left alone, in milliseconds; undefined where it did not. Dates are taken by its own clock. */
export function retryAfter(headers: HttpHeaders): number | undefined {
  const text = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+(?:\.\d+)?$/u.test(text)) return Number(text) * 1000;
  const until = Date.parse(text);
  const now = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(until - now) ? undefined : Math.max(0, until - now);
}

/** How long to wait between requests so that what `RateLimit-Remaining` allows lasts until `RateLimit-Reset`, in milliseconds. */
export function rateLimitPauseMs(headers: HttpHeaders): number {
  const remaining = Number(headers.get('ratelimit-remaining') ?? Number.NaN);
  const resetSeconds = Number(headers.get('ratelimit-reset') ?? Number.NaN);
  if (!(remaining >= 0) || !(resetSeconds > 0)) return 0;
  return (resetSeconds * 1000) / Math.max(1, remaining);
}

function messageIn(body: string): string {
  const found = /"(?:message|error)"\s*:\s*"((?:[^"\\]|\\.)*)"/u.exec(body)?.[1];
  return found ?? body;
}

function told(text: string): string {
  const line = redactText(text).replaceAll(/\s+/gu, ' ').trim().slice(0, MAX_TOLD);
  return line === '' ? '' : `: ${line}`;
}
