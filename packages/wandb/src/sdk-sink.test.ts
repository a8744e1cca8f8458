import { ConfigError, TerminalSinkError, type RunRecord, type Sink } from '@runcast/core';
import { closeRecord, openRecord, sinkContext, stepRecord } from '@runcast/testing';
import { describe, expect, it } from 'vitest';
import { parseSinkConfig } from './config.ts';
import { MAX_LINE_BYTES } from './history-lines.ts';
import type { SendRequest } from './http-request.ts';
import { Patience } from './patience.ts';
import { createSdkSink, type SdkSinkParts } from './sdk-sink.ts';

const config = parseSinkConfig({ engine: 'sdk', apiKey: 'key', baseUrl: 'http://127.0.0.1:9/', entity: 'team' });
const CONTEXT = { runId: 'run-1', runDirectory: '/nowhere' } as const;

/** The server knows the run with so many rows. */
function knows(rows: number): SendRequest {
  const bucket = { id: 'id', historyLineCount: rows };
  const body = JSON.stringify({ data: { model: { bucket } } });
  return () => Promise.resolve({ status: 200, headers: new Headers(), body });
}

function sinkWith(parts: SdkSinkParts): Sink {
  return createSdkSink(config, { find: () => '/no/such/client.cjs', send: knows(0), ...parts });
}

function batchOf(...records: readonly RunRecord[]): Parameters<Sink['write']>[0] {
  return { writer: 'w1', from: 0, to: records.length - 1, records };
}

describe('the sink of the engine sdk', () => {
  it('is not opened where the client is not to be had', () => {
    const sink = sinkWith({
      find: () => {
        throw new ConfigError([{ variable: 'WANDB__ENGINE', message: 'is not there' }]);
      },
    });
    expect(() => sink.open?.(sinkContext(CONTEXT))).toThrow(ConfigError);
  });

  it('writes nothing before it is opened, and does nothing with nothing', async () => {
    const sink = sinkWith({});
    await expect(sink.write(batchOf(openRecord()))).rejects.toThrow('the wandb sink is not open');
    await sink.write(batchOf());
    await sink.flush();
    await sink.close({ status: 'finished', final: true });
  });

  it.each([
    [undefined, 1],
    [{ v: 1, mode: 'sdk' }, 0],
    [{ v: 1, mode: 'online' }, 0],
  ])('takes up no run: position %o, %i rows on the server', async (position, rows) => {
    const sink = sinkWith({ send: knows(rows) });
    await sink.open?.(sinkContext({ ...CONTEXT, position }));
    const writing = Promise.resolve(sink.write(batchOf(openRecord())));
    await expect(writing).rejects.toThrow(/team\/uncategorized\/run-1 was begun before, and W&B's client/u);
    await expect(sink.write(batchOf(openRecord()))).rejects.toThrow(TerminalSinkError);
    await sink.close({ status: 'finished', final: true });
  });

  it('stops where the client cannot be loaded', async () => {
    const sink = sinkWith({});
    await sink.open?.(sinkContext(CONTEXT));
    await expect(sink.write(batchOf(openRecord()))).rejects.toThrow(
      /W&B's client for Node cannot go on: Cannot find module '\/no\/such\/client\.cjs'/u,
    );
    await sink.close({ status: 'finished', final: true });
  });

  it('leaves the server alone for longer where records only trickle', () => {
    const sink = sinkWith({});
    expect([sink.pauseMs?.(true), sink.pauseMs?.(false)]).toEqual([500, 1000]);
  });
});

/** The client's thread, by what it answers to each kind of question, in turn. */
function threadAnswering(script: Readonly<Record<string, readonly string[]>>): URL {
  const source = `
    import { workerData } from 'node:worker_threads';
    const script = ${JSON.stringify(script)};
    const { port } = workerData;
    port.on('message', ({ id, type }) => {
      const answer = script[type]?.shift() ?? 'done';
      if (answer === 'done') port.postMessage({ id, type: 'done', stopped: false, url: 'page' });
      else port.postMessage({ id, type: 'failed', failure: { what: 'rows', reason: answer } });
    });`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

async function opened(script: Readonly<Record<string, readonly string[]>>, patience?: Patience): Promise<Sink> {
  const sink = sinkWith({ workerUrl: threadAnswering(script), rowsLimitMs: 5_000, patience });
  await sink.open?.(sinkContext(CONTEXT));
  return sink;
}

describe('a run of the engine sdk', () => {
  it('is begun anew, on a thread of its own, where it could not be begun', async () => {
    const sink = await opened({ begin: ['torn'] });
    for (const _ of [1, 2]) {
      const writing = Promise.resolve(sink.write(batchOf(openRecord())));
      await expect(writing).rejects.toThrow('W&B could not be reached for rows: torn');
    }
    expect(sink.position?.()).toEqual({ v: 1, mode: 'sdk' });
    await sink.close({ status: 'unknown', final: false });
  });

  it('sends what came after a failed batch behind it, and refuses what no line can hold', async () => {
    const sink = await opened({ rows: ['torn'], again: ['torn again'] });
    const first = batchOf(openRecord(), stepRecord({ step: 1 }));
    await expect(sink.write(first)).rejects.toThrow('torn');
    await expect(sink.write(first)).rejects.toThrow('torn again');
    await sink.write({ ...batchOf(stepRecord({ step: 2 })), from: 2, to: 2 });
    const long = stepRecord({ seq: 3, metrics: { ['k'.repeat(MAX_LINE_BYTES)]: 1 } });
    await expect(sink.write({ ...batchOf(long), from: 3, to: 3 })).rejects.toThrow('1 records refused');
    await sink.close({ status: 'unknown', final: false });
  });

  it('ends once, and takes no rows after that', async () => {
    const sink = await opened({ finish: ['torn'] });
    await sink.write(batchOf(openRecord(), closeRecord({ final: true, status: 'finished' })));
    await expect(sink.flush()).rejects.toThrow('torn');
    await sink.flush();
    await sink.flush();
    const late = { writer: 'w2', from: 0, to: 0, records: [stepRecord()] };
    await expect(sink.write(late)).rejects.toThrow('the run has ended on W&B; set WANDB__ENGINE=native');
    await sink.close({ status: 'finished', final: true });
  });
});

describe('while W&B has asked to be left alone', () => {
  const ASKED_TO_WAIT = 'W&B has asked to wait before the next request for the file stream';
  const END = batchOf(openRecord(), closeRecord({ final: true, status: 'finished' }));

  it('nothing is sent, and what was not sent is not repeated later but sent', async () => {
    let now = 0;
    const patience = new Patience(() => now);
    const sink = await opened({ again: ['there is nothing to repeat', 'nor is there now'] }, patience);
    await sink.write(batchOf(openRecord()));
    patience.wait('the file stream', 1000);
    const steps = { ...batchOf(stepRecord({ step: 1 })), from: 1, to: 1 };
    await expect(sink.write(steps)).rejects.toThrow(ASKED_TO_WAIT);
    now = 1000;
    await sink.write(steps);
    await sink.write({ ...END, from: 2, to: 3 });
    patience.wait('the file stream', 1000);
    await expect(sink.flush()).rejects.toThrow(ASKED_TO_WAIT);
    now = 2000;
    await sink.flush();
    await sink.close({ status: 'finished', final: true });
  });

  it('each request looks once whether it may be sent', async () => {
    let looks = 0;
    const patience = new Patience(() => {
      looks += 1;
      return 0;
    });
    const sink = await opened({}, patience);
    await sink.write(END);
    looks = 0;
    await sink.flush();
    expect(looks).toBe(1);
    await sink.close({ status: 'finished', final: true });
  });
});
