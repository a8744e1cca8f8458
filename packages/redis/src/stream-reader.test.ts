import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScriptedServer } from '../test/scripted-server.ts';
import { RedisConnection } from './connection.ts';
import { compareEntryIds, readEntries, readGroupInfo, readLastEntries, readStreamInfo } from './stream-reader.ts';

let server: ScriptedServer;
let connection: RedisConnection;

beforeAll(async () => {
  server = await ScriptedServer.listen(() => undefined);
  connection = await RedisConnection.open(server.url);
});

afterAll(() => {
  connection.close();
  server.close();
});

describe('a reply that is none', () => {
  it.each([
    '+OK\r\n',
    '*0\r\n',
    '*1\r\n*2\r\n+s\r\n*1\r\n+x\r\n',
    '*1\r\n*2\r\n+s\r\n*1\r\n*2\r\n+1-0\r\n*1\r\n:1\r\n',
  ])('to XREAD is asked for again: %j', async (reply) => {
    server.answer = () => reply;
    await expect(readEntries(connection, 's', '0-0', 10)).rejects.toThrow('answered XREAD with');
  });

  it('to XREVRANGE or XINFO is asked for again', async () => {
    server.answer = () => ':1\r\n';
    await expect(readLastEntries(connection, 's', 10)).rejects.toThrow('answered XREVRANGE with');
    await expect(readStreamInfo(connection, 's')).rejects.toThrow('answered XINFO with');
    server.answer = () => '-LOADING it is back\r\n';
    await expect(readStreamInfo(connection, 's')).rejects.toThrow('loading its data');
  });
});

it('knows no lag that the server does not, and no group that there is not', async () => {
  server.answer = () => '*1\r\n*6\r\n+name\r\n+lab\r\n+last-delivered-id\r\n+5-1\r\n+lag\r\n$-1\r\n';
  expect(await readGroupInfo(connection, 's', 'lab')).toEqual({ position: '5-1', lag: undefined });
  expect(await readGroupInfo(connection, 's', 'other')).toBeUndefined();
});

it.each([
  ['0-0', '0-0', 0],
  ['0-1', '0-2', -1],
  ['5-2', '5-1', 1],
  ['9-9', '10-0', -1],
  ['11-0', '9-9', 1],
  ['1795238781123-18446744073709551615', '1795238781123-18446744073709551614', 1],
  ['5', '5-0', 0],
])('entry ids %s and %s compare as %d', (one, other, order) => {
  expect(compareEntryIds(one, other)).toBe(order);
});
