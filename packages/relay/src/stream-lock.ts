/**
 * One relay reads a stream at a time. Who does is a key in Redis that lasts for three seconds unless it is renewed, and holds
 * a token that grows with every holder: what a holder from before writes is refused by that, however late it wakes up.
 */

import { RetryableSinkError } from '@runcast/core';
import type { RedisConnection } from '@runcast/redis';
import type { RelayKeys } from './relay-keys.ts';

/** Without a renewal for so long the lock is another's to take: with the polls of those that wait, well below five seconds. */
const LOCK_TTL_MS = 3_000;
export const LOCK_RENEWAL_MS = 1_000;

/** KEYS: lock, token. ARGV: name of the relay, milliseconds. Returns the new token, or 0 where the lock is held. */
const ACQUIRE = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], token .. ' ' .. ARGV[1], 'PX', ARGV[2])
return token
`;

/** KEYS: lock, status. ARGV: content of the lock, milliseconds, status. Returns 1, or 0 where the lock is another's. */
const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[2])
return 1
`;

/** KEYS: lock, status. ARGV: content of the lock. */
const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1], KEYS[2])
`;

/** KEYS: lock, stream. ARGV: content of the lock, group, id, entries up to it. */
const MOVE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('XGROUP', 'SETID', KEYS[2], ARGV[2], ARGV[3], 'ENTRIESREAD', ARGV[4])
return 1
`;

/** KEYS: lock, cursors. ARGV: content of the lock, field, cursor. */
const KEEP_CURSOR = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
`;

/** Another relay reads the stream now, or nobody does any more: whatever is under way has to end. */
export class LockLostError extends RetryableSinkError {
  constructor(stream: string) {
    super(`the lock on ${stream} is lost to another relay`);
    this.name = 'LockLostError';
  }
}

/** Held by this relay until it is released, lost or forgotten to be renewed. Every change says so by {@link LockLostError}. */
export class StreamLock {
  readonly token: number;
  readonly #connection: RedisConnection;
  readonly #keys: RelayKeys;
  readonly #content: string;

  private constructor(connection: RedisConnection, keys: RelayKeys, token: number, relay: string) {
    this.#connection = connection;
    this.#keys = keys;
    this.token = token;
    this.#content = `${token} ${relay}`;
  }

  /** Undefined while another relay holds it. */
  static async acquire(connection: RedisConnection, keys: RelayKeys, relay: string): Promise<StreamLock | undefined> {
    const token = Number(await connection.call('EVAL', ACQUIRE, 2, keys.lock, keys.token, relay, LOCK_TTL_MS));
    return token === 0 ? undefined : new StreamLock(connection, keys, token, relay);
  }

  /** Holds it for further {@link LOCK_TTL_MS}, and leaves `status` for those who ask. */
  async renew(status: string): Promise<void> {
    const { lock, status: statusKey } = this.#keys;
    await this.#eval(RENEW, [lock, statusKey], [LOCK_TTL_MS, status]);
  }

  /** Notes that everything up to `position` is durable in this relay's directory. */
  async movePosition(position: string, entriesRead: number): Promise<void> {
    const { lock, stream, group } = this.#keys;
    await this.#eval(MOVE, [lock, stream], [group, position, entriesRead]);
  }

  async keepCursor(field: string, cursor: string): Promise<void> {
    await this.#eval(KEEP_CURSOR, [this.#keys.lock, this.#keys.cursors], [field, cursor]);
  }

  /** Lets the next relay have it at once. Nothing happens where it is another's already. */
  async release(): Promise<void> {
    const { lock, status } = this.#keys;
    await this.#connection.call('EVAL', RELEASE, 2, lock, status, this.#content);
  }

  async #eval(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<void> {
    const reply = await this.#connection.call('EVAL', script, keys.length, ...keys, this.#content, ...args);
    if (reply !== 1) throw new LockLostError(this.#keys.stream);
  }
}
