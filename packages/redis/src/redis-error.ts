/**
 * What a server's refusal means: whether it will pass, and what to do. Nothing of the command goes along, since it holds
 * passwords and records.
 */

import { errorCode, errorMessage, RetryableSinkError, TerminalSinkError } from '@runcast/core';

/** Error codes that will not pass by themselves, and what to do about each. https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors */
const TERMINAL: readonly (readonly [RegExp, string])[] = [
  [/^NOAUTH\b/u, 'REDIS__URL needs a password: redis://:password@host'],
  [/^WRONGPASS\b/u, 'check user and password in REDIS__URL'],
  [/^ERR invalid password/u, 'check user and password in REDIS__URL'],
  [/^NOPERM\b/u, 'grant the user of REDIS__URL the commands and keys that docs/redis.md lists'],
  [/^WRONGTYPE\b/u, 'another program uses that key: set REDIS__STREAM to another name'],
  [/^ERR DB index is out of range/u, 'set the database at the end of REDIS__URL to one that the server has'],
  [/^(?:MOVED|ASK|CROSSSLOT)\b/u, 'a cluster is not supported: set REDIS__URL to a single server'],
  [/^ERR unknown command/u, 'the server lacks what is needed: use Redis 7 or later, or Valkey'],
];

/** Those that pass, with what may make them do so. */
const RETRYABLE: readonly (readonly [RegExp, string])[] = [
  [/^OOM\b/u, 'its memory is full: raise maxmemory, or bound the stream with REDIS__MAX_LEN'],
  [/^READONLY\b/u, 'it is a replica: set REDIS__URL to the primary'],
  [/^LOADING\b/u, 'it is loading its data'],
  [/^MISCONF\b/u, 'it cannot save its data: look at its log'],
];

/** @param address Of the server, without secrets. */
export function redisError(error: unknown, address: string): RetryableSinkError | TerminalSinkError {
  const message = errorMessage(error).replace(/\s*script: .*$/su, '');
  const terminal = adviceOf(TERMINAL, message);
  if (terminal !== undefined) return new TerminalSinkError(`${address}: ${message}; ${terminal}`);
  const advice = adviceOf(RETRYABLE, message);
  if (advice !== undefined) return new RetryableSinkError(`${address}: ${message}; ${advice}`);
  const code = errorCode(error);
  const what = code === undefined || message.includes(code) ? message : `${code} ${message}`;
  return new RetryableSinkError(`${address}: ${what}`);
}

function adviceOf(known: readonly (readonly [RegExp, string])[], message: string): string | undefined {
  return known.find(([form]) => form.test(message))?.[1];
}
