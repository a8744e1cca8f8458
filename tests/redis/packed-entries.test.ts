// Entries as a relay reads them, whatever is in them.
import { readEntries, readPackedEntries, RedisConnection, STREAM_START } from '@runcast/redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnServers } from '../support/describe-on-servers.ts';
import { RedisServer } from '../support/redis-server.ts';

describeOnServers((program) => {
  let server: RedisServer;
  let connection: RedisConnection;

  beforeAll(async () => {
    server = await RedisServer.start(program);
    connection = await RedisConnection.open(server.url);
  });

  afterAll(async () => {
    connection.close();
    await server.end();
  });

  it('are none where there are none', async () => {
    expect(await readPackedEntries(connection, 'nothing', STREAM_START, 10)).toEqual([]);
  });

  it.each([
    ['of any script', ['kind', 'text', 'größe', '😀 \u2028 "quoted" \\ \n']],
    ['with what divides the parts', ['a', 'b\u001Fc']],
    ['with what divides the entries', ['a', 'b\u001Ec']],
    ['that pretend to be two', ['a', 'b\u001E9-9\u001F2\u001Fc\u001Fd']],
    ['without a text', ['', '']],
  ])('%s are those that are there', async (_case, fields) => {
    await server.call('DEL', 's');
    await server.call('XADD', 's', '1-0', 'first', '1');
    await server.call('XADD', 's', '1-1', ...fields);
    await server.call('XADD', 's', '2-0', 'last', '3');
    const entries = await readPackedEntries(connection, 's', STREAM_START, 10);
    expect(entries).toEqual([
      { id: '1-0', fields: ['first', '1'] },
      { id: '1-1', fields },
      { id: '2-0', fields: ['last', '3'] },
    ]);
    expect(await readEntries(connection, 's', STREAM_START, 10)).toEqual(entries);
    expect(await readPackedEntries(connection, 's', '1-0', 1)).toEqual(entries.slice(1, 2));
  });
});
