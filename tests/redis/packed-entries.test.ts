// Entries as a relay reads them, whatever is in them.
import { entryFields, readEntries, readPackedEntries, RedisConnection, STREAM_START } from '@runcast/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

  describe('of steps', () => {
    const fieldsOf = (changes: Readonly<Record<string, string>> = {}): readonly string[] =>
      Object.entries({
        kind: 'step',
        run: 'run-1',
        writer: 'w1',
        seq: '7',
        time: '1795254381.123',
        n: '6',
        step: '5',
        metrics: '{"train/loss":0.5,"größe":"NaN"}',
        ...changes,
      }).flat();

    const add = async (...fields: readonly string[]): Promise<void> => {
      await server.call('DEL', 's');
      await server.call('XADD', 's', '1-0', ...fields);
    };

    it('are lines of their logs', async () => {
      await add(...fieldsOf());
      const [entry] = await readPackedEntries(connection, 's', STREAM_START, 10);
      expect(entry).toMatchObject({
        id: '1-0',
        run: 'run-1',
        writer: 'w1',
        seq: 7,
        line: '{"v":1,"seq":7,"time":1795254381.123,"kind":"step","n":6,"step":5,"metrics":{"train/loss":0.5,"größe":"NaN"}}',
      });
      expect(entry === undefined ? undefined : entryFields(entry)).toEqual(fieldsOf());
    });

    it.each([
      ['a name that could not be a folder', { run: '../run' }],
      ['no run', { run: '' }],
      ['a writer that could not be a file', { writer: 'a/b' }],
      ['a seq that is none', { seq: '1.5' }],
      ['a time that is none', { time: 'now' }],
      ['another record in its metrics', { metrics: '{"a":1}}\n{"v":1,"seq":9,"metrics":{"a":1}' }],
      ['a further member in its metrics', { metrics: '{"a":1},"seq":{"b":9}' }],
      ['metrics that are none', { metrics: '{"a":[1]}' }],
      ['a name with a quote', { metrics: String.raw`{"a\"b":1}` }],
      ['what divides the parts', { metrics: '{"a\u001F":1}' }],
    ])('with %s are left to whoever looks closer', async (_case, changes) => {
      const fields = fieldsOf(changes);
      await add(...fields);
      expect(await readPackedEntries(connection, 's', STREAM_START, 10)).toEqual([{ id: '1-0', fields }]);
    });

    it('with further fields are too', async () => {
      const fields = [...fieldsOf(), 'data', '{"note":1}'];
      await add(...fields);
      expect(await readPackedEntries(connection, 's', STREAM_START, 10)).toEqual([{ id: '1-0', fields }]);
    });
  });
});
