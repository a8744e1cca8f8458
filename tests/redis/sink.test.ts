// The Redis sink on real servers that refuse, die, lose what they had and come back: what it says, and what is in the stream
// in the end.
import { PositionLostError, RetryableSinkError, TerminalSinkError, type JsonValue, type Sink } from '@runcast/core';
import { createRedisSink, decodeEntry } from '@runcast/redis';
import { batchOf, closeRecord, sinkContext, stepRecord } from '@runcast/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { CuttableProxy } from '../support/cuttable-proxy.ts';
import { describeOnServers } from '../support/describe-on-servers.ts';
import { RedisServer, type RedisServerOptions } from '../support/redis-server.ts';

const STREAM = 'sink';
const CONTEXT = sinkContext({ runId: 'run-1', runDirectory: '/' });

function steps(from: number, count: number, writer = 'w1'): ReturnType<typeof batchOf> {
  const records = Array.from({ length: count }, (_, index) =>
    stepRecord({ seq: from + index, n: from + index + 1, step: from + index }),
  );
  return batchOf(writer, records);
}

describeOnServers((program) => {
  const ends: (() => unknown)[] = [];

  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  async function start(options?: RedisServerOptions): Promise<RedisServer> {
    const server = await RedisServer.start(program, options);
    ends.push(() => server.end());
    return server;
  }

  async function openSink(url: string, position?: JsonValue): Promise<Sink> {
    const sink = createRedisSink({ url, stream: STREAM });
    ends.push(() => sink.close({ status: 'finished', final: true }));
    await sink.open?.({ ...CONTEXT, position });
    return sink;
  }

  async function seqs(server: RedisServer, writer = 'w1'): Promise<readonly number[]> {
    const decoded = (await server.entries(STREAM)).map((fields) => decodeEntry(fields));
    return decoded.flatMap((entry) => (entry.ok && entry.writer === writer ? [entry.record.seq] : []));
  }

  function seqsTo(count: number): readonly number[] {
    return Array.from({ length: count }, (_, seq) => seq);
  }

  /** What the first write comes to. */
  async function refusal(url: string): Promise<unknown> {
    const sink = await openSink(url);
    return (async () => sink.write(steps(0, 1)))().catch((error: unknown) => error);
  }

  describe('a server that refuses', () => {
    it('for want of a password, or with a wrong one, ends the sink without showing it', async () => {
      const server = await start({ password: 'opensesame' });
      const open = server.url.replace(':opensesame@', '');
      const [without, wrong] = [await refusal(open), await refusal(server.url.replace('opensesame', 'openbarley'))];
      for (const error of [without, wrong]) {
        expect(error).toBeInstanceOf(TerminalSinkError);
        expect(String(error)).not.toMatch(/opensesame|openbarley/u);
      }
      expect(String(without)).toContain('NOAUTH');
      expect(String(wrong)).toContain('WRONGPASS');
      expect(await refusal(server.url)).toBeUndefined();
    });

    it('lets a user in that has just the commands and keys it needs, and no other', async () => {
      const server = await start();
      const needed = '+eval +xadd +hget +hset +hmget +client|setname +info +select';
      await server.call(
        'ACL',
        'SETUSER',
        'trainer',
        'on',
        '>secret',
        `~${STREAM}`,
        `~{${STREAM}}:*`,
        ...needed.split(' '),
      );
      await server.call('ACL', 'SETUSER', 'guest', 'on', '>secret', '~*', '+client|setname', '+info', '+select');
      const as = (user: string): string => server.url.replace('redis://', `redis://${user}:secret@`);
      const sink = await openSink(as('trainer'));
      await sink.write(steps(0, 3));
      // Whatever it may not ask about durability is not its business.
      await sink.flush();
      expect(await seqs(server)).toEqual([0, 1, 2]);
      const refused = await refusal(as('guest'));
      expect(refused).toBeInstanceOf(TerminalSinkError);
      expect(String(refused)).toMatch(/NOPERM.*grant/su);
    });

    it('because something else is at the key ends the sink', async () => {
      const server = await start();
      await server.call('SET', STREAM, 'mine');
      const error = await refusal(server.url);
      expect(error).toBeInstanceOf(TerminalSinkError);
      expect(String(error)).toContain('set REDIS__STREAM to another name');
      expect(await server.call('GET', STREAM)).toBe('mine');
    });

    it('the database ends the sink, and nothing goes to another one', async () => {
      const server = await start();
      expect(await refusal(server.url.replace(/0$/u, '99'))).toBeInstanceOf(TerminalSinkError);
      expect(await server.call('DBSIZE')).toBe(0);
    });

    it('for want of memory is asked again, and takes each record once when it has some', async () => {
      const server = await start();
      const sink = await openSink(server.url);
      await sink.write(steps(0, 10));
      await server.call('CONFIG', 'SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction');
      const refused = (async () => sink.write(steps(10, 1200)))();
      await expect(refused).rejects.toThrow(RetryableSinkError);
      await expect(refused).rejects.toThrow(/OOM.*REDIS__MAX_LEN/u);
      expect(await seqs(server)).toEqual(seqsTo(10));
      await server.call('CONFIG', 'SET', 'maxmemory', '0');
      await sink.write(steps(10, 1200));
      expect(await seqs(server)).toEqual(seqsTo(1210));
    });

    it('as a replica is asked again on a new connection, which may lead to its successor', async () => {
      const server = await start();
      await server.call('REPLICAOF', '127.0.0.1', '1');
      const sink = await openSink(server.url);
      await expect((async () => sink.write(steps(0, 1)))()).rejects.toThrow(/READONLY.*primary/u);
      await server.call('REPLICAOF', 'NO', 'ONE');
      await sink.write(steps(0, 1));
      expect(await seqs(server)).toEqual([0]);
    });

    it('connections is asked again', async () => {
      const server = await start();
      await server.kill();
      const error = await refusal(server.url);
      expect(error).toBeInstanceOf(RetryableSinkError);
      expect(String(error)).toContain('ECONNREFUSED');
    });
  });

  describe('a connection that is cut', () => {
    it.each(['request', 'answer'] as const)('before the %s leaves each record once', async (where) => {
      const server = await start();
      const proxy = await CuttableProxy.listen(server.port);
      ends.push(() => proxy.close());
      const sink = await openSink(proxy.redisUrl);
      await sink.write(steps(0, 700));
      if (where === 'request') proxy.cutNextRequest(1000);
      else proxy.cutNextAnswer(1000);
      await expect((async () => sink.write(steps(700, 700)))()).rejects.toThrow(RetryableSinkError);
      await sink.write(steps(700, 700));
      expect(await seqs(server)).toEqual(seqsTo(1400));
    });
  });

  describe('a server that comes back', () => {
    it('with everything is written to as before', async () => {
      const server = await start({ persistence: 'always' });
      const sink = await openSink(server.url);
      await sink.write(steps(0, 600));
      await server.kill();
      await expect((async () => sink.write(steps(600, 10)))()).rejects.toThrow(RetryableSinkError);
      await server.startAgain();
      await sink.write(steps(600, 10));
      expect(await seqs(server)).toEqual(seqsTo(610));
    });

    it('without its data is found out by the first call, whatever that is, for every writer', async () => {
      const server = await start();
      for (const call of ['write', 'flush', 'tick'] as const) {
        const sink = await openSink(server.url);
        await sink.write(steps(0, 5));
        await sink.write(steps(0, 3, 'w2'));
        await server.kill();
        await server.startAgain();
        const found = async (): Promise<unknown> => {
          if (call === 'write') return sink.write(steps(3, 1, 'w2'));
          return call === 'flush' ? sink.flush() : sink.tick?.(0);
        };
        const error = await found().catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(PositionLostError);
        const held = new Map([
          ['w1', -1],
          ['w2', -1],
        ]);
        expect(error).toMatchObject({ held });
        expect(sink.position?.()).toEqual({ held: { w1: -1, w2: -1 } });
        await sink.write(steps(0, 5));
        await sink.write(steps(0, 4, 'w2'));
        expect(await seqs(server)).toEqual(seqsTo(5));
        expect(await seqs(server, 'w2')).toEqual(seqsTo(4));
        await sink.flush();
        await server.call('FLUSHALL');
      }
    });

    it('without its data although the connection held, is found out by the next write', async () => {
      const server = await start();
      const sink = await openSink(server.url);
      await sink.write(steps(0, 5));
      await server.call('FLUSHALL');
      await expect((async () => sink.write(steps(5, 1200)))()).rejects.toMatchObject({ held: new Map([['w1', -1]]) });
      expect(await server.entries(STREAM)).toEqual([]);
    });

    it('is asked again by the next heartbeat while it is down', async () => {
      const server = await start();
      const sink = await openSink(server.url);
      await sink.tick?.(0);
      await sink.write(steps(0, 1));
      await server.kill();
      await expect((async () => sink.flush())()).rejects.toThrow(RetryableSinkError);
      await sink.tick?.(0);
      await server.startAgain(['--requirepass', 'new']);
      await expect((async () => sink.tick?.(0))()).rejects.toThrow(TerminalSinkError);
    });
  });

  it('has everything in the append-only file when a flush returns', async () => {
    const server = await start({ persistence: 'everysec' });
    const sink = await openSink(server.url);
    await sink.write(steps(0, 100));
    await sink.flush();
    // Redis before 7.2 cannot be asked, and forces the file to the disk within about a second.
    const canBeAsked = [await server.call('COMMAND', 'INFO', 'WAITAOF')].flat().some((command) => command !== null);
    await server.kill();
    await server.startAgain();
    const kept = await seqs(server);
    expect(canBeAsked ? kept : [...kept, ...seqsTo(100)].slice(0, 100)).toEqual(seqsTo(100));
  });

  it('keeps about as many entries as it is told', async () => {
    const server = await start();
    const sink = createRedisSink({ url: server.url, stream: STREAM, maxLen: 1000 });
    ends.push(() => sink.close({ status: 'finished', final: true }));
    await sink.open?.(CONTEXT);
    await sink.write(steps(0, 5000));
    await sink.write(batchOf('w1', [closeRecord({ seq: 5000 })]));
    const kept = await seqs(server);
    expect(kept.length).toBeGreaterThanOrEqual(1000);
    expect(kept.length).toBeLessThan(1200);
    expect(kept.at(-1)).toBe(5000);
  });

  it('takes the position of another stream for one that is lost', async () => {
    const server = await start();
    const sink = await openSink(server.url, { held: { w1: 7 } });
    await expect((async () => sink.write(steps(8, 1)))()).rejects.toMatchObject({ held: new Map([['w1', -1]]) });
    await expect(openSink(server.url, { length: 7 })).rejects.toThrow(PositionLostError);
  });
});
