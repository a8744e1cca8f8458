// The run store in PostgreSQL against the contract that every sink keeps, on the oldest and the newest server there is: what its
// tables hold after crashes, transactions whose end nobody heard of, and a database that lost its rows.
import { createStoreSink, postgresStoreTraits } from '@runcast/store';
import { describeSinkContract } from '@runcast/testing';
import { afterAll, describe, it } from 'vitest';
import { CuttableProxy } from '../support/cuttable-proxy.ts';
import { describeOnPostgres } from '../support/describe-on-postgres.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { expectedRecord, recordText, storedRecords } from '../support/stored-rows.ts';

interface StoreDatabase {
  readonly server: PostgresServer;
  readonly proxy: CuttableProxy;
  readonly schema: string;
  readonly runId: string;
}

describeOnPostgres((program) => {
  let shared: Promise<PostgresServer> | undefined;

  afterAll(async () => (await shared)?.end());

  describeSinkContract<StoreDatabase>({
    describe,
    it,
    name: 'store in PostgreSQL',
    traits: postgresStoreTraits,
    prepare: async ({ runId }) => {
      shared ??= PostgresServer.start(program);
      const server = await shared;
      const schema = await server.createSchema();
      return { server, proxy: await CuttableProxy.listen(server.port), schema, runId };
    },
    createSink: ({ server, proxy, schema }) => createStoreSink({ url: server.urlOf({ schema, port: proxy.port }) }),
    readBack: async ({ server, schema, runId }) =>
      (await storedRecords(server.urlOf({ schema }), runId)).map((record) => ({
        row: recordText(record),
        lane: record.writer,
      })),
    expectedRows: (writer, record) => [{ row: recordText(expectedRecord(writer, record)), lane: writer }],
    // The server has committed, and nobody hears of it.
    failNextWrite: ({ proxy }) => proxy.cutNextAnswer('COMMIT'),
    loseBackend: async ({ server, schema }) => {
      await server.query(
        server.urlOf({ schema }),
        'TRUNCATE runs, run_values, history, key_metrics, records, positions',
      );
    },
    release: async ({ proxy }) => proxy.close(),
  });
});
