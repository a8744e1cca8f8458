import { spawn, type ChildProcess } from 'node:child_process';
import { once, type EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { acquireLease, isLeased, type Lease } from './lease.ts';

const LEASE_MODULE = new URL('lease.ts', import.meta.url).href;

let place = '';
let path = '';
const held: Lease[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'runcast-lease-'));
  path = join(place, 'lease.db');
});

afterEach(() => {
  for (const lease of held.splice(0)) lease.release();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(place, { recursive: true });
});

function take(): Lease | undefined {
  const lease = acquireLease(path);
  if (lease !== undefined) held.push(lease);
  return lease;
}

/** What the next event of that name brings. */
async function first(emitter: EventEmitter, event: string): Promise<unknown> {
  const values: readonly unknown[] = await once(emitter, event);
  return values[0];
}

/** A Node process that takes the lease, says whether it has it, and stays. */
async function childTakes(): Promise<{ readonly child: ChildProcess; readonly has: boolean }> {
  const code = `
    import { acquireLease } from ${JSON.stringify(LEASE_MODULE)};
    const lease = acquireLease(${JSON.stringify(path)});
    process.stdout.write(lease === undefined ? 'refused' : 'held');
    setInterval(() => lease?.toString(), 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return { child, has: String(await first(child.stdout, 'data')) === 'held' };
}

async function killed(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

describe('in one process', () => {
  it('is held by one at a time, until it is released', () => {
    expect(isLeased(path)).toBe(false);
    const first = take();
    expect(first).toBeDefined();
    expect(take()).toBeUndefined();
    expect(isLeased(path)).toBe(true);
    first?.release();
    first?.release();
    expect(isLeased(path)).toBe(false);
    expect(take()).toBeDefined();
    first?.release();
    expect(isLeased(path)).toBe(true);
  });

  it('is not lost when another looks at it', () => {
    take();
    for (let count = 0; count < 5; count += 1) expect(isLeased(path)).toBe(true);
    expect(take()).toBeUndefined();
  });

  it('is a lease on each file apart', () => {
    take();
    const other = acquireLease(join(place, 'other.db'));
    expect(other).toBeDefined();
    other?.release();
  });

  it('is exclusive across threads', async () => {
    const code = `
      const { parentPort } = require('node:worker_threads');
      import(${JSON.stringify(LEASE_MODULE)}).then(({ acquireLease }) => {
        const lease = acquireLease(${JSON.stringify(path)});
        parentPort.postMessage(lease !== undefined);
        parentPort.once('message', () => { lease?.release(); parentPort.postMessage('released'); });
      });
    `;
    const worker = new Worker(code, { eval: true });
    expect(await first(worker, 'message')).toBe(true);
    expect(take()).toBeUndefined();
    worker.postMessage('release');
    await once(worker, 'message');
    expect(take()).toBeDefined();
    await worker.terminate();
    const second = new Worker(code, { eval: true });
    expect(await first(second, 'message')).toBe(false);
    await second.terminate();
    expect(isLeased(path)).toBe(true);
  });

  it('passes no warning on that SQLite is experimental, and every other', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const load = process.getBuiltinModule.bind(process);
    // As Node 22 does when the module is first loaded.
    vi.spyOn(process, 'getBuiltinModule').mockImplementation((id: string) => {
      process.emitWarning('SQLite is an experimental feature');
      return load(id);
    });
    try {
      expect(take()).toBeDefined();
      expect(warn).not.toHaveBeenCalled();
      process.emitWarning('of the application');
      expect(warn).toHaveBeenCalledTimes(1);
    } finally {
      vi.restoreAllMocks();
    }
  });
});

describe('across processes', () => {
  it('is exclusive, and free once its holder is killed', async () => {
    const { child, has } = await childTakes();
    expect(has).toBe(true);
    expect(take()).toBeUndefined();
    await killed(child, 'SIGKILL');
    expect(take()).toBeDefined();
    const second = await childTakes();
    expect(second.has).toBe(false);
    await killed(second.child, 'SIGKILL');
    expect(take()).toBeUndefined();
  });

  it('is kept by a stopped process', async () => {
    const { child } = await childTakes();
    child.kill('SIGSTOP');
    expect(take()).toBeUndefined();
    await killed(child, 'SIGKILL');
    expect(take()).toBeDefined();
  });
});

describe('a file that cannot be used', () => {
  it('is an error, not a refusal', () => {
    mkdirSync(join(place, 'folder'));
    expect(() => acquireLease(join(place, 'folder'))).toThrow('unable to open');
    expect(() => acquireLease(join(place, 'none', 'lease.db'))).toThrow('unable to open');
    writeFileSync(path, 'not a database, but a text that is longer than the header of one');
    expect(() => acquireLease(path)).toThrow('not a database');
  });
});
