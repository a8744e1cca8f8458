import { expect, it } from 'vitest';
import { postgresError } from './postgres-error.ts';

const ADDRESS = 'postgres://db.example:5432/runs';

const failed = (message: string, code?: string): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

it.each([
  [failed('password authentication failed for user "me"', '28P01'), 'check user and password in STORE__URL'],
  [failed('no pg_hba.conf entry', '28000'), 'pg_hba.conf'],
  [failed('database "runs" does not exist', '3D000'), 'make it with createdb'],
  [failed('permission denied for table runs', '42501'), 'grant the user'],
  [failed('too many connections', '53300'), 'raise max_connections'],
  [failed('the database system is starting up', '57P03'), 'try again'],
  [failed('connect ECONNREFUSED 127.0.0.1:5432', 'ECONNREFUSED'), 'nothing listens there'],
  [failed('getaddrinfo ENOTFOUND db.example', 'ENOTFOUND'), 'check the host in STORE__URL'],
  [failed('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'), 'needs a password: postgres://user'],
  [failed('timeout expired'), 'the server does not answer'],
  [failed('The server does not support SSL connections'), 'remove sslmode'],
])('says of %s what to do', (error, advice) => {
  const { code, message, cause } = postgresError(error, ADDRESS);
  expect(code).toBe('RUNCAST_STORE');
  expect(message).toMatch(`${ADDRESS}: ${error.message}; `);
  expect(message).toContain(advice);
  expect(cause).toBe(error);
});

it('knows a database without a store', () => {
  expect(postgresError(failed('relation "runcast_schema" does not exist', '42P01'), ADDRESS).message).toContain(
    `${ADDRESS} holds no runs`,
  );
});

it('says why a host cannot be reached that has several addresses', () => {
  const refused = failed('connect ECONNREFUSED ::1:5432', 'ECONNREFUSED');
  const error = postgresError(new AggregateError([refused, failed('connect ECONNREFUSED 127.0.0.1:5432')]), ADDRESS);
  expect(error.message).toMatch(`${ADDRESS}: connect ECONNREFUSED ::1:5432; nothing listens there`);
});

it('passes on what it does not know', () => {
  expect(postgresError(failed('deadlock detected', '40P01'), ADDRESS).message).toBe(`${ADDRESS}: deadlock detected`);
});
