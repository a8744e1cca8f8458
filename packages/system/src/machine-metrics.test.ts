import { expect, it } from 'vitest';
import { machineMetrics } from './machine-metrics.ts';
import type { MachineReading } from './machine-reading.ts';

const MIB = 1024 ** 2;

const FIRST: MachineReading = {
  atMs: 1000,
  processors: 4,
  processCpuMs: 500,
  machineCpu: { busyMs: 10_000, totalMs: 100_000 },
  processMemoryBytes: 200 * MIB,
  totalMemoryBytes: 8000 * MIB,
  availableMemoryBytes: 6000 * MIB,
  threads: 11,
  disk: { usedBytes: 30 * 1024 * MIB, availableBytes: 10 * 1024 * MIB },
  diskTraffic: { inBytes: 100 * MIB, outBytes: 50 * MIB },
  networkTraffic: { inBytes: 1000, outBytes: 2000 },
};

it('are shares since the sample before, and traffic since the first', () => {
  const before = { ...FIRST, atMs: 2000, processCpuMs: 1000, machineCpu: { busyMs: 11_000, totalMs: 104_000 } };
  const now = {
    ...FIRST,
    atMs: 3000,
    processCpuMs: 2500,
    machineCpu: { busyMs: 14_000, totalMs: 108_000 },
    diskTraffic: { inBytes: 103 * MIB, outBytes: 50 * MIB },
    networkTraffic: { inBytes: 1500, outBytes: 2001 },
  };
  expect(machineMetrics(FIRST, before, now)).toEqual({
    'system/cpu': 37.5,
    'system/cpu_percent': 75,
    'system/proc/cpu/threads': 11,
    'system/memory_percent': 25,
    'system/proc/memory/rssMB': 200,
    'system/proc/memory/percent': 2.5,
    'system/proc/memory/availableMB': 6000,
    'system/disk/usagePercent': 75,
    'system/disk/usageGB': 30,
    'system/disk/in': 3,
    'system/disk/out': 0,
    'system/network/recv': 500,
    'system/network/sent': 1,
  });
});

it('leave out what the system does not tell, and shares of no time', () => {
  const bare = { ...FIRST, threads: undefined, disk: undefined, diskTraffic: undefined, networkTraffic: undefined };
  expect(machineMetrics(bare, bare, bare)).toEqual({
    'system/memory_percent': 25,
    'system/proc/memory/rssMB': 200,
    'system/proc/memory/percent': 2.5,
    'system/proc/memory/availableMB': 6000,
  });
  expect(machineMetrics(bare, bare, FIRST)).not.toHaveProperty('system/disk/in');
});

it('never show traffic below nothing, as when an interface has gone', () => {
  const gone = { ...FIRST, networkTraffic: { inBytes: 0, outBytes: 2500 } };
  expect(machineMetrics(FIRST, FIRST, gone)).toMatchObject({ 'system/network/recv': 0, 'system/network/sent': 500 });
});
