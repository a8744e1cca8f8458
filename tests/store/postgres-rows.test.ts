// What a PostgreSQL server says of rows it does not take, of a run whose server has gone, and of itself when it is asked.
import { ConfigError, RecordsRefusedError, RetryableSinkError, TerminalSinkError, type Sink } from '@runcast/core';
import { createStoreSink, probeStore } from '@runcast/store';
import { batchOf, openRecord, sinkContext, stepRecord } from '@runcast/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnPostgres } from '../support/describe-on-postgres.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { queryStore } from '../support/stored-rows.ts';

const OPENING = batchOf('w1', [openRecord()]);
const STEPS = [1, 2, 3].map((step) => stepRecord({ seq: step, n: step, step }));

describeOnPostgres((program) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await PostgresServer.start(program);
  });

  afterAll(() => server.end());

  async function open(url: string): Promise<Sink> {
    const sink = createStoreSink({ url });
    await sink.open?.(sinkContext({ runId: 'run-1', runDirectory: '/' }));
    return sink;
  }

  it('refuses the records that a constraint forbids, and only these', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    const sink = await open(url);
    await sink.write(OPENING);
    await server.query(url, 'ALTER TABLE history ADD CHECK (step <> 2)');
    const refusal = Promise.resolve(sink.write(batchOf('w1', STEPS)));
    await expect(refusal).rejects.toThrow(RecordsRefusedError);
    await expect(refusal).rejects.toMatchObject({ refusals: [{ seq: 2 }] });
    const [one, , three] = STEPS;
    for (const record of [one, three]) if (record !== undefined) await sink.write(batchOf('w1', [record]));
    await sink.close({ status: 'finished', final: true });
    expect((await queryStore(url, 'SELECT step FROM history ORDER BY step')).map(({ step }) => Number(step))).toEqual([
      1, 3,
    ]);
  });

  it('tells a failure in which no record is at fault as it is', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    const sink = await open(url);
    await sink.write(OPENING);
    await server.query(url, 'ALTER TABLE positions ADD CHECK (seq < 3)');
    const [one, two] = STEPS;
    if (one === undefined || two === undefined) throw new Error('there are steps');
    const three = { ...batchOf('w1', [one, two]), to: 3 };
    const failure = Promise.resolve(sink.write(three));
    await expect(failure).rejects.toThrow(/violates check constraint/u);
    await expect(failure).rejects.not.toThrow(RecordsRefusedError);
    await sink.close({ status: 'unknown', final: false });
  });

  it('hears of a lost right with the next heartbeat, and lets one pass that finds no server', async () => {
    const own = await PostgresServer.start(program);
    try {
      const sink = await open(own.urlOf());
      await sink.tick?.(1000);
      await sink.write(OPENING);
      await sink.tick?.(1000);
      await own.query(own.urlOf(), 'ALTER TABLE runs RENAME COLUMN status TO state');
      await expect(Promise.resolve(sink.tick?.(2000))).rejects.toThrow(TerminalSinkError);
      await own.query(own.urlOf(), 'ALTER TABLE runs RENAME COLUMN state TO status');
      await sink.flush();
      await own.kill();
      await sink.tick?.(3000);
      await expect(Promise.resolve(sink.flush())).rejects.toThrow(RetryableSinkError);
      await expect(Promise.resolve(sink.close({ status: 'crashed', final: true }))).rejects.toThrow(/ECONNREFUSED/u);
    } finally {
      await own.end();
    }
  });

  it('ends a run although its last write failed', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    const sink = await open(url);
    await sink.write(OPENING);
    await server.query(url, 'ALTER TABLE history RENAME TO past');
    await expect(Promise.resolve(sink.write(batchOf('w1', STEPS)))).rejects.toThrow(RetryableSinkError);
    await server.query(url, 'ALTER TABLE past RENAME TO history');
    await sink.close({ status: 'crashed', final: true });
    expect(await queryStore(url, 'SELECT status FROM runs')).toEqual([{ status: 'crashed' }]);
  });

  it('answers a probe, which leaves nothing', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    expect(await probeStore(url)).toMatch(/: PostgreSQL \d.* answers; it holds 0 runs$/u);
    const made =
      "SELECT relname FROM pg_class WHERE relname = 'runs' AND relnamespace = current_schema()::regnamespace";
    expect(await queryStore(url, made)).toEqual([]);
    await expect(probeStore(server.urlOf({ database: 'nowhere' }))).rejects.toThrow(/make it with createdb/u);
  });
});

it('is not asked where a URL names no database', () => {
  expect(() => createStoreSink({ url: 'postgres://localhost' })).toThrow(ConfigError);
});
