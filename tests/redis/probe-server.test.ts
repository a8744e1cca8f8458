// What `runcast doctor` says of a server, by trying it.
import { probeServer } from '@runcast/redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnServers } from '../support/describe-on-servers.ts';
import { RedisServer } from '../support/redis-server.ts';

describeOnServers((program) => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start(program);
  });

  afterAll(() => server.end());

  it('answers with the length of the stream, and nothing is left behind', async () => {
    expect(await probeServer(server.url, 's')).toMatch(/answers; s has 0 entries$/u);
    expect(await server.call('DBSIZE')).toBe(0);
    await server.call('XADD', 's', '*', 'a', 'b');
    expect(await probeServer(server.url, 's')).toMatch(/answers; s has 1 entries$/u);
  });

  it('cannot be used with something else at the key', async () => {
    await server.call('SET', 'taken', 'x');
    await expect(probeServer(server.url, 'taken')).rejects.toThrow('holds a string at taken; set REDIS__STREAM');
  });

  it('cannot be used as a replica', async () => {
    await server.call('REPLICAOF', '127.0.0.1', '1');
    await expect(probeServer(server.url, 's')).rejects.toThrow('is a replica: set REDIS__URL to the primary');
    await server.call('REPLICAOF', 'NO', 'ONE');
  });

  it('cannot be used when it is not there', async () => {
    await server.kill();
    await expect(probeServer(server.url, 's')).rejects.toThrow('ECONNREFUSED');
  });
});
