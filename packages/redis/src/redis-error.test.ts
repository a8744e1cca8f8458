import { RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { expect, it } from 'vitest';
import { redisError } from './redis-error.ts';

const ADDRESS = 'redis://host:6379/0';

it.each([
  ['NOAUTH Authentication required.', /redis:\/\/:password@host/u],
  ['WRONGPASS invalid username-password pair or user is disabled.', /user and password/u],
  ['ERR invalid password', /user and password/u],
  ["NOPERM User joe has no permissions to run the 'eval' command", /grant/u],
  [
    'WRONGTYPE Operation against a key holding the wrong kind of value script: 0a1b, on @user_script:2.',
    /REDIS__STREAM/u,
  ],
  ['ERR DB index is out of range', /database/u],
  ['MOVED 3999 127.0.0.1:6381', /cluster/u],
  ["ERR unknown command 'EVAL', with args beginning with:", /Redis 7/u],
])('%s ends the sink and says what to do', (message, advice) => {
  const error = redisError(new Error(message), ADDRESS);
  expect(error).toBeInstanceOf(TerminalSinkError);
  expect(error.message).toMatch(advice);
  expect(error.message.startsWith(`${ADDRESS}: `)).toBe(true);
  expect(error.message).not.toContain('script:');
});

it.each([
  ["OOM command not allowed when used memory > 'maxmemory'. script: on @user_script:1.", /REDIS__MAX_LEN/u],
  ["READONLY You can't write against a read only replica.", /primary/u],
  ['LOADING Redis is loading the dataset in memory', /loading its data/u],
  ['MISCONF Errors writing to the AOF file', /its log/u],
  ['Connection is closed.', /Connection is closed\.$/u],
])('%s passes', (message, advice) => {
  const error = redisError(new Error(message), ADDRESS);
  expect(error).toBeInstanceOf(RetryableSinkError);
  expect(error.message).toMatch(advice);
});

it('says the code of what the system says', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
  expect(redisError(refused, ADDRESS).message).toBe(`${ADDRESS}: connect ECONNREFUSED 127.0.0.1:1`);
  const tls = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  expect(redisError(tls, ADDRESS).message).toBe(`${ADDRESS}: DEPTH_ZERO_SELF_SIGNED_CERT self-signed certificate`);
});

it('takes nothing of the command along', () => {
  const reply = Object.assign(new Error('WRONGPASS no'), { command: { name: 'auth', args: ['opensesame'] } });
  const error = redisError(reply, ADDRESS);
  expect(error.cause).toBeUndefined();
  expect(JSON.stringify(Object.entries(error))).not.toContain('opensesame');
});
