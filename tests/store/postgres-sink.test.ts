// What only PostgreSQL does to the sink: tables that go away under an open connection, a server that is silent, roles without
// rights, databases that are somebody else's. Each comes to an error that says what to do, or to nothing anybody notices.
import { PositionLostError, RetryableSinkError, TerminalSinkError, type JsonValue, type Sink } from '@runcast/core';
import { createStoreSink } from '@runcast/store';
import { batchOf, openRecord, sinkContext, stepRecord } from '@runcast/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnPostgres } from '../support/describe-on-postgres.ts';
import { PostgresServer, withPostgres } from '../support/postgres-server.ts';
import { queryStore, storedRecords, storedRun } from '../support/stored-rows.ts';

const RUN_ID = 'run-1';
const TABLES = 'runs, run_values, history, key_metrics, records, positions, runcast_schema';
const EMPTY_TABLES = 'TRUNCATE runs, run_values, history, key_metrics, records, positions';
const OPENING = batchOf('w1', [openRecord({ run: RUN_ID, seq: 0 })]);
const STEP = batchOf('w1', [stepRecord({ seq: 1, n: 1, step: 1, metrics: { 'train/loss': 0.5 } })]);

describeOnPostgres((program) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await PostgresServer.start(program, { password: true });
  });

  afterAll(() => server.end());

  async function open(url: string, position?: JsonValue, signal?: AbortSignal): Promise<Sink> {
    const sink = createStoreSink({ url });
    await sink.open?.({
      ...sinkContext({ runId: RUN_ID, runDirectory: '/' }),
      position,
      ...(signal === undefined ? {} : { signal }),
    });
    return sink;
  }

  /** What the first write comes to. */
  async function refusalOf(url: string): Promise<unknown> {
    const sink = await open(url);
    try {
      await sink.write(OPENING);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      await sink.close({ status: 'finished', final: false });
    }
  }

  it('ends a run of which it has nothing more to write', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    const killed = await open(url);
    await killed.write(OPENING);
    await killed.write(STEP);
    const next = await open(url, killed.position?.());
    await next.close({ status: 'crashed', final: true });
    expect((await storedRun(url, RUN_ID))?.row['status']).toBe('crashed');
    const values = await queryStore(url, "SELECT key, number FROM run_values WHERE section = 'summary'");
    expect(values).toEqual([{ key: 'train/loss', number: 0.5 }]);
    await killed.close({ status: 'unknown', final: false });
  });

  it('finds that its tables are gone, makes them and starts over', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    const sink = await open(url);
    await sink.write(OPENING);
    await server.query(url, `DROP TABLE ${TABLES}`);
    await expect(sink.write(STEP)).rejects.toThrow(RetryableSinkError);
    await expect(sink.write(STEP)).rejects.toThrow(RetryableSinkError);
    await expect(sink.write(STEP)).rejects.toThrow(PositionLostError);
    await sink.write(OPENING);
    await sink.write(STEP);
    await sink.close({ status: 'finished', final: false });
    expect((await storedRecords(url, RUN_ID)).map(({ seq }) => seq)).toEqual([0, 1]);
  });

  it('finds when it flushes that rows are gone, also after a heartbeat, and counts none twice', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    const sink = await open(url);
    await sink.write(OPENING);
    await sink.write(STEP);
    await server.query(url, EMPTY_TABLES);
    await sink.tick?.(Date.now());
    await expect(sink.flush()).rejects.toThrow(PositionLostError);
    await sink.write(OPENING);
    await sink.write(STEP);
    await sink.flush();
    await sink.close({ status: 'finished', final: false });
    expect(Number((await storedRun(url, RUN_ID))?.row['total_steps'])).toBe(1);
    expect((await storedRecords(url, RUN_ID)).map(({ seq }) => seq)).toEqual([0, 1]);
  });

  it('finds when it flushes that rows are gone that an earlier process wrote', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    const before = await open(url);
    await before.write(OPENING);
    const position = before.position?.();
    await before.close({ status: 'unknown', final: false });
    await server.query(url, EMPTY_TABLES);
    const sink = await open(url, position);
    await expect(sink.flush()).rejects.toThrow(PositionLostError);
    await sink.close({ status: 'unknown', final: false });
  });

  it('stops connecting to a server that is silent as soon as it is given up', async () => {
    const url = server.urlOf();
    await server.pause();
    try {
      const abort = new AbortController();
      const sink = await open(url, { held: { w1: 0 } }, abort.signal);
      const writing = sink.write(STEP);
      const began = performance.now();
      setTimeout(() => abort.abort(), 50);
      await expect(writing).rejects.toThrow(RetryableSinkError);
      await sink.close({ status: 'unknown', final: false });
      expect(performance.now() - began).toBeLessThan(2_000);
    } finally {
      server.goOn();
    }
  });

  it('says what to do about a wrong password, and shows neither', async () => {
    const refused = await refusalOf(server.urlOf({ password: 'openbarley' }));
    expect(refused).toBeInstanceOf(TerminalSinkError);
    expect(String(refused)).toMatch(
      /postgres:\/\/127\.0\.0\.1:\d+\/postgres: .*check user and password in STORE__URL/u,
    );
    expect(String(refused)).not.toContain('openbarley');
  });

  it('says what to do where there is no such database', async () => {
    const refused = await refusalOf(server.urlOf({ database: 'nowhere' }));
    expect(refused).toBeInstanceOf(TerminalSinkError);
    expect(String(refused)).toContain('database "nowhere" does not exist; make it with createdb, or set the name');
  });

  it('says what to do where the role may not make tables, and works once somebody else has made them', async () => {
    const database = await server.createDatabase();
    await withPostgres(server.urlOf({ database }), async (client) => {
      await client.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
      await client.query(`CREATE ROLE writer_of_${database} LOGIN PASSWORD 'opensesame'`);
    });
    const [owner, url] = [server.urlOf({ database }), server.urlOf({ database, user: `writer_of_${database}` })];
    const refused = await refusalOf(url);
    expect(refused).toBeInstanceOf(TerminalSinkError);
    expect(String(refused)).toContain(
      'permission denied for schema public; grant the user in STORE__URL the right to do so',
    );
    expect(await refusalOf(owner)).toBeUndefined();
    expect(String(await refusalOf(url))).toContain('permission denied for table');
    await server.query(
      owner,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO writer_of_${database}`,
    );
    const other = await open(url);
    await other.write(batchOf('w2', [openRecord({ run: RUN_ID, seq: 0, role: 'member' })]));
    await other.close({ status: 'finished', final: false });
    expect(await storedRecords(owner, RUN_ID)).toHaveLength(2);
  });

  it('says what to do where tables of these names are somebody else’s, and leaves them alone', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    await server.query(url, 'CREATE TABLE runs (id integer)');
    const refused = await refusalOf(url);
    expect(refused).toBeInstanceOf(TerminalSinkError);
    expect(String(refused)).toContain('holds other tables named runs: set STORE__URL to a database of Runcast');
    const [tables] = await server.query(
      url,
      'SELECT count(*) AS count FROM information_schema.tables WHERE table_schema = current_schema()',
    );
    expect(tables).toEqual({ count: '1' });
  });

  it('says what to do where a later version has made the tables', async () => {
    const url = server.urlOf({ schema: await server.createSchema() });
    expect(await refusalOf(url)).toBeUndefined();
    await server.query(url, 'UPDATE runcast_schema SET version = 99');
    const refused = await refusalOf(url);
    expect(refused).toBeInstanceOf(TerminalSinkError);
    expect(String(refused)).toContain('is a run store of version 99, and this Runcast writes version 1');
  });

  it('waits for a primary server where it was given a standby', async () => {
    const standby = `${server.urlOf({ database: await server.createDatabase() })}?options=-cdefault_transaction_read_only%3Don`;
    const refused = await refusalOf(standby);
    expect(refused).toBeInstanceOf(TerminalSinkError);
    expect(String(refused)).toContain('set STORE__URL to the primary server');
  });
});
