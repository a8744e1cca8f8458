// Tests that need a Redis server, once for each there is. Without one they are skipped, which fails the run where CI=true:
// `node scripts/python-environment.ts` installs Valkey, and Debian's package redis-tools has Redis.
import { describe } from 'vitest';
import { findRedisPrograms, type RedisProgram } from './redis-server.ts';

const NONE: RedisProgram = { name: 'no server there is', command: '' };

export function describeOnServers(body: (program: RedisProgram) => void): void {
  const programs = findRedisPrograms();
  describe.skipIf(programs.length === 0).each(programs.length === 0 ? [NONE] : programs)('on $name', (program) => {
    body(program);
  });
}
