// The store in PostgreSQL over TLS. What encrypts stands before a real server, as a pooler does, since not every build of a
// server can do so itself; it asks for nothing but the protocol's own request for it. Key and certificate are of no use but here.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { TLSSocket } from 'node:tls';
import { RetryableSinkError } from '@runcast/core';
import { createStoreSink } from '@runcast/store';
import { batchOf, openRecord, sinkContext } from '@runcast/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeOnPostgres } from '../support/describe-on-postgres.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { storedRecords } from '../support/stored-rows.ts';

const FIXTURES = path.join(import.meta.dirname, '..', 'support', 'fixtures');
const certificateFile = path.join(FIXTURES, 'localhost-certificate.pem');
const cert = readFileSync(certificateFile);
const key = readFileSync(path.join(FIXTURES, 'localhost-key.pem'));

/** SSLRequest, https://www.postgresql.org/docs/current/protocol-message-formats.html. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

describeOnPostgres((program) => {
  let server: PostgresServer;
  let front: Server;
  /** What clients have said that was not encrypted. */
  let said: Buffer[] = [];
  let runs = 0;
  let runId = '';

  beforeAll(async () => {
    server = await PostgresServer.start(program, { password: true });
  });

  afterAll(() => server.end());

  beforeEach(async () => {
    said = [];
    runId = `run-${(runs += 1)}`;
    front = createServer((client) => {
      client.on('error', () => client.destroy());
      client.once('data', (request) => {
        said.push(request);
        client.write('S');
        joinEncrypted(new TLSSocket(client, { isServer: true, cert, key }), connect(server.port, '127.0.0.1'));
      });
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
  });

  afterEach(() => {
    front.close();
  });

  function joinEncrypted(client: Socket, plain: Socket): void {
    client.pipe(plain).pipe(client);
    for (const socket of [client, plain]) {
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        client.destroy();
        plain.destroy();
      });
    }
  }

  function url(options: string): string {
    const address = front.address();
    if (typeof address !== 'object' || address === null) throw new TypeError('nothing listens');
    return `${server.urlOf({ port: address.port }).replace('127.0.0.1', 'localhost')}?${options}`;
  }

  async function write(storeUrl: string): Promise<unknown> {
    const sink = createStoreSink({ url: storeUrl });
    await sink.open?.(sinkContext({ runId, runDirectory: '/' }));
    try {
      return await sink.write(batchOf('w1', [openRecord({ run: runId, seq: 0 })]));
    } catch (error) {
      return error;
    } finally {
      await sink.close({ status: 'finished', final: false });
    }
  }

  it('records arrive where the certificate is trusted', async () => {
    expect(await write(url(`sslmode=verify-full&sslrootcert=${encodeURIComponent(certificateFile)}`))).toBeUndefined();
    expect(await storedRecords(server.urlOf(), runId)).toHaveLength(1);
    expect(said).toEqual([SSL_REQUEST]);
  });

  it.each(['require', 'verify-full'])(
    'nothing is said to a server whose certificate is not, by sslmode=%s',
    async (mode) => {
      const refused = await write(url(`sslmode=${mode}`));
      expect(refused).toBeInstanceOf(RetryableSinkError);
      expect(String(refused)).toMatch(/self-signed certificate|DEPTH_ZERO_SELF_SIGNED_CERT/u);
      expect(String(refused)).not.toContain(server.password);
      expect(said).toEqual([SSL_REQUEST]);
    },
  );

  it('a certificate is not looked at by sslmode=no-verify', async () => {
    expect(await write(url('sslmode=no-verify'))).toBeUndefined();
    expect(await storedRecords(server.urlOf(), runId)).toHaveLength(1);
  });

  it('a server that does not encrypt is told nothing either', async () => {
    const refused = await write(`${server.urlOf()}?sslmode=require`);
    expect(refused).toBeInstanceOf(RetryableSinkError);
    expect(String(refused)).toContain('The server does not support SSL connections');
  });
});
