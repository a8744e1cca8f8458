/**
 * Records into a stream by whichever client: the same records, to a server that is started for it, on the loopback, that keeps
 * nothing on a disk. The time is this process's, the server's is its own.
 */

import { RedisServer } from '../../tests/support/redis-server.ts';
import { STREAM } from './plain-entry.ts';
import { BATCH_RECORDS, stepBatches, type StepBatch } from './step-records.ts';
import { answer, readWorkload } from './workload.ts';

const WARM_UP_BATCHES = 20;

/** A client, connected. */
export interface StreamWriter {
  /** Resolves when the server has answered for all of them. */
  readonly write: (batch: StepBatch) => Promise<void>;
  readonly close: () => void;
}

/** The first of the further arguments is the server's program. Answers with records a second and processor time a record. */
export async function measureStream(connect: (url: string) => Promise<StreamWriter>): Promise<void> {
  const { count, args } = readWorkload();
  const batches = stepBatches(0, WARM_UP_BATCHES * BATCH_RECORDS + count);
  const server = await RedisServer.start({ name: 'the server', command: args[0] ?? '' });
  const writer = await connect(server.url);
  for (const batch of batches.slice(0, WARM_UP_BATCHES)) await writer.write(batch);
  const measured = batches.slice(WARM_UP_BATCHES);
  const cpuStart = process.cpuUsage();
  const start = performance.now();
  for (const batch of measured) await writer.write(batch);
  const seconds = (performance.now() - start) / 1000;
  const cpu = process.cpuUsage(cpuStart);
  writer.close();
  const entries = Number(await server.call('XLEN', STREAM));
  await server.end();
  if (entries !== batches.length * BATCH_RECORDS) throw new Error(`the stream has ${entries} entries`);
  const records = measured.length * BATCH_RECORDS;
  answer({ 'records/s': records / seconds, 'cpu/record': (cpu.user + cpu.system) / records });
}
