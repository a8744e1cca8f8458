// The sink and the command over TLS, with user and password in the URL. What ends the encryption stands before a real server,
// as it often does, since not every build of a server can do so itself. Key and certificate are of no use but here.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { createServer, getCACertificates, setDefaultCACertificates, type Server } from 'node:tls';
import { RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { createRedisSink, decodeEntry } from '@runcast/redis';
import { batchOf, sinkContext, stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOnServers } from '../support/describe-on-servers.ts';
import { RedisServer } from '../support/redis-server.ts';

const BIN = path.join(import.meta.dirname, '..', '..', 'packages', 'runcast', 'src', 'bin.ts');
const STREAM = 'sink';
const RULES = ['on', '>opensesame', `~${STREAM}`, `~{${STREAM}}:*`, '+@all'];
const certificateFile = path.join(import.meta.dirname, '..', 'support', 'fixtures', 'localhost-certificate.pem');
const cert = readFileSync(certificateFile, 'utf8');
const key = readFileSync(path.join(import.meta.dirname, '..', 'support', 'fixtures', 'localhost-key.pem'), 'utf8');

describeOnServers((program) => {
  const trusted = getCACertificates();
  let server: RedisServer;
  let front: Server;

  beforeEach(async () => {
    server = await RedisServer.start(program);
    await server.call('ACL', 'SETUSER', 'trainer', ...RULES);
    front = createServer({ cert, key }, (client) => {
      const plain = connect(server.port, '127.0.0.1');
      client.pipe(plain).pipe(client);
      for (const socket of [client, plain]) socket.on('error', () => socket.destroy());
    });
    front.on('tlsClientError', () => undefined);
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
  });

  afterEach(async () => {
    setDefaultCACertificates(trusted);
    front.close();
    await server.end();
  });

  function url(password: string): string {
    const address = front.address();
    if (typeof address !== 'object' || address === null) throw new TypeError('nothing listens');
    return `rediss://trainer:${password}@localhost:${address.port}/0`;
  }

  async function write(password: string): Promise<unknown> {
    const sink = createRedisSink({ url: url(password), stream: STREAM });
    await sink.open?.(sinkContext({ runId: 'run-1', runDirectory: '/' }));
    try {
      return await sink.write(batchOf('w1', [stepRecord({ seq: 0 })]));
    } catch (error) {
      return error;
    } finally {
      await sink.close({ status: 'finished', final: true });
    }
  }

  it('records arrive where the certificate is trusted, as that user', async () => {
    setDefaultCACertificates([...trusted, cert]);
    expect(await write('opensesame')).toBeUndefined();
    const [entry = []] = await server.entries(STREAM);
    expect(decodeEntry(entry)).toMatchObject({ ok: true, run: 'run-1', writer: 'w1', record: { seq: 0 } });
    const refused = await write('openbarley');
    expect(refused).toBeInstanceOf(TerminalSinkError);
    expect(String(refused)).toMatch(/rediss:\/\/localhost:.*WRONGPASS/su);
  });

  it('nothing is said to a server whose certificate is not', async () => {
    const refused = await write('opensesame');
    expect(refused).toBeInstanceOf(RetryableSinkError);
    expect(String(refused)).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(String(refused)).not.toContain('opensesame');
    expect(await server.call('EXISTS', STREAM)).toBe(0);
  });

  it('the command trusts what NODE_EXTRA_CA_CERTS names', async () => {
    const doctor = spawn(process.execPath, ['--conditions=runcast-source', BIN, 'doctor'], {
      cwd: server.folder,
      env: {
        ...process.env,
        NODE_EXTRA_CA_CERTS: certificateFile,
        REDIS__ENABLED: 'true',
        REDIS__URL: url('opensesame'),
        REDIS__STREAM: STREAM,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = await text(doctor.stdout);
    expect(output).toMatch(/rediss:\/\/localhost:\d+\/0 answers; sink has 0 entries/u);
    expect(output).not.toContain('opensesame');
  });
});
