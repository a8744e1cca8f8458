// A publisher whose runs go to a Redis stream: from the call to the entry, in both hosts, with a server that is there, comes
// later, or dies in between and comes back without what it had.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { RunRecord } from '@runcast/core';
import { decodeEntry } from '@runcast/redis';
import { LOG_START, runDirectory, withRunLogs } from '@runcast/runlog';
import { createPublisher, redisSink } from 'runcast';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeOnServers } from '../support/describe-on-servers.ts';
import { RedisServer } from '../support/redis-server.ts';

const STREAM = 'trainer_metrics_events';
const EVERYTHING = { maxBytes: 100_000_000 };

describeOnServers((program) => {
  let dir = '';
  let server: RedisServer;

  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'runcast-redis-publisher-'));
    server = await RedisServer.start(program);
  });

  afterEach(async () => {
    await server.end();
    rmSync(dir, { recursive: true });
  });

  function logged(): readonly RunRecord[] {
    return withRunLogs(runDirectory(dir, 'run-1').logDirectory, (logs) =>
      logs.writers.flatMap((writer) => logs.reader(writer).read(LOG_START, EVERYTHING).records),
    );
  }

  async function published(): Promise<readonly RunRecord[]> {
    const decoded = (await server.entries(STREAM)).map((fields) => decodeEntry(fields));
    return decoded.flatMap((entry) => (entry.ok && entry.run === 'run-1' ? [entry.record] : []));
  }

  describe.each(['worker', 'inline'] as const)('in the %s host', (host) => {
    function open(): ReturnType<typeof createPublisher> {
      const sinks = [redisSink({ url: server.url, stream: STREAM })];
      return createPublisher({ dir, sinks, host, run: { id: 'run-1', resume: 'allow' } });
    }

    it('has every record in the stream when it is closed', async () => {
      const publisher = await open();
      publisher.logHparams({
        model_family: 'bigram',
        model_size: 'tiny',
        batch_size: 32,
        learning_rate: 3e-4,
        max_seq_len: 128,
        num_epochs: 2,
      });
      for (let step = 1; step <= 3000; step += 1) publisher.logStep({ step, loss: 1 / step });
      publisher.logText('samples', 'once\nupon');
      await publisher.flush();
      expect(await published()).toEqual(logged());
      const report = await publisher.close();
      expect(report.complete).toBe(true);
      const records = await published();
      expect(records).toEqual(logged());
      expect(records).toHaveLength(3004);
    });

    it('never waits for a server that is down, and delivers when it comes', async () => {
      await server.kill();
      const started = performance.now();
      const publisher = await open();
      for (let step = 1; step <= 1000; step += 1) publisher.logStep({ step, loss: 1 / step });
      expect(performance.now() - started).toBeLessThan(5_000);
      await server.startAgain();
      await publisher.flush({ timeoutMs: 30_000 });
      expect(await published()).toEqual(logged());
      await publisher.close();
      expect(await published()).toEqual(logged());
    });

    it('never waits for a server that has gone silent', async () => {
      const publisher = await open();
      publisher.logStep({ step: 0, loss: 1 });
      await publisher.flush();
      server.pause();
      const took: number[] = [];
      for (let step = 1; step <= 2000; step += 1) {
        const started = performance.now();
        publisher.logStep({ step, loss: 1 / step });
        took.push(performance.now() - started);
        // Deliveries get their turns in between.
        if (step % 100 === 0) await setImmediate();
      }
      expect(took.toSorted((one, other) => one - other)[1980]).toBeLessThan(5);
      server.goOn();
      await publisher.flush({ timeoutMs: 30_000 });
      expect(await published()).toEqual(logged());
      await publisher.close();
    });

    it('sends again what a server came back without, although all had been acknowledged', async () => {
      const publisher = await open();
      for (let step = 1; step <= 2000; step += 1) publisher.logStep({ step, loss: 1 / step });
      await publisher.flush();
      await server.kill();
      await server.startAgain();
      expect(await published()).toEqual([]);
      publisher.logStep({ step: 2001, loss: 0.5 });
      await publisher.flush({ timeoutMs: 30_000 });
      expect(await published()).toEqual(logged());
      await server.kill();
      await server.startAgain();
      // Nothing is logged any more: closing asks the server all the same.
      const report = await publisher.close();
      expect(report.complete).toBe(true);
      expect(await published()).toEqual(logged());
    });
  });

  it('says what is owed when the server never comes', async () => {
    await server.kill();
    const sinks = [redisSink({ url: server.url })];
    const publisher = await createPublisher({ dir, sinks, closeTimeoutMs: 100, run: { id: 'run-1' } });
    publisher.logStep({ step: 1, loss: 1 });
    const report = await publisher.close();
    expect(report.undelivered).toMatchObject([{ sink: 'redis', records: 3 }]);
  });
});
