/** Records of a Redis stream, as they come. */

import { decodeEntry, readEntries, readLastEntries, RedisConnection, STREAM_START } from '@runcast/redis';
import type { RedisSettings } from './redis-settings.ts';
import type { TailSource } from './tail-source.ts';

const READ_COUNT = 1_000;

/** Rejects, now and when it is read, as a connection does; entries that are no records are passed over. */
export async function tailStream({ url, stream }: RedisSettings, lines: number): Promise<TailSource> {
  let connection = await RedisConnection.open(url);
  let after: string | undefined;
  return {
    read: async () => {
      if (!connection.isOpen) connection = await RedisConnection.open(url);
      const entries =
        after === undefined
          ? await readLastEntries(connection, stream, lines)
          : await readEntries(connection, stream, after, READ_COUNT);
      after = entries.at(-1)?.id ?? after ?? STREAM_START;
      return entries.flatMap(({ fields }) => {
        const decoded = decodeEntry(fields);
        return decoded.ok ? [{ run: decoded.run, writer: decoded.writer, record: decoded.record }] : [];
      });
    },
    close: () => connection.close(),
  };
}
