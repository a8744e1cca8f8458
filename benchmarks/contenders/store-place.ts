/** Where a contender's run store is: a file in its directory, or a database on a server that is started for it. */

import { statSync } from 'node:fs';
import path from 'node:path';
import { PostgresServer } from '../../tests/support/postgres-server.ts';

export interface StorePlace {
  readonly url: string;
  /** What it takes on the disk, without what the database keeps of its own. */
  readonly bytes: () => Promise<number>;
  readonly end: () => Promise<void>;
}

/** @param installation Of PostgreSQL; a SQLite file where left out. */
export async function openStorePlace(directory: string, installation: string | undefined): Promise<StorePlace> {
  if (installation === undefined) {
    const file = path.join(directory, 'runcast.db');
    return {
      url: `sqlite:${file}`,
      bytes: () => Promise.resolve(statSync(file).size),
      end: () => Promise.resolve(),
    };
  }
  const settings = ['fsync=on', 'shared_buffers=128MB', 'max_wal_size=1GB'];
  const server = await PostgresServer.start({ name: 'the server', installation }, { settings });
  const url = server.urlOf();
  return {
    url,
    bytes: async () => {
      const [row] = await server.query(
        url,
        `SELECT sum(pg_total_relation_size(pg_class.oid)) AS bytes FROM pg_class
         JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'public' AND relkind = 'r'`,
      );
      return Number(row?.['bytes']);
    },
    end: () => server.end(),
  };
}
