// A backend that is on no one machine, and relays that are on one each: the successor goes on where the one before it was,
// although nothing but Redis tells it where that is.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RecordBatch, SinkSpec } from '@runcast/core';
import { jsonlSink } from '@runcast/jsonl';
import { batchOf, closeRecord, openRecord, stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CuttableProxy } from '../support/cuttable-proxy.ts';
import { describeOnServers } from '../support/describe-on-servers.ts';
import { RelayStage, rowsOf, seqsOf, STREAM } from './relay-stage.ts';

const WAIT = { timeout: 30_000, interval: 20 };

function steps(from: number, count: number, writer: string): RecordBatch {
  const records = Array.from({ length: count }, (_, index) =>
    stepRecord({ seq: from + index, n: from + index, step: from + index }),
  );
  return batchOf(writer, records);
}

describeOnServers((program) => {
  let stage: RelayStage;
  let shared = '';

  beforeEach(async () => {
    stage = await RelayStage.open(program);
    shared = path.join(stage.place, 'shared');
    mkdirSync(shared);
  });

  afterEach(() => stage.end());

  function sharedSink(): SinkSpec {
    const module = pathToFileURL(path.join(import.meta.dirname, 'fixtures', 'shared-file-sink.ts')).href;
    return { name: 'shared', module, config: { folder: shared } };
  }

  const sinks = (machine: string): readonly SinkSpec[] => [
    jsonlSink({ dir: path.join(stage.place, machine, 'rows') }),
    sharedSink(),
  ];

  /** What the backend has, as the rows of a relay are looked at. */
  const held = (): ReturnType<typeof rowsOf> => rowsOf({ rowsDir: shared }, 'run-1');

  const first = [batchOf('w1', [openRecord({ run: 'run-1', seq: 0 })]), steps(1, 3000, 'w1'), steps(0, 2000, 'w2')];
  const second = [steps(3001, 2000, 'w1'), steps(2000, 500, 'w2'), steps(0, 100, 'w3')];
  const end = batchOf('w1', [closeRecord({ seq: 5001, time: stepRecord().time + 1 })]);

  it('has each record once after a handover, and what the successor has of its own is complete', async () => {
    const one = stage.relay('a', { sinks: sinks('a') });
    await stage.publish('run-1', ...first);
    await vi.waitFor(() => expect(held()).toEqual(seqsOf(first)), WAIT);
    await one.stop();
    await stage.publish('run-1', ...first, ...second, end);
    const two = stage.relay('b', { sinks: sinks('b') });
    await vi.waitFor(() => expect(held()).toEqual(seqsOf([...first, ...second, end])), WAIT);
    expect(await stage.rows(two, 'run-1', [...first, ...second, end])).toEqual(seqsOf([...first, ...second, end]));
    // It is ended once, by the one that has delivered all of it.
    await vi.waitFor(() => expect(readFileSync(path.join(shared, 'run-1.jsonl.end'), 'utf8')).toBe('finished\n'), WAIT);
    await two.stop();
    // Back on the first machine, whose cursor is from long ago.
    const three = stage.relay('c', { machine: 'a', sinks: sinks('a') });
    await stage.publish('run-1', steps(100, 50, 'w3'));
    const all = [...first, ...second, end, steps(100, 50, 'w3')];
    await vi.waitFor(() => expect(held()).toEqual(seqsOf(all)), WAIT);
    expect(await stage.rows(three, 'run-1', all)).toEqual(seqsOf(all));
  });

  it('has each record once when the connection to Redis is lost in the middle', async () => {
    const proxy = await CuttableProxy.listen(stage.server.port);
    const one = stage.relay('a', { url: proxy.redisUrl, sinks: sinks('a') });
    await one.said('active');
    const two = stage.relay('b', { sinks: sinks('b') });
    await stage.publish('run-1', ...first);
    await vi.waitFor(() => expect(Object.keys(held())).not.toEqual([]), WAIT);
    // From here on it can reach the backend, and must not.
    await proxy.close();
    await two.said('active');
    await stage.publish('run-1', ...second, end);
    const all = [...first, ...second, end];
    await vi.waitFor(() => expect(held()).toEqual(seqsOf(all)), WAIT);
    expect(await stage.rows(two, 'run-1', all)).toEqual(seqsOf(all));
    expect(held()).toEqual(seqsOf(all));
  });

  it('has each record once when a relay was stopped for longer than its lock lasts', async () => {
    const one = stage.relay('a', { sinks: sinks('a') });
    await stage.publish('run-1', ...first);
    await vi.waitFor(() => expect(held()).toEqual(seqsOf(first)), WAIT);
    // What a pause of its process comes to: another has the lock when it looks again.
    await stage.server.call('SET', `{${STREAM}}:relay:near:lock`, '99 somebody', 'PX', 1500);
    await one.said('ended');
    await stage.publish('run-1', ...second, end);
    const all = [...first, ...second, end];
    await vi.waitFor(() => expect(held()).toEqual(seqsOf(all)), WAIT);
    expect(await stage.rows(one, 'run-1', all)).toEqual(seqsOf(all));
  });
});
