// The online sink by itself against the strict server: what it sends when, and what it makes of what the server has already.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  PositionLostError,
  RecordsRefusedError,
  RetryableSinkError,
  TerminalSinkError,
  type JsonValue,
  type RunRecord,
  type Sink,
  type SinkContext,
  type SinkNotice,
} from '@runcast/core';
import {
  alertRecord,
  artifactRecord,
  batchOf,
  closeRecord,
  fileRecord,
  imageRecord,
  logRecord,
  openRecord,
  PIXEL_PNG,
  sinkContext,
  stepRecord,
  systemRecord,
  tableRecord,
  textRecord,
  writeBlob,
} from '@runcast/testing';
import { createWandbSink, type WandbSinkOptions } from '@runcast/wandb';
import { probeWandb, readWandbSettings } from '@runcast/wandb/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServerRun } from './server/run-state.ts';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';

const PROJECT = 'demo';
const RUN = 'run-1';
const FINAL = { status: 'finished', final: true } as const;

let server: WandbServer;
let runDirectory: string;
let notices: SinkNotice[];

beforeEach(async () => {
  server = await startWandbServer();
  runDirectory = mkdtempSync(path.join(tmpdir(), 'runcast-sink-'));
  notices = [];
});

afterEach(async () => {
  await server.close();
  rmSync(runDirectory, { recursive: true });
});

async function openSink(options: WandbSinkOptions = {}, context: Partial<SinkContext> = {}): Promise<Sink> {
  const sink = createWandbSink({ apiKey: server.apiKey, baseUrl: server.url, project: PROJECT, ...options });
  const notify = (notice: SinkNotice): void => void notices.push(notice);
  await sink.open?.(sinkContext({ runId: RUN, runDirectory, notify, ...context }));
  return sink;
}

function write(sink: Sink, ...records: readonly RunRecord[]): void | Promise<void> {
  return sink.write(batchOf('w1', records));
}

/** Steps of the numbers given, with the sequence numbers behind the `open` record. */
function steps(...numbers: readonly number[]): readonly RunRecord[] {
  return numbers.map((step, index) =>
    stepRecord({ seq: index + 1, n: index + 1, step, metrics: { 'train/loss': step } }),
  );
}

function run(): ServerRun {
  const found = server.run(PROJECT, RUN);
  if (found === undefined) throw new Error('there is no run');
  return found;
}

function stepsHeld(): readonly unknown[] {
  return run().rows.map((row) => row['_step']);
}

describe('rows', () => {
  it('of many mebibytes come in requests that W&B takes, each with a summary', async () => {
    const sink = await openSink();
    const long = 'x'.repeat(1000);
    const wide = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`${long}${index}`, index]));
    const rows = Array.from({ length: 12 }, (_, step) => logRecord({ seq: step + 1, step, metrics: wide }));
    await write(sink, openRecord(), ...rows);
    const sent = server.requests.filter(({ path: url }) => url.endsWith('/file_stream'));
    expect(sent.length).toBeGreaterThan(1);
    for (const { bytes } of sent) expect(bytes).toBeLessThan(16 * 1024 * 1024);
    expect(stepsHeld()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(server.violations).toEqual([]);
  });

  it('go without a summary that is longer than W&B takes', async () => {
    const sink = await openSink();
    const wide = (name: string): Readonly<Record<string, number>> =>
      Object.fromEntries(Array.from({ length: 6000 }, (_, index) => [`${name.repeat(1000)}${index}`, index]));
    await write(sink, openRecord(), logRecord({ seq: 1, step: 1, metrics: wide('a') }));
    await write(sink, logRecord({ seq: 2, step: 2, metrics: wide('b') }));
    expect(stepsHeld()).toEqual([1, 2]);
    expect(run().summary).toMatchObject({ _step: 1 });
    expect(server.violations).toEqual([]);
  });

  it('that are longer than W&B takes are refused, and the rest is taken', async () => {
    const sink = await openSink();
    const key = 'k'.repeat(1000);
    const metrics = Object.fromEntries(Array.from({ length: 11_000 }, (_, index) => [`${key}${index}`, 0.5]));
    const refused: unknown = await Promise.resolve(
      write(sink, openRecord(), logRecord({ seq: 1, metrics }), stepRecord({ seq: 2 })),
    ).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RecordsRefusedError);
    expect(refused).toMatchObject({
      refusals: [{ seq: 1, reason: 'the row is longer than the 10383360 bytes that W&B takes' }],
    });
    await write(sink, openRecord(), stepRecord({ seq: 2 }));
    expect(stepsHeld()).toEqual([1]);
  });

  it('of an image that is too large are refused', async () => {
    const sink = await openSink({ maxImageSize: { width: 800, height: 600 } });
    await expect(write(sink, openRecord(), imageRecord({ seq: 1, width: 801, height: 2 }))).rejects.toMatchObject({
      refusals: [{ seq: 1 }],
    });
  });

  it('of another program stay where they are, and are gone on behind', async () => {
    const theirs = await openSink();
    await write(theirs, openRecord({ writer: 'theirs' }), ...steps(1, 2), systemRecord({ seq: 3 }));
    const sink = await openSink();
    await write(sink, openRecord(), ...steps(1, 3), systemRecord({ seq: 3 }));
    expect(stepsHeld()).toEqual([1, 2, 2, 3]);
    expect(run().rows.map((row) => row['train/step'])).toEqual([1, 2, 1, 3]);
    expect(run().events).toHaveLength(2);
    expect(notices.filter(({ type }) => type === 'notice')).toEqual([
      {
        type: 'notice',
        message: "W&B has a run team/demo/run-1 with 2 rows that is not this log's; rows are added behind them",
      },
    ]);
    expect(server.violations).toEqual([]);
  });

  it('that another has added behind ours are gone on behind as well', async () => {
    const first = await openSink();
    await write(first, openRecord(), ...steps(1, 2));
    const position = first.position?.();
    await first.close({ status: 'unknown', final: false });
    const other = await openSink();
    // As a client that goes on with our run: it knows the lines and our mark, and writes behind them.
    await other.write(batchOf('w2', [openRecord({ writer: 'w2' }), stepRecord({ seq: 1, step: 7 })]));
    expect(stepsHeld()).toEqual([1, 2, 7]);
    const next = await openSink({}, { position: position ?? null });
    await next.write(batchOf('w1', [stepRecord({ seq: 3, n: 3, step: 3, metrics: { 'train/loss': 3 } })]));
    await next.write(batchOf('w1', [stepRecord({ seq: 4, n: 4, step: 8, metrics: { 'train/loss': 8 } })]));
    expect(stepsHeld()).toEqual([1, 2, 7, 7, 8]);
    expect(run().rows.map((row) => row['train/step'])).toEqual([1, 2, 7, 3, 8]);
    expect(server.violations).toEqual([]);
  });

  it('that the server has lost are sent again, behind those it has not', async () => {
    const sink = await openSink();
    await write(sink, openRecord(), ...steps(1, 2, 3));
    const position = sink.position?.();
    await server.close();
    server = await startWandbServer();
    const next = await openSink({}, { position: position ?? null });
    const lost: unknown = await Promise.resolve(write(next, ...steps(4))).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(PositionLostError);
    expect(lost).toMatchObject({ message: 'W&B has no run team/demo/run-1 any more', held: new Map([['w1', -1]]) });
    await write(next, openRecord(), ...steps(1, 2, 3, 4));
    expect(stepsHeld()).toEqual([1, 2, 3, 4]);
  });

  it('begin a run although its first record is not to be had', async () => {
    const sink = await openSink({}, {});
    await write(sink, ...steps(1), closeRecord({ seq: 2 }));
    await sink.close(FINAL);
    expect(stepsHeld()).toEqual([1]);
    expect(run().state).toBe('finished');
  });
});

describe('the end of a run', () => {
  it('is told when all its records have come, also by a flush', async () => {
    const sink = await openSink();
    await write(sink, openRecord(), ...steps(1), closeRecord({ seq: 2, status: 'failed' }));
    await sink.flush();
    expect(run().complete).toBe(false);
    await sink.uploads?.write(batchOf('w1', [openRecord(), closeRecord({ seq: 2, status: 'failed' })]));
    await sink.flush();
    expect(run()).toMatchObject({ complete: true, exitCode: 1 });
    await sink.close(FINAL);
    expect(server.requests.filter(({ body }) => JSON.stringify(body).includes('"complete"'))).toHaveLength(1);
    expect(server.violations).toEqual([]);
  });

  it('is not told of one that goes on elsewhere, crashed, or is not ours to end', async () => {
    const endings: readonly (readonly [RunRecord, boolean])[] = [
      [closeRecord({ seq: 1 }), false],
      [closeRecord({ seq: 1, status: 'crashed' }), true],
      [closeRecord({ seq: 1, final: false }), true],
    ];
    for (const [record, final] of endings) {
      const sink = await openSink();
      await write(sink, openRecord(), record);
      await sink.close({ status: 'finished', final });
      expect(run().complete).toBe(false);
    }
    await (await openSink()).close(FINAL);
    expect(run().complete).toBe(false);
  });

  it('of an ended run that is taken up again is told again', async () => {
    const first = await openSink();
    await write(first, openRecord(), ...steps(1), closeRecord({ seq: 2, status: 'unknown' }));
    await first.close(FINAL);
    expect(run()).toMatchObject({ complete: true, exitCode: 0 });
    const next = await openSink({}, { position: first.position?.() });
    await next.write(batchOf('w2', [openRecord({ writer: 'w2', resumed: true }), stepRecord({ seq: 1, step: 2 })]));
    await next.close(FINAL);
    expect(run().complete).toBe(false);
    expect(stepsHeld()).toEqual([1, 2]);
    expect(server.violations).toEqual([]);
  });

  it('is told although delivery has given the sink up', async () => {
    const givenUp = new AbortController();
    const sink = await openSink({}, { signal: givenUp.signal });
    await write(sink, openRecord(), ...steps(1), closeRecord({ seq: 2 }));
    givenUp.abort();
    await expect(sink.uploads?.write(batchOf('w1', [tableRecord({ seq: 1 })]))).rejects.toThrow('aborted');
    await sink.close(FINAL);
    expect(run().complete).toBe(true);
  });
});

describe('between the writes', () => {
  it('W&B hears of the run every half minute', async () => {
    const sink = await openSink();
    await sink.tick?.(0);
    await write(sink, openRecord(), ...steps(1));
    const sent = server.requests.length;
    for (const second of [5, 34, 35, 36, 64, 65]) await sink.tick?.(second * 1000);
    const beats = server.requests.slice(sent);
    expect(beats.map(({ body }) => body)).toEqual([{}, {}]);
    expect(server.violations).toEqual([]);
  });

  it('the server is left alone for a second, and as long as it asks', async () => {
    const headers = { 'ratelimit-remaining': '1', 'ratelimit-reset': '4' };
    server.fault({ action: { kind: 'status', status: 200, headers, body: '{}', taken: true } });
    const sink = await openSink();
    expect([sink.pauseMs?.(true), sink.pauseMs?.(false)]).toEqual([0, 1000]);
    await write(sink, openRecord(), ...steps(1));
    expect([sink.pauseMs?.(true), sink.pauseMs?.(false)]).toEqual([4000, 4000]);
    await write(sink, stepRecord({ seq: 2, step: 2 }));
    expect(sink.pauseMs?.(true)).toBe(0);
  });
});

describe('a server that refuses', () => {
  const refusals: readonly (readonly [string, WandbSinkOptions, RegExp])[] = [
    ['the key', { apiKey: 'wrong' }, /401.*check WANDB_API_KEY/u],
  ];
  it.each(refusals)('%s ends the sink with what to do', async (_, options, message) => {
    server.fault({ match: {}, times: Infinity, action: { kind: 'status', status: 401 } });
    const sink = await openSink(options);
    const error: unknown = await Promise.resolve(write(sink, openRecord())).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(TerminalSinkError);
    expect(String(error)).toMatch(message);
  });

  it('names that it cannot have is not asked', async () => {
    const sink = createWandbSink({ apiKey: server.apiKey, baseUrl: server.url });
    await sink.open?.(sinkContext({ runId: RUN, runDirectory }));
    await expect(write(sink, openRecord({ project: 'a/b' }))).rejects.toThrow(
      /^W&B takes no such project: "a\/b" holds "\/"/u,
    );
    expect(server.requests).toEqual([]);
  });

  it.each<readonly [string, string, RegExp]>([
    ['nothing', '', /what is no GraphQL answer/u],
    ['no JSON', '<html>', /what is no GraphQL answer/u],
    ['an error', '{"data":null,"errors":[{"message":"try later"}]}', /an error: try later/u],
    ['less than is needed', '{"data":{"viewer":{"entity":7}}}', /without what is needed/u],
    ['no entity', '{"data":{"viewer":null}}', /knows no default entity/u],
  ])('by answering %s is told', async (_, body, message) => {
    server.fault({ match: { operation: 'Viewer' }, action: { kind: 'status', status: 200, body } });
    const sink = await openSink();
    await expect(write(sink, openRecord())).rejects.toThrow(message);
    await write(sink, openRecord());
    expect(server.violations).toEqual([]);
  });

  it('for a while is left alone for as long', async () => {
    const headers = { 'retry-after': '7' };
    server.fault({ action: { kind: 'status', status: 429, headers } });
    const sink = await openSink();
    await expect(write(sink, openRecord(), ...steps(1))).rejects.toMatchObject({ retryAfterMs: 7000 });
    await expect(write(sink, openRecord(), ...steps(1))).rejects.toThrow(/has asked to wait before the next request/u);
    expect(server.violations).toEqual([]);
  });

  it('to listen is asked again', async () => {
    await server.goDown();
    const sink = await openSink({ entity: 'team' });
    const error: unknown = await Promise.resolve(write(sink, openRecord())).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(RetryableSinkError);
    expect(String(error)).toMatch(/^RetryableSinkError: W&B could not be reached for RunResumeStatus: .*ECONNREFUSED/u);
  });

  it('to say all it has to say is asked again', async () => {
    const cutting = createServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{'));
    });
    cutting.listen(0, '127.0.0.1');
    await once(cutting, 'listening');
    const address = cutting.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    const sink = await openSink({ entity: 'team', baseUrl: `http://127.0.0.1:${address.port}` });
    await expect(write(sink, openRecord())).rejects.toThrow('could not be reached for RunResumeStatus: aborted');
    cutting.close();
  });
});

describe('uploads', () => {
  async function upload(sink: Sink, ...records: readonly RunRecord[]): Promise<void> {
    await sink.uploads?.write(batchOf('w1', records));
  }

  it('open the run if they come first', async () => {
    writeBlob(runDirectory, PIXEL_PNG, '.png');
    const sink = await openSink();
    await upload(sink, openRecord());
    await upload(sink, imageRecord({ seq: 1 }));
    await write(sink, openRecord({ name: 'baseline' }), imageRecord({ seq: 1 }));
    expect(run()).toMatchObject({ displayName: 'baseline', uploaded: [...run().files.keys()] });
    expect(run().files.get(String(cell('eval/heatmap', 'path')))).toHaveLength(PIXEL_PNG.length);
    expect(notices.map(({ type }) => type)).toEqual(['runUrl']);
    expect(server.violations).toEqual([]);
  });

  function cell(key: string, member: string): unknown {
    const value = run().rows[0]?.[key];
    return typeof value === 'object' && value !== null
      ? Object.entries(value).find(([name]) => name === member)?.[1]
      : undefined;
  }

  it('go on from their position', async () => {
    const first = await openSink();
    await upload(first, openRecord(), closeRecord({ seq: 1 }));
    const uploadPosition: JsonValue | undefined = first.uploads?.position?.();
    expect(uploadPosition).toMatchObject({ records: 2, ended: true });
    const next = await openSink({}, { uploadPosition });
    await upload(next, openRecord({ seq: 2 }));
    expect(next.uploads?.position?.()).toMatchObject({ records: 3, ended: false });
    await expect(openSink({}, { uploadPosition: { v: 0 } })).rejects.toThrow(PositionLostError);
  });

  it('of bytes that are not there are refused', async () => {
    const sink = await openSink();
    await expect(upload(sink, fileRecord({ blob: 'blobs/none', seq: 3 }))).rejects.toMatchObject({
      refusals: [{ seq: 3, reason: 'blobs/none is missing in the run directory' }],
    });
    await expect(upload(sink, fileRecord({ blob: '../../secret' }))).rejects.toMatchObject({
      refusals: [{ seq: 0, reason: '../../secret is outside the run directory' }],
    });
  });

  it('of images that are not shown are none', async () => {
    const sink = await openSink({ images: 'svg', maxImageSize: { width: 1, height: 1 } });
    await upload(sink, openRecord());
    await upload(sink, imageRecord({ seq: 1 }));
    await upload(sink, imageRecord({ seq: 2, width: 2 }));
    await upload(sink, stepRecord({ seq: 3 }));
    expect(run().files.size).toBe(0);
  });

  it.each([
    [
      'CreateRunFiles',
      textRecord({ seq: 1 }),
      '{"data":{"createRunFiles":{"files":[{"name":"x"}]}}}',
      /gave no address to upload/u,
    ],
    [
      'CreateArtifactFiles',
      artifactRecord({ seq: 1 }),
      '{"data":{"createArtifactFiles":{"files":{"edges":[]}}}}',
      /gave 0 addresses for 1 files/u,
    ],
  ] as const)('without an address from %s are tried again', async (operation, record, body, message) => {
    writeBlob(runDirectory, Buffer.from('weights of a small model\n'), '.bin');
    server.fault({ match: { operation }, action: { kind: 'status', status: 200, body } });
    const sink = await openSink();
    await upload(sink, openRecord());
    await expect(upload(sink, record)).rejects.toThrow(message);
    await upload(sink, record);
    expect(run().files.size + run().artifacts.length).toBeGreaterThan(0);
  });

  it('whose signed address fails get another', async () => {
    server.fault({ match: { method: 'PUT' }, action: { kind: 'status', status: 403 } });
    const sink = await openSink();
    await upload(sink, openRecord());
    await expect(upload(sink, tableRecord({ seq: 1 }))).rejects.toThrow(RetryableSinkError);
    await upload(sink, tableRecord({ seq: 1 }));
    expect(run().files.size).toBe(1);
    expect(server.violations).toEqual([]);
  });
});

it('a sink that is not open says so', async () => {
  const sink = createWandbSink({ apiKey: 'key' });
  expect(sink.pauseMs?.(true)).toBe(0);
  await expect(write(sink, openRecord())).rejects.toThrow('the wandb sink is not open');
  await expect(sink.uploads?.write(batchOf('w1', [openRecord()]))).rejects.toThrow('the wandb sink is not open');
  await sink.close(FINAL);
});

it('artifacts without files are there, too, and come once', async () => {
  writeBlob(runDirectory, Buffer.from('weights of a small model\n'), '.bin');
  const sink = await openSink();
  const upload = async (record: RunRecord): Promise<void> => sink.uploads?.write(batchOf('w1', [record]));
  await upload(openRecord());
  await upload(artifactRecord({ seq: 1, name: 'empty', files: [], aliases: [] }));
  const [file] = artifactRecord().files;
  const files =
    file === undefined
      ? []
      : [
          { ...file, path: 'b' },
          { ...file, path: 'a' },
        ];
  for (const seq of [2, 3]) await upload(artifactRecord({ seq, name: 'two files', files }));
  expect(server.artifacts.map(({ name, aliases, files: held }) => [name, aliases, [...held.keys()]])).toEqual([
    ['empty', ['latest'], []],
    ['two-files', ['latest'], ['b', 'a']],
  ]);
  expect(server.violations).toEqual([]);
});

describe('asked whether it answers, W&B', () => {
  function probe(env: Readonly<Record<string, string>>): Promise<string> {
    const { config } = readWandbSettings({ WANDB_BASE_URL: server.url, ...env });
    if (config === undefined) throw new Error('there are problems');
    return probeWandb(config);
  }

  it('says whose key it is', async () => {
    expect(await probe({ WANDB_API_KEY: server.apiKey })).toBe(
      `${server.url} knows the key as that of team, entity team`,
    );
    server.fault({ match: {}, action: { kind: 'status', status: 200, body: '{"data":{"viewer":{}}}' } });
    expect(await probe({ WANDB_API_KEY: server.apiKey })).toMatch(/that of a user, entity unknown$/u);
  });

  it('says that it does not know the key', async () => {
    server.fault({ match: {}, action: { kind: 'status', status: 200, body: '{"data":{"viewer":null}}' } });
    await expect(probe({})).rejects.toThrow('W&B does not know the key; check WANDB_API_KEY');
  });
});

it('alerts have the severity of their level', async () => {
  const sink = await openSink();
  await write(
    sink,
    openRecord(),
    alertRecord({ seq: 1, level: 'info' }),
    alertRecord({ seq: 2, level: 'warn' }),
    alertRecord({ seq: 3, level: 'error' }),
  );
  expect(run().alerts.map(({ severity }) => severity)).toEqual(['INFO', 'WARN', 'ERROR']);
});

it('a position of another kind is none', async () => {
  await expect(openSink({}, { position: { v: 1, mode: 'offline' } })).rejects.toThrow(/written offline before/u);
  await expect(openSink({}, { position: 7 })).rejects.toThrow(/not a position of this version of the sink/u);
});
