/** What can be said of a group of relays from outside: who reads, how far, and how much there is to be read. */

import { readGroupInfo, readStreamInfo, type RedisConnection } from '@runcast/redis';
import type { RelayStatus } from './relay-event.ts';
import { relayKeys } from './relay-keys.ts';

export interface GroupStatus {
  readonly stream: string;
  readonly group: string;
  /** Entries in the stream now. */
  readonly entries: number;
  /** Entries that no relay of the group has made durable; null where the server cannot tell. */
  readonly lag: number | null;
  /** Of the last entry that one has made durable; null where there is no such group yet. */
  readonly position: string | null;
  /** What the relay that reads says of itself; null where none reads. */
  readonly reader: RelayStatus | null;
}

/** Rejects as {@link RedisConnection.call}. */
export async function readGroupStatus(
  connection: RedisConnection,
  stream: string,
  group: string,
): Promise<GroupStatus> {
  const info = await readStreamInfo(connection, stream);
  const own = info === undefined ? undefined : await readGroupInfo(connection, stream, group);
  return {
    stream,
    group,
    entries: info?.length ?? 0,
    lag: own?.lag ?? null,
    position: own?.position ?? null,
    reader: parseStatus(await connection.call('GET', relayKeys(stream, group).status)),
  };
}

function parseStatus(text: unknown): RelayStatus | null {
  const value: unknown = JSON.parse(typeof text === 'string' ? text : 'null');
  return isStatus(value) ? value : null;
}

/** Written by a relay of this program; another version's may say more. */
function isStatus(value: unknown): value is RelayStatus {
  return typeof value === 'object' && value !== null && 'relay' in value && 'backlog' in value;
}
