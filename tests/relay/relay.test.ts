// Relays on real servers: what is in their directories and files when they stop, die, take over from one another, and when
// the server does.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError, TerminalSinkError, type RecordBatch } from '@runcast/core';
import { readGroupStatus } from '@runcast/relay';
import { readGroupInfo, withRedis } from '@runcast/redis';
import { listRuns, readManifest, runDirectory } from '@runcast/runlog';
import { batchOf, closeRecord, openRecord, stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi, type Mock } from 'vitest';
import { CuttableProxy } from '../support/cuttable-proxy.ts';
import { describeOnServers } from '../support/describe-on-servers.ts';
import { GROUP, loggedBy, RelayStage, rowsOf, seqsOf, STREAM } from './relay-stage.ts';

const TAKEOVER_MS = 5_000;

function opening(run: string, writer = 'w1'): RecordBatch {
  return batchOf(writer, [openRecord({ run, writer, seq: 0, project: 'demo' })]);
}

function steps(from: number, count: number, writer = 'w1'): RecordBatch {
  const records = Array.from({ length: count }, (_, index) =>
    stepRecord({ seq: from + index, n: from + index, step: from + index }),
  );
  return batchOf(writer, records);
}

function closing(seq: number, writer = 'w1'): RecordBatch {
  return batchOf(writer, [closeRecord({ seq, time: stepRecord().time + 1 })]);
}

/** The next file to be forced to the disk, by whomever, waits for what this is told. */
async function heldSync(place: string): Promise<PromiseWithResolvers<void> & { readonly sync: Mock }> {
  const handle = await open(path.join(place, 'any'), 'w');
  await handle.close();
  const files = Reflect.getPrototypeOf(handle);
  if (!isFileHandle(files)) throw new Error('files are no objects of a class of their own');
  const held = Promise.withResolvers<void>();
  const sync = vi.spyOn(files, 'sync').mockImplementationOnce(() => held.promise);
  onTestFinished(() => {
    held.resolve();
    sync.mockRestore();
  });
  return { ...held, sync };
}

function isFileHandle(value: object | null): value is FileHandle {
  return value !== null && 'sync' in value;
}

describeOnServers((program) => {
  let stage: RelayStage;

  beforeEach(async () => {
    stage = await RelayStage.open(program);
  });

  afterEach(() => stage.end());

  const ended = (run: string, count = 1000): readonly RecordBatch[] => [
    opening(run),
    steps(1, count),
    closing(count + 1),
  ];

  async function status(): ReturnType<typeof readGroupStatus> {
    return withRedis(stage.server.url, (connection) => readGroupStatus(connection, STREAM, GROUP));
  }

  /** The last entry that the group has said to be durable. */
  async function acknowledged(): Promise<string | undefined> {
    return withRedis(
      stage.server.url,
      async (connection) => (await readGroupInfo(connection, STREAM, GROUP))?.position,
    );
  }

  /** Waits until the relay that reads says this of itself. */
  function reads(said: object): Promise<void> {
    return vi.waitFor(async () => expect((await status()).reader).toMatchObject(said), { timeout: 20_000 });
  }

  it('has nothing to say of a stream that there is not', async () => {
    const nothing = { stream: STREAM, group: GROUP, entries: 0, lag: null, position: null, reader: null };
    expect(await status()).toEqual(nothing);
  });

  it('carries every record to its own log and to the sinks, and settles runs that have ended', async () => {
    const [one, two] = [ended('run-1'), [...ended('run-2', 5000), steps(0, 10, 'w2')]];
    await stage.publish('run-1', ...one);
    await stage.publish('run-2', ...two);
    const relay = stage.relay('a');
    expect(await stage.rows(relay, 'run-1', one)).toEqual(seqsOf(one));
    expect(await stage.rows(relay, 'run-2', two)).toEqual(seqsOf(two));
    expect(loggedBy(relay, 'run-1', 'w1')).toEqual(one.flatMap(({ records }) => records));
    await vi.waitFor(() =>
      expect(readManifest(runDirectory(relay.dir, 'run-1'))).toMatchObject({
        settled: true,
        project: 'demo',
        sinks: ['jsonl'],
      }),
    );
    await stage.publish('run-2', steps(10, 5, 'w2'));
    expect(await stage.rows(relay, 'run-2', [...two, steps(10, 5, 'w2')])).toEqual(
      seqsOf([...two, steps(10, 5, 'w2')]),
    );
    expect(await relay.stop()).toEqual({ owingRuns: 0 });
  });

  it('delivers what it has read before it leaves, and goes on where it was', async () => {
    const all = ended('run-1', 20_000);
    const first = stage.relay('a', { machine: 'm' });
    await first.said('active');
    await stage.publish('run-1', ...all.slice(0, 2));
    await vi.waitFor(async () => expect((await status()).lag).toBe(0), { timeout: 20_000 });
    expect(await first.stop()).toEqual({ owingRuns: 0 });
    expect(rowsOf(first, 'run-1')).toEqual(seqsOf(all.slice(0, 2)));
    expect(await status()).toMatchObject({ reader: null, lag: 0, entries: 20_001 });
    await stage.publish('run-1', ...all);
    const second = stage.relay('b', { machine: 'm' });
    expect(await stage.rows(second, 'run-1', all)).toEqual(seqsOf(all));
    await reads({ relay: 'b', lag: 0, missed: 0 });
  });

  it('has one reader, and another that is there within five seconds', async () => {
    const proxy = await CuttableProxy.listen(stage.server.port);
    const first = stage.relay('a', { url: proxy.redisUrl });
    await first.said('active');
    const second = stage.relay('b');
    await second.said('standby');
    await stage.publish('run-1', ...ended('run-1').slice(0, 2));
    expect(await stage.rows(first, 'run-1', ended('run-1').slice(0, 2))).toEqual(seqsOf(ended('run-1').slice(0, 2)));
    expect(rowsOf(second, 'run-1')).toEqual({});
    await reads({ relay: 'a', lag: 0, records: 1001 });
    const started = performance.now();
    await proxy.close();
    await second.said('active');
    expect(performance.now() - started).toBeLessThan(TAKEOVER_MS);
    // On another machine nothing of the run is there: it is read again from the stream's start.
    await stage.publish('run-1', closing(1001));
    expect(await stage.rows(second, 'run-1', ended('run-1'))).toEqual(seqsOf(ended('run-1')));
    await reads({ relay: 'b' });
    const tokens = [first, second].map(({ events }) => events.find((event) => event.type === 'active'));
    expect(tokens).toMatchObject([{ token: 1 }, { token: 2 }]);
  });

  it('takes over at once from one that leaves', async () => {
    const first = stage.relay('a');
    await first.said('active');
    const second = stage.relay('b');
    await second.said('standby');
    const started = performance.now();
    await first.stop();
    await second.said('active');
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(await second.stop()).toEqual({ owingRuns: 0 });
  });

  it('stops while it waits', async () => {
    const first = stage.relay('a');
    await first.said('active');
    const second = stage.relay('b', { machine: 'a' });
    await second.said('standby');
    expect(await second.stop()).toEqual({ owingRuns: 0 });
    expect(second.events.map(({ type }) => type)).toEqual(['standby']);
  });

  it('sets aside what is no record, with the reason, once', async () => {
    const relay = stage.relay('a', { machine: 'm' });
    await relay.said('active');
    await stage.server.call('XADD', STREAM, '*', 'temperature', '21');
    await stage.publish('run-1', opening('run-1'), steps(1, 5));
    await stage.server.call('XADD', STREAM, '*', 'kind', 'step', 'run', '../escape', 'writer', 'w1', 'seq', '0');
    await stage.publish('RUN-1', opening('RUN-1'));
    await stage.publish('run-1', closing(6));
    expect(await stage.rows(relay, 'run-1', ended('run-1', 5))).toEqual(seqsOf(ended('run-1', 5)));
    await relay.stop();
    // It reads the last minute again.
    stage.relay('b', { machine: 'm' });
    await reads({ relay: 'b', repeated: 7 });
    const letters = readFileSync(path.join(relay.dir, 'dead-letters.jsonl'), 'utf8').trimEnd().split('\n');
    expect(letters).toHaveLength(3);
    expect(letters[0]).toContain('not an entry of Runcast');
    expect(letters[1]).toContain('"fields":["kind","step","run","../escape"');
    expect(letters[2]).toContain('only in case');
    expect(listRuns(relay.dir)).toEqual(['run-1']);
  });

  it('writes a record once that the stream has twice', async () => {
    const relay = stage.relay('a');
    await stage.publish('run-1', opening('run-1'), steps(1, 100));
    expect(await stage.rows(relay, 'run-1', [opening('run-1'), steps(1, 100)])).toEqual(
      seqsOf([opening('run-1'), steps(1, 100)]),
    );
    await stage.server.call('DEL', `{${STREAM}}:positions`);
    await stage.publish('run-1', opening('run-1'), steps(1, 120));
    expect(await stage.rows(relay, 'run-1', [opening('run-1'), steps(1, 120)])).toEqual(
      seqsOf([opening('run-1'), steps(1, 120)]),
    );
    expect(await stage.server.call('XLEN', STREAM)).toBe(222);
  });

  describe('a server that dies', () => {
    it('and comes back empty is read from its start again, whatever it gives out', async () => {
      const relay = stage.relay('a');
      await stage.publish('run-1', opening('run-1'), steps(1, 100));
      expect(await stage.rows(relay, 'run-1', [opening('run-1'), steps(1, 100)])).toEqual(
        seqsOf([opening('run-1'), steps(1, 100)]),
      );
      await stage.server.kill();
      await relay.said('trouble');
      await stage.server.startAgain();
      // As after a failover to a machine whose clock is behind.
      await stage.server.call('XADD', STREAM, '1-1', 'an', 'early one');
      await relay.said('deadLetter');
      await stage.publish('run-1', opening('run-1'), steps(1, 150));
      expect(await stage.rows(relay, 'run-1', [opening('run-1'), steps(1, 150)])).toEqual(
        seqsOf([opening('run-1'), steps(1, 150)]),
      );
    });

    it('or is flushed, makes no difference to what was read', async () => {
      const relay = stage.relay('a');
      await stage.publish('run-1', opening('run-1'), steps(1, 100));
      expect(await stage.rows(relay, 'run-1', [opening('run-1'), steps(1, 100)])).toEqual(
        seqsOf([opening('run-1'), steps(1, 100)]),
      );
      await stage.server.call('FLUSHALL');
      await stage.publish('run-1', opening('run-1'), steps(1, 150), closing(151));
      expect(await stage.rows(relay, 'run-1', ended('run-1', 150))).toEqual(seqsOf(ended('run-1', 150)));
      await reads({ relay: 'a' });
    });
  });

  it.each([
    ['has no memory left', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0'], 'OOM'],
    ['is a replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE'], 'READONLY'],
  ] as const)('waits while the server %s', async (_, [trouble, ...how], [mending, ...back], problem) => {
    await stage.publish('run-1', ...ended('run-1'));
    await stage.server.call(trouble, ...how);
    const relay = stage.relay('a');
    await relay.said('trouble');
    expect(JSON.stringify(relay.events)).toContain(problem);
    await stage.server.call(mending, ...back);
    expect(await stage.rows(relay, 'run-1', ended('run-1'))).toEqual(seqsOf(ended('run-1')));
  });

  it('counts what was trimmed before it could be read', async () => {
    const relay = stage.relay('a', { machine: 'm' });
    await stage.publish('run-1', opening('run-1'), steps(1, 100));
    expect(await stage.rows(relay, 'run-1', [opening('run-1'), steps(1, 100)])).toEqual(
      seqsOf([opening('run-1'), steps(1, 100)]),
    );
    await relay.stop();
    await stage.publish('run-1', steps(101, 1000));
    await stage.server.call('XTRIM', STREAM, 'MAXLEN', '=', '400');
    const again = stage.relay('b', { machine: 'm' });
    await again.said('missed');
    expect(again.events.find((event) => event.type === 'missed')).toEqual({ type: 'missed', entries: 600 });
    expect(await stage.rows(again, 'run-1', [opening('run-1'), steps(1, 100), steps(701, 400)])).toEqual(
      seqsOf([opening('run-1'), steps(1, 100), steps(701, 400)]),
    );
  });

  it('waits for a disk that takes nothing', async () => {
    const relay = stage.relay('a');
    await relay.said('active');
    const inTheWay = path.join(relay.dir, 'run-1');
    writeFileSync(inTheWay, '');
    await stage.publish('run-1', ...ended('run-1'));
    await relay.said('trouble');
    const trouble = relay.events.find((event) => event.type === 'trouble');
    expect(trouble?.message).toMatch(/^the directory takes nothing/u);
    rmSync(inTheWay);
    expect(await stage.rows(relay, 'run-1', ended('run-1'))).toEqual(seqsOf(ended('run-1')));
  });

  it('reads on while the disk takes its time, and acknowledges nothing that it has refused', async () => {
    const disk = await heldSync(stage.place);
    const batches = [opening('run-1'), ...[0, 1, 2].map((part) => steps(1 + part * 500, 500))];
    await stage.publish('run-1', ...batches);
    const relay = stage.relay('a');
    expect(await stage.rows(relay, 'run-1', batches)).toEqual(seqsOf(batches));
    expect(disk.sync).toHaveBeenCalledTimes(1);
    expect(await acknowledged()).toBe('0-0');
    disk.reject(new Error('EIO'));
    await relay.said('trouble');
    expect(relay.events.find((event) => event.type === 'trouble')?.message).toBe('the directory takes nothing: EIO');
    expect(await relay.stop()).toMatchObject({ owingRuns: 0 });
    expect(await acknowledged()).not.toBe('0-0');
  });

  it('acknowledges nothing once another reads, also when its disk answers only then', async () => {
    const disk = await heldSync(stage.place);
    await stage.publish('run-1', ...ended('run-1'));
    const relay = stage.relay('a');
    expect(await stage.rows(relay, 'run-1', ended('run-1'))).toEqual(seqsOf(ended('run-1')));
    await stage.server.call('SET', `{${STREAM}}:relay:near:lock`, '99 somebody', 'PX', 500);
    disk.resolve();
    await relay.said('standby');
    expect(await acknowledged()).toBe('0-0');
    await vi.waitFor(async () => expect(await acknowledged()).not.toBe('0-0'), { timeout: 20_000 });
    expect(await relay.stop()).toMatchObject({ owingRuns: 0 });
  });

  it('waits where the stream is removed, and reads what comes to it then', async () => {
    const relay = stage.relay('a');
    await relay.said('active');
    await stage.server.call('DEL', STREAM);
    await relay.said('trouble');
    await stage.publish('run-1', ...ended('run-1'));
    expect(await stage.rows(relay, 'run-1', ended('run-1'))).toEqual(seqsOf(ended('run-1')));
  });

  it('needs just the commands and keys that its page lists', async () => {
    const commands = 'eval xrange xinfo xgroup exists get set del incr pexpire hget hset info select client|setname';
    const rules = [`~${STREAM}`, `~{${STREAM}}:*`, ...commands.split(' ').map((command) => `+${command}`)];
    await stage.server.call('ACL', 'SETUSER', 'relay', 'on', '>secret', ...rules);
    const relay = stage.relay('a', { url: stage.server.url.replace('redis://', 'redis://relay:secret@') });
    await stage.publish('run-1', ...ended('run-1'));
    expect(await stage.rows(relay, 'run-1', ended('run-1'))).toEqual(seqsOf(ended('run-1')));
    expect(await relay.stop()).toEqual({ owingRuns: 0 });
  });

  describe('cannot begin', () => {
    it('with a password that is wrong', async () => {
      await stage.server.call('CONFIG', 'SET', 'requirepass', 'opensesame');
      await expect(stage.relay('a').stop()).rejects.toThrow(TerminalSinkError);
      const wrong = stage.server.url.replace('//', '//:wrong@');
      await expect(stage.relay('b', { url: wrong }).stop()).rejects.toThrow(/WRONGPASS/u);
    });

    it('with something else at the key', async () => {
      await stage.server.call('SET', STREAM, 'mine');
      await expect(stage.relay('a').ended).rejects.toThrow(/WRONGTYPE.*set REDIS__STREAM to another name/u);
    });

    it('in a directory of trainers, or of another stream', async () => {
      const dir = path.join(stage.place, 'trainers', 'runs', 'run-1');
      await mkdir(dir, { recursive: true });
      writeFileSync(path.join(dir, 'run.json'), '{}');
      await expect(stage.relay('trainers').stop()).rejects.toThrow(/holds runs of trainers/u);
      const other = path.join(stage.place, 'other', 'runs');
      await mkdir(other, { recursive: true });
      writeFileSync(path.join(other, 'relay.json'), '{"v":1,"stream":"other","position":"0-0","entriesRead":0}');
      await expect(stage.relay('other').stop()).rejects.toThrow(/holds runs of the stream other/u);
      writeFileSync(path.join(other, 'relay.json'), '{"v":1,"stream":"other"}');
      await expect(stage.relay('other').stop()).rejects.toThrow(ConfigError);
    });
  });
});
