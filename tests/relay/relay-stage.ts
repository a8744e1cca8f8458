// A stream on a real server, trainers that publish to it, and relays in this process, each with a directory and files of
// its own, as on machines of their own.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { RecordBatch, RunRecord, SinkSpec } from '@runcast/core';
import { jsonlSink } from '@runcast/jsonl';
import { createRedisSink } from '@runcast/redis';
import { sinkContext } from '@runcast/testing';
import { runRelay, type RelayEvent, type RelayReport } from '@runcast/relay';
import { LOG_START, runDirectory, withRunLogs } from '@runcast/runlog';
import { RedisServer, type RedisProgram, type RedisServerOptions } from '../support/redis-server.ts';

export const STREAM = 'trainer_metrics_events';
export const GROUP = 'near';

const WAIT_MS = 30_000;
const POLL_MS = 20;

/** A relay under way, and what it has said. */
export interface StagedRelay {
  readonly name: string;
  readonly dir: string;
  readonly rowsDir: string;
  readonly events: readonly RelayEvent[];
  /** Resolves once it has said something of that type. */
  readonly said: (type: RelayEvent['type']) => Promise<void>;
  /** How it ended, without having been told to. */
  readonly ended: Promise<RelayReport>;
  /** Tells it to leave, and waits until it has. */
  readonly stop: () => Promise<RelayReport>;
}

export class RelayStage {
  readonly server: RedisServer;
  readonly place: string;
  readonly #relays: StagedRelay[] = [];

  private constructor(server: RedisServer) {
    this.server = server;
    this.place = mkdtempSync(path.join(tmpdir(), 'runcast-relay-'));
  }

  static async open(program: RedisProgram, options?: RedisServerOptions): Promise<RelayStage> {
    return new RelayStage(await RedisServer.start(program, options));
  }

  /** Starts a relay on the machine `machine`: its directory and files are there. */
  relay(
    name: string,
    given: { readonly machine?: string; readonly url?: string; readonly sinks?: readonly SinkSpec[] } = {},
  ): StagedRelay {
    const machine = path.join(this.place, given.machine ?? name);
    const dir = path.join(machine, 'runs');
    const rowsDir = path.join(machine, 'rows');
    const events: RelayEvent[] = [];
    const stopped = new AbortController();
    const running = runRelay({
      url: given.url ?? this.server.url,
      stream: STREAM,
      group: GROUP,
      dir,
      relay: name,
      sinks: given.sinks ?? [jsonlSink({ dir: rowsDir })],
      signal: stopped.signal,
      onEvent: (event) => events.push(event),
      drainTimeoutMs: 10_000,
    });
    // Whoever stops it hears of it.
    running.catch(() => undefined);
    const relay: StagedRelay = {
      name,
      dir,
      rowsDir,
      events,
      said: async (type) => {
        if (!(await waitUntil(() => events.some((event) => event.type === type))))
          throw new Error(`${name} never said ${type}: ${JSON.stringify(events.slice(-5))}`);
      },
      ended: running,
      stop: () => {
        stopped.abort();
        return running;
      },
    };
    this.#relays.push(relay);
    return relay;
  }

  /** Publishes batches as a trainer's delivery does. */
  async publish(run: string, ...batches: readonly RecordBatch[]): Promise<void> {
    const sink = createRedisSink({ url: this.server.url, stream: STREAM });
    await sink.open?.(sinkContext({ runId: run, runDirectory: '/' }));
    for (const batch of batches) await sink.write(batch);
    await sink.close({ status: 'finished', final: true });
  }

  /** The rows of a run in a relay's files once they are these records of these writers, or as they are when waiting is over. */
  async rows(relay: StagedRelay, run: string, batches: readonly RecordBatch[]): Promise<Rows> {
    const expected = seqsOf(batches);
    await waitUntil(() => isDeepStrictEqual(rowsOf(relay, run), expected));
    return rowsOf(relay, run);
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.#relays.map((relay) => relay.stop()));
    await this.server.end();
    rmSync(this.place, { recursive: true, force: true });
  }
}

/** Resolves to whether that came about in time. */
async function waitUntil(comesAbout: () => boolean): Promise<boolean> {
  const deadline = Date.now() + WAIT_MS;
  while (!comesAbout()) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** By writer, the `seq` of each row in the order of the file. */
type Rows = Readonly<Record<string, readonly number[]>>;

export function rowsOf({ rowsDir }: Pick<StagedRelay, 'rowsDir'>, run: string): Rows {
  const file = path.join(rowsDir, `${run}.jsonl`);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  const rows = lines.map((line) => ({
    writer: /"writer":"([^"]+)"/u.exec(line)?.[1] ?? '',
    seq: Number(/"seq":(\d+)/u.exec(line)?.[1]),
  }));
  const byWriter = Map.groupBy(rows, ({ writer }) => writer);
  return Object.fromEntries([...byWriter].map(([writer, own]) => [writer, own.map(({ seq }) => seq)]));
}

export function seqsOf(batches: readonly RecordBatch[]): Rows {
  const byWriter = Map.groupBy(batches, ({ writer }) => writer);
  return Object.fromEntries(
    [...byWriter].map(([writer, own]) => [writer, own.flatMap(({ records }) => records.map(({ seq }) => seq))]),
  );
}

/** The records in a run's log in a relay's directory. */
export function loggedBy({ dir }: StagedRelay, run: string, writer: string): readonly RunRecord[] {
  return withRunLogs(
    runDirectory(dir, run).logDirectory,
    (logs) => logs.reader(writer).read(LOG_START, { maxBytes: 100_000_000 }).records,
  );
}
