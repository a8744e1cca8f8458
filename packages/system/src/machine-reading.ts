/**
 * What a machine and this process have used so far, as counters at one moment: shares and rates come of two of them. Node says
 * most of it on every system; threads and traffic are read from Linux's /proc, without starting a program.
 */

import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';

/** Bytes in and out. */
export interface Traffic {
  readonly inBytes: number;
  readonly outBytes: number;
}

/** A part that this system does not tell is undefined. */
export interface MachineReading {
  /** Milliseconds of a clock that is never set. */
  readonly atMs: number;
  readonly processors: number;
  /** Processor time of the process, all its threads together. */
  readonly processCpuMs: number;
  /** Processor time of the machine, all its processors together. */
  readonly machineCpu: { readonly busyMs: number; readonly totalMs: number };
  readonly processMemoryBytes: number;
  readonly totalMemoryBytes: number;
  /** What programs can still be given, caches included that the system would drop for them. */
  readonly availableMemoryBytes: number;
  readonly threads: number | undefined;
  readonly disk: { readonly usedBytes: number; readonly availableBytes: number } | undefined;
  /** Of all disks together: read and written. */
  readonly diskTraffic: Traffic | undefined;
  /** Of all interfaces but the loopback one: received and sent. */
  readonly networkTraffic: Traffic | undefined;
}

/** Reads now. Never throws. `directory` says which file system counts as the disk. */
export function readMachine(directory: string): MachineReading {
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    processors: availableParallelism(),
    processCpuMs: (user + system) / 1000,
    machineCpu: machineCpu(),
    processMemoryBytes: process.memoryUsage.rss(),
    totalMemoryBytes: totalmem(),
    availableMemoryBytes: freemem(),
    threads: told(() => readdirSync('/proc/self/task').length),
    disk: told(() => diskOf(directory)),
    diskTraffic: told(() => diskTraffic(readFileSync('/proc/diskstats', 'utf8'), new Set(readdirSync('/sys/block')))),
    networkTraffic: told(() => networkTraffic(readFileSync('/proc/net/dev', 'utf8'))),
  };
}

/** Bytes that the sectors of /proc/diskstats stand for, whatever the disk has. */
const SECTOR_BYTES = 512;
/** Devices made of others, whose traffic is counted there, or of memory. */
const VIRTUAL_DEVICE = /^(?:loop|ram|zram|dm-|md)\d/u;

/**
 * Sums the devices of /proc/diskstats that are in `devices`: its other lines are partitions of these.
 * https://docs.kernel.org/admin-guide/iostats.html
 */
export function diskTraffic(diskstats: string, devices: ReadonlySet<string>): Traffic {
  const rows = diskstats.split('\n').map((line) => line.trim().split(/\s+/u));
  const disks = rows.filter(([, , name = '']) => devices.has(name) && !VIRTUAL_DEVICE.test(name));
  return {
    inBytes: sum(disks.map((row) => Number(row[5]) * SECTOR_BYTES)),
    outBytes: sum(disks.map((row) => Number(row[9]) * SECTOR_BYTES)),
  };
}

/** Sums the interfaces of /proc/net/dev. https://man7.org/linux/man-pages/man5/proc_pid_net.5.html */
export function networkTraffic(dev: string): Traffic {
  const rows = [...dev.matchAll(/^\s*([^\s:]+):\s*(.+)$/gmu)].map(([, name, counts = '']) => ({
    name,
    counts: counts.split(/\s+/u).map(Number),
  }));
  const interfaces = rows.filter(({ name }) => name !== 'lo');
  return {
    inBytes: sum(interfaces.map(({ counts }) => counts[0] ?? 0)),
    outBytes: sum(interfaces.map(({ counts }) => counts[8] ?? 0)),
  };
}

function machineCpu(): MachineReading['machineCpu'] {
  const times = cpus().map((cpu) => cpu.times);
  const idleMs = sum(times.map(({ idle }) => idle));
  const totalMs = sum(times.map(({ user, nice, sys, idle, irq }) => user + nice + sys + idle + irq));
  return { busyMs: totalMs - idleMs, totalMs };
}

function diskOf(directory: string): MachineReading['disk'] {
  const { bsize, blocks, bfree, bavail } = statfsSync(directory);
  // One that is a view of something else has no size.
  return blocks === 0 ? undefined : { usedBytes: (blocks - bfree) * bsize, availableBytes: bavail * bsize };
}

/** What cannot be read here is left out: a system without /proc still has its processors and memory. */
function told<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
