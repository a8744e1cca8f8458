// The servers that other tests are played on: what was committed outlives a kill, and a pause answers nothing.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnPostgres } from '../support/describe-on-postgres.ts';
import { PostgresServer, withPostgres } from '../support/postgres-server.ts';

describeOnPostgres((program) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await PostgresServer.start(program, { password: true });
  });

  afterAll(() => server.end());

  it('keeps what was committed when it is killed, and nothing else', async () => {
    const url = server.urlOf({ database: await server.createDatabase() });
    await server.query(url, 'CREATE TABLE numbers (number integer)');
    await server.query(url, 'INSERT INTO numbers VALUES (1)');
    await withPostgres(url, async (client) => {
      await client.query('BEGIN');
      await client.query('INSERT INTO numbers VALUES (2)');
      await server.kill();
      await expect(client.query('COMMIT')).rejects.toThrow(/terminated|not queryable|ECONNRESET/u);
    });
    await expect(server.query(url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
    await server.startAgain();
    expect(await server.query(url, 'SELECT number FROM numbers')).toEqual([{ number: 1 }]);
  });

  it('answers no connection while it is paused', async () => {
    await withPostgres(server.urlOf(), async (client) => {
      await client.query('SELECT 1');
      await server.pause();
      const answer = client.query('SELECT 2 AS number');
      expect(await Promise.race([answer, delay(200, 'nothing')])).toBe('nothing');
      server.goOn();
      expect((await answer).rows).toEqual([{ number: 2 }]);
    });
  });

  it('asks for the password', async () => {
    await expect(server.query(server.urlOf({ password: 'openbarley' }), 'SELECT 1')).rejects.toThrow('password');
  });
});
