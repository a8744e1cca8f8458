/** What a PostgreSQL server's refusal means, for who reads and for who writes, and what to do about it. */

import { errorCode, errorMessage, RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { DataError } from './data-error.ts';
import { noStore, StoreError } from './store-error.ts';

/** By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) or the code of the system. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['28P01', 'check user and password in STORE__URL'],
  ['28000', 'check the user in STORE__URL, and that pg_hba.conf of the server lets it in from here'],
  ['3D000', 'make it with createdb, or set the name at the end of STORE__URL to one that the server has'],
  ['42501', 'grant the user in STORE__URL the right to do so; docs/store.md lists the tables'],
  ['25006', 'set STORE__URL to the primary server'],
  ['3F000', 'set a search_path in STORE__URL that leads to a schema'],
  ['42703', 'its tables are not those of this version: set STORE__URL to another database'],
  ['53300', 'the server has no connection left: close some, or raise max_connections'],
  ['57P03', 'the server is starting or stopping: try again'],
  ['ECONNREFUSED', 'nothing listens there: check host and port in STORE__URL, and that the server runs'],
  ['ENOTFOUND', 'check the host in STORE__URL'],
  ['EAI_AGAIN', 'check the host in STORE__URL, and the network'],
  ['ETIMEDOUT', 'the server does not answer: check host and port in STORE__URL, and the network'],
]);

/** The same for errors of the client, which have no code. */
const ADVICE_BY_TEXT: readonly (readonly [RegExp, string])[] = [
  [/password must be a(?: non-empty)? string/u, 'STORE__URL needs a password: postgres://user:password@host/database'],
  [/timeout/u, 'the server does not answer: check host and port in STORE__URL, and the network'],
  [/does not support SSL/u, 'remove sslmode from STORE__URL, or set up TLS on the server'],
];

/** SQLSTATE of a table that is not there. */
const UNDEFINED_TABLE = '42P01';

/** Refusals that no repetition cures. */
const FINAL: ReadonlySet<string> = new Set(['28P01', '28000', '3D000', '42501', '25006', '3F000', '42703']);

/** Classes of codes that say that a row is none: data exceptions, integrity violations, program limits. */
const DATA_CLASSES: ReadonlySet<string> = new Set(['22', '23', '54']);

const SQLSTATE = /^[0-9A-Z]{5}$/u;

interface Refusal {
  readonly code: string;
  /** Without secrets. */
  readonly message: string;
  readonly cause: unknown;
}

/** @param address Of the server, without secrets. */
export function postgresError(error: unknown, address: string): StoreError {
  const { code, message, cause } = refusal(error, address);
  return code === UNDEFINED_TABLE ? noStore(address) : new StoreError(message, { cause });
}

/** The same for a sink, by what comes of it: a {@link DataError} for a row that is none. */
export function postgresSinkError(error: unknown, address: string): Error {
  const { code, message, cause } = refusal(error, address);
  const isAnswer = SQLSTATE.test(code);
  if (isAnswer && DATA_CLASSES.has(code.slice(0, 2))) return new DataError(errorMessage(cause), { cause });
  return FINAL.has(code) ? new TerminalSinkError(message, { cause }) : new RetryableSinkError(message, { cause });
}

function refusal(error: unknown, address: string): Refusal {
  // A host with several addresses fails with one error for each.
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = errorCode(cause) ?? '';
  const message = errorMessage(cause);
  const advice = ADVICE.get(code) ?? ADVICE_BY_TEXT.find(([form]) => form.test(message))?.[1];
  return { code, message: `${address}: ${message}${advice === undefined ? '' : `; ${advice}`}`, cause };
}
