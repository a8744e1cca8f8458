// The Redis sink against the contract that every sink keeps, on every server there is: what its stream holds after crashes,
// writes whose answer was lost, and a server that lost its data.
import { createRedisSink, encodeEntry, redisTraits } from '@runcast/redis';
import { describeSinkContract } from '@runcast/testing';
import { afterAll, describe, it } from 'vitest';
import { CuttableProxy } from '../support/cuttable-proxy.ts';
import { describeOnServers } from '../support/describe-on-servers.ts';
import { RedisServer } from '../support/redis-server.ts';

/** Shorter requests are a client introducing itself. */
const LEAST_WRITE_BYTES = 1_000;

interface RedisBackend {
  readonly server: RedisServer;
  readonly proxy: CuttableProxy;
  readonly stream: string;
}

describeOnServers((program) => {
  let shared: Promise<RedisServer> | undefined;
  let streams = 0;
  let run = '';

  afterAll(async () => (await shared)?.end());

  describeSinkContract<RedisBackend>({
    describe,
    it,
    name: 'redis',
    traits: redisTraits,
    prepare: async ({ runId }) => {
      run = runId;
      shared ??= RedisServer.start(program);
      const server = await shared;
      streams += 1;
      return { server, proxy: await CuttableProxy.listen(server.port), stream: `contract-${streams}` };
    },
    createSink: ({ proxy, stream }) => createRedisSink({ url: proxy.redisUrl, stream }),
    readBack: async ({ server, stream }) =>
      (await server.entries(stream)).map((fields) => ({ row: fields.join('\n') })),
    expectedRows: (writer, record) => [{ row: encodeEntry(run, writer, record).join('\n') }],
    // The server does what it was asked, and nobody hears of it.
    failNextWrite: ({ proxy }) => proxy.cutNextAnswer(LEAST_WRITE_BYTES),
    loseBackend: async ({ server }) => {
      await server.call('FLUSHALL');
    },
    release: async ({ proxy }) => proxy.close(),
  });
});
