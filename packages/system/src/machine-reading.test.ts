import { tmpdir, totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import { diskTraffic, networkTraffic, readMachine } from './machine-reading.ts';

const DISKSTATS = `   7       0 loop0 50 0 100 1 0 0 0 0 0 1 1
 259       0 nvme0n1 9 0 2000 1 8 0 400 1 0 1 1 0 0 0 0
 259       1 nvme0n1p1 9 0 2000 1 8 0 400 1 0 1 1
   8       0 sda 1 0 8 1 1 0 16 1 0 1 1
 253       0 dm-0 1 0 2000 1 1 0 400 1 0 1 1
`;

const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9999 1 0 0 0 0 0 0 9999 1 0 0 0 0 0 0
  eth0: 1200 10 0 0 0 0 0 0 340 5 0 0 0 0 0 0
  wlan0:7 10 0 0 0 0 0 0 5 5 0 0 0 0 0 0
`;

describe('traffic', () => {
  it('of disks is that of whole devices, in bytes', () => {
    const devices = new Set(['loop0', 'nvme0n1', 'sda', 'dm-0']);
    expect(diskTraffic(DISKSTATS, devices)).toEqual({ inBytes: 2008 * 512, outBytes: 416 * 512 });
  });

  it('of the network is that of all interfaces but the loopback one', () => {
    expect(networkTraffic(NET_DEV)).toEqual({ inBytes: 1207, outBytes: 345 });
    expect(networkTraffic('eth0: 5')).toEqual({ inBytes: 5, outBytes: 0 });
  });
});

describe('a reading', () => {
  it('is of this machine and this process', () => {
    const { rss } = process.memoryUsage();
    const before = readMachine(tmpdir());
    const until = performance.now() + 50;
    while (performance.now() < until);
    const reading = readMachine(tmpdir());
    expect(reading.totalMemoryBytes).toBe(totalmem());
    expect(reading.availableMemoryBytes).toBeLessThan(reading.totalMemoryBytes);
    expect(reading.processMemoryBytes).toBeGreaterThan(rss / 2);
    expect(reading.processCpuMs).toBeGreaterThan(before.processCpuMs);
    expect(reading.machineCpu.totalMs).toBeGreaterThanOrEqual(reading.machineCpu.busyMs);
    expect(reading.threads).toBeGreaterThan(1);
    expect(reading.disk?.availableBytes).toBeGreaterThan(0);
    expect(reading.networkTraffic?.inBytes).toBeGreaterThanOrEqual(0);
  });

  it('leaves out a disk that is not there or has no size', () => {
    expect(readMachine('/no/such/directory').disk).toBeUndefined();
    expect(readMachine('/proc').disk).toBeUndefined();
  });
});
