/**
 * A relay that comes to a stream which is full already: until everything is durable in its directory and in closed event files
 * and rows, and the memory of the process at its peak. Its sinks are in the same process, as always.
 */

import { execFileSync } from 'node:child_process';
import { createReadStream, globSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withRedis } from '@runcast/redis';
import { readGroupStatus, runRelay } from '@runcast/relay';
import { jsonlSink, tensorboardSink } from 'runcast';
import { RedisServer } from '../../tests/support/redis-server.ts';
import { peakResidentMegabytes } from './peak-memory.ts';
import { STREAM } from './plain-entry.ts';
import { answer, readWorkload } from './workload.ts';

const GROUP = 'benchmark';
const POLL_MS = 50;

const { directory, count, args } = readWorkload();
const [command = ''] = args;
const server = await RedisServer.start({ name: 'the server', command });
const filler = path.join(import.meta.dirname, 'fill-stream.js');
execFileSync(process.execPath, [filler, directory, String(count), server.url], { stdio: ['ignore', 2, 2] });
const entries = Number(await server.call('XLEN', STREAM));

const rows = path.join(directory, 'rows');
const stopped = new AbortController();
const cpuStart = process.cpuUsage();
const start = performance.now();
const relaying = runRelay({
  url: server.url,
  stream: STREAM,
  group: GROUP,
  dir: path.join(directory, 'relay'),
  relay: 'benchmark',
  sinks: [
    jsonlSink({ dir: rows }),
    tensorboardSink({ logDir: path.join(directory, 'tensorboard'), logEveryNSteps: 1 }),
  ],
  signal: stopped.signal,
  onEvent: () => undefined,
  drainTimeoutMs: 600_000,
});
await withRedis(server.url, async (connection) => {
  while ((await readGroupStatus(connection, STREAM, GROUP)).lag !== 0) await delay(POLL_MS);
});
stopped.abort();
const { owingRuns } = await relaying;
const seconds = (performance.now() - start) / 1000;
const cpu = process.cpuUsage(cpuStart);
const peak = peakResidentMegabytes();
await server.end();
const written = await lines(globSync(path.join(rows, '*.jsonl')));
if (owingRuns > 0 || written !== entries)
  throw new Error(`${written} rows of ${entries}, ${owingRuns} runs are owed some`);
answer({ 'records/s': entries / seconds, 'cpu/record': (cpu.user + cpu.system) / entries, 'peak resident': peak });

async function lines(files: readonly string[]): Promise<number> {
  let count = 0;
  for (const file of files)
    for await (const text of createReadStream(file, 'latin1')) count += String(text).split('\n').length - 1;
  return count;
}
