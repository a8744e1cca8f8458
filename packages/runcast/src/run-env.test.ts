import { readSection } from '@runcast/core';
import { expect, it } from 'vitest';
import { runEnv } from './run-env.ts';

it('reads every variable of the run', () => {
  const env = {
    RUNCAST__DIR: ' /data/runs ',
    RUNCAST__PROJECT: 'demo',
    RUNCAST__RUN_ID: 'run-1',
    RUNCAST__RESUME: 'Must',
    RUNCAST__HOST: 'inline',
    RUNCAST__KEEP_LOG: 'until-delivered',
    RUNCAST__FSYNC: 'close',
    RUNCAST__CLOSE_TIMEOUT_SECS: '1.5',
    RUNCAST__CONTEXT_FILE: '/run/context.json',
    RUNCAST__RANKS: 'zero',
    RUNCAST__SYSTEM_METRICS_SECS: '15',
  };
  const { config } = readSection(runEnv, env);
  expect(config).toEqual({
    dir: '/data/runs',
    project: 'demo',
    run_id: 'run-1',
    resume: 'must',
    host: 'inline',
    keep_log: 'until-delivered',
    fsync: 'close',
    close_timeout_secs: 1.5,
    context_file: '/run/context.json',
    ranks: 'zero',
    system_metrics_secs: 15,
  });
  expect(Object.keys(config ?? {}).toSorted()).toEqual(Object.keys(runEnv.docs).toSorted());
  expect(config).toSatisfy(Object.isFrozen);
});

it.each([
  ['RESUME', 'sometimes', 'expects never or allow or must, holds "sometimes"'],
  ['HOST', 'thread', 'expects worker or inline, holds "thread"'],
  ['KEEP_LOG', 'never', 'expects always or until-delivered, holds "never"'],
  ['FSYNC', 'always', 'expects never or close, holds "always"'],
  ['CLOSE_TIMEOUT_SECS', '86401', 'expects a number of seconds from 0 to 86400, holds "86401"'],
  ['RANKS', 'all', 'expects join or zero, holds "all"'],
  ['DIR', 'a\0b', String.raw`expects text without NUL characters, holds "a\u0000b"`],
])('refuses RUNCAST__%s=%s', (field, value, message) => {
  const variable = `RUNCAST__${field}`;
  expect(readSection(runEnv, { [variable]: value }).problems).toEqual([{ variable, message }]);
});
