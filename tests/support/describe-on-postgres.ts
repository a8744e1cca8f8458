// Tests that need a PostgreSQL server, on the oldest and the newest there is. Without one they are skipped, which fails the run
// where CI=true: `node scripts/python-environment.ts` installs two.
import { describe } from 'vitest';
import { findPostgresPrograms, type PostgresProgram } from './postgres-server.ts';

const NONE: PostgresProgram = { name: 'no PostgreSQL there is', installation: '' };

export function describeOnPostgres(body: (program: PostgresProgram) => void): void {
  const programs = findPostgresPrograms();
  describe.skipIf(programs.length === 0).each(programs.length === 0 ? [NONE] : programs)('on $name', (program) => {
    body(program);
  });
}
