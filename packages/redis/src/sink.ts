/**
 * The Redis sink: a batch is a few calls of a script that adds entries and moves the writer's position on the server in one
 * step. What the server says it has is the truth: after every new connection it is asked, since a server may come back
 * without what it had acknowledged.
 */

import {
  type CreateSink,
  errorMessage,
  type JsonObject,
  type JsonValue,
  PositionLostError,
  type RecordBatch,
  RetryableSinkError,
  type Sink,
  type SinkContext,
  TerminalSinkError,
} from '@runcast/core';
import { z } from 'zod';
import { appendCalls, positionField, positionsKey } from './append-script.ts';
import { parseSinkConfig, type RedisSinkConfig, type RedisSinkOptions } from './config.ts';
import { RedisConnection, unexpectedReply } from './connection.ts';
import { redisTraits } from './traits.ts';

/** How long a flush waits for the server's append-only file; one that is written every second needs up to two. */
const DURABLE_TIMEOUT_MS = 5_000;

const POSITION = z.object({ held: z.record(z.string(), z.int().min(-1)) });

/** Makes the sink from a spec's configuration. Throws ConfigError where it is none. */
export const createSink: CreateSink = (config: JsonObject): Sink => createRedisSink(parseSinkConfig(config));

export function createRedisSink(options: RedisSinkOptions | RedisSinkConfig): Sink {
  return new RedisSink(parseSinkConfig(options));
}

class RedisSink implements Sink {
  readonly name = 'redis';
  readonly traits = redisTraits;
  readonly logEveryNSteps: number;
  readonly #config: RedisSinkConfig;
  #run = '';
  #connection: RedisConnection | undefined;
  /** The last `seq` of each writer that the server has acknowledged. */
  readonly #held = new Map<string, number>();

  constructor(config: RedisSinkConfig) {
    this.#config = config;
    this.logEveryNSteps = config.logEveryNSteps;
  }

  open(context: SinkContext): void {
    this.#run = context.runId;
    // What is in flight rejects at once: a server that is silent must not hold up the end of the process.
    context.signal.addEventListener('abort', () => this.#connection?.close());
    if (context.position === undefined) return;
    const parsed = POSITION.safeParse(context.position);
    if (!parsed.success) throw new PositionLostError(`${JSON.stringify(context.position)} is no position in a stream`);
    for (const [writer, seq] of Object.entries(parsed.data.held)) this.#held.set(writer, seq);
  }

  async write(batch: RecordBatch): Promise<void> {
    if (batch.records.length === 0) return;
    const connection = await this.#connected();
    const { stream, maxLen } = this.#config;
    const expected = this.#held.get(batch.writer) ?? -1;
    const calls = appendCalls({ stream, maxLen, run: this.#run }, batch, expected);
    // None waits for another's answer: the server does them in order, and none that comes after one it has refused.
    const answers = Array.from(calls, async (call) => {
      const last = readSeq('EVAL', await connection.call('EVAL', ...call.args));
      return last >= call.expected;
    });
    if ((await Promise.all(answers)).includes(false)) {
      await this.#checkHeld(connection);
      throw new RetryableSinkError(`${connection.address} had less of ${batch.writer} than it has now`);
    }
    this.#held.set(batch.writer, batch.to);
  }

  async flush(): Promise<void> {
    if (this.#held.size === 0) return;
    const connection = await this.#connected();
    await waitUntilDurable(connection);
  }

  /** Looks after the connection of a run that logs nothing: what a server has lost is sent again soon, not at the end. */
  async tick(): Promise<void> {
    if (this.#held.size === 0 || this.#connection?.isOpen === true) return;
    try {
      await this.#connected();
    } catch (error) {
      // A server that is down is the next write's business.
      if (!(error instanceof RetryableSinkError)) throw error;
    }
  }

  close(): void {
    this.#connection?.close();
  }

  position(): JsonValue {
    return { held: Object.fromEntries(this.#held) };
  }

  async #connected(): Promise<RedisConnection> {
    if (this.#connection?.isOpen === true) return this.#connection;
    const connection = await RedisConnection.open(this.#config.url);
    try {
      await this.#checkHeld(connection);
    } catch (error) {
      // What the server has is known now; what it refuses is not to be asked for again on this connection.
      if (error instanceof PositionLostError) this.#connection = connection;
      else connection.close();
      throw error;
    }
    this.#connection = connection;
    return connection;
  }

  /** Throws a {@link PositionLostError} where the server has less of a writer than it had acknowledged. */
  async #checkHeld(connection: RedisConnection): Promise<void> {
    if (this.#held.size === 0) return;
    const { stream } = this.#config;
    const writers = [...this.#held.keys()];
    const fields = writers.map((writer) => positionField(this.#run, writer));
    const reply = await connection.call('HMGET', positionsKey(stream), ...fields);
    if (!Array.isArray(reply) || reply.length !== writers.length) throw unexpectedReply('HMGET', reply);
    const lost = new Map<string, number>();
    for (const [index, writer] of writers.entries()) {
      const last = readSeq('HMGET', reply[index] ?? -1);
      if (last < (this.#held.get(writer) ?? -1)) lost.set(writer, last);
    }
    if (lost.size === 0) return;
    for (const [writer, last] of lost) this.#held.set(writer, last);
    const records = `the last records of ${[...lost.keys()].join(', ')}`;
    throw new PositionLostError(`${connection.address} came back without ${records} in ${stream}`, { held: lost });
  }
}

function readSeq(command: string, reply: unknown): number {
  const seq = Number(reply);
  if (!Number.isSafeInteger(seq)) throw unexpectedReply(command, reply);
  return seq;
}

/**
 * Waits for the append-only file, where the server keeps one. One without, or from before Redis 7.2, has done all it can;
 * so has one that grants the user everything but this.
 */
async function waitUntilDurable(connection: RedisConnection): Promise<void> {
  let reply: unknown;
  try {
    reply = await connection.call('WAITAOF', 1, 0, DURABLE_TIMEOUT_MS);
  } catch (error) {
    if (error instanceof TerminalSinkError || errorMessage(error).includes('WAITAOF')) return;
    throw error;
  }
  if (!Array.isArray(reply) || readSeq('WAITAOF', reply[0]) < 1)
    throw new RetryableSinkError(`${connection.address} has not written its append-only file in time`);
}
