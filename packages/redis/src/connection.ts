/**
 * A connection to a server that either works or says why not. It never reconnects, queues or repeats: whoever needs another
 * connection opens one, and knows then that everything may have changed.
 */

import { errorMessage, RetryableSinkError } from '@runcast/core';
import { Redis } from 'ioredis';
import { serverAddress } from './config.ts';
import { redisError } from './redis-error.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** A server that is silent for longer is taken for gone. */
const ANSWER_TIMEOUT_MS = 10_000;

export class RedisConnection {
  /** Of the server, without secrets. */
  readonly address: string;
  readonly #client: Redis;
  /** What the client reported of itself; the first is the cause of what follows. */
  #trouble: unknown;

  private constructor(url: string) {
    this.address = serverAddress(url);
    this.#client = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      protocol: 2,
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: ANSWER_TIMEOUT_MS,
      connectionName: 'runcast',
      disableClientInfo: true,
    });
    // Without a listener the client would print it.
    this.#client.on('error', (error: unknown) => {
      this.#trouble ??= error;
    });
  }

  /** Rejects with a TerminalSinkError where the server refuses, with a RetryableSinkError where it is not to be had. */
  static async open(url: string): Promise<RedisConnection> {
    const connection = new RedisConnection(url);
    try {
      await connection.#client.connect();
    } catch (error) {
      throw redisError(connection.#trouble ?? error, connection.address);
    }
    // A database that does not exist is reported, and another one used.
    if (connection.#trouble === undefined) return connection;
    connection.close();
    throw redisError(connection.#trouble, connection.address);
  }

  /** False once it was closed, by whomever. */
  get isOpen(): boolean {
    return this.#client.status === 'ready';
  }

  /**
   * Sends a command behind those before it. Rejects as {@link open} does; after a failure that is no answer of the server,
   * the connection is closed.
   */
  async call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#client.call(command, [...args]);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Idempotent. Calls in flight reject. */
  close(): void {
    this.#client.disconnect();
  }

  #failed(error: unknown): Error {
    const translated = redisError(error, this.address);
    // After a silence nobody knows whose answer comes next, and a server that may not be written to may have a successor.
    if (!isReply(error) || errorMessage(error).startsWith('READONLY')) this.close();
    return translated;
  }
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Opens a connection for `work` and closes it. */
export async function withRedis<T>(url: string, work: (connection: RedisConnection) => Promise<T>): Promise<T> {
  const connection = await RedisConnection.open(url);
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}

/** What a reply has to be for anything to go on; a server, or what stands before it, that says otherwise is asked again. */
export function unexpectedReply(command: string, reply: unknown): RetryableSinkError {
  return new RetryableSinkError(`the Redis server answered ${command} with ${JSON.stringify(reply)}`);
}
