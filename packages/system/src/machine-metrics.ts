/**
 * From readings of a machine to the metrics of a `system` record. They are called what W&B's own client calls them, `/` in the
 * place of its dots, so that W&B's page shows them on its System panels and runs imported from W&B have the same names:
 * https://docs.wandb.ai/ref/python/experiments/system-metrics
 *
 * | metric                            | what it is                                                                        |
 * | --------------------------------- | --------------------------------------------------------------------------------- |
 * | `system/cpu`                      | processor time of the process, percent of all processors                          |
 * | `system/cpu_percent`              | processor time of the machine, percent of all processors                          |
 * | `system/proc/cpu/threads`         | threads of the process                                                            |
 * | `system/memory_percent`           | memory of the machine that is in use, percent                                     |
 * | `system/proc/memory/rssMB`        | resident memory of the process, MiB                                               |
 * | `system/proc/memory/percent`      | the same, percent of the machine's                                                |
 * | `system/proc/memory/availableMB`  | memory of the machine that programs can still be given, MiB                       |
 * | `system/disk/usagePercent`        | use of the file system that the run directory is on, percent                      |
 * | `system/disk/usageGB`             | the same, GiB                                                                     |
 * | `system/disk/in`, `…/out`         | MiB read from and written to all disks since the collector began                  |
 * | `system/network/recv`, `…/sent`   | bytes received and sent since then, but for the loopback interface                |
 *
 * Percentages of processor time are over the time since the record before.
 */

import type { MachineReading, Traffic } from './machine-reading.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/**
 * The metrics at `now`. What a reading does not tell is left out, as are shares of no time.
 *
 * @param first When the run was opened.
 * @param before At the record before.
 */
export function machineMetrics(
  first: MachineReading,
  before: MachineReading,
  now: MachineReading,
): Readonly<Record<string, number>> {
  const { processMemoryBytes, totalMemoryBytes, availableMemoryBytes, threads, disk } = now;
  const availableMs = (now.atMs - before.atMs) * now.processors;
  const busyMs = now.machineCpu.busyMs - before.machineCpu.busyMs;
  const passedMs = now.machineCpu.totalMs - before.machineCpu.totalMs;
  const read = since(first.diskTraffic, now.diskTraffic);
  const received = since(first.networkTraffic, now.networkTraffic);
  return {
    ...(availableMs > 0 ? { 'system/cpu': percent(now.processCpuMs - before.processCpuMs, availableMs) } : {}),
    ...(passedMs > 0 ? { 'system/cpu_percent': percent(busyMs, passedMs) } : {}),
    ...(threads === undefined ? {} : { 'system/proc/cpu/threads': threads }),
    'system/memory_percent': percent(totalMemoryBytes - availableMemoryBytes, totalMemoryBytes),
    'system/proc/memory/rssMB': processMemoryBytes / MIB,
    'system/proc/memory/percent': percent(processMemoryBytes, totalMemoryBytes),
    'system/proc/memory/availableMB': availableMemoryBytes / MIB,
    ...(disk === undefined
      ? {}
      : {
          'system/disk/usagePercent': percent(disk.usedBytes, disk.usedBytes + disk.availableBytes),
          'system/disk/usageGB': disk.usedBytes / GIB,
        }),
    ...(read === undefined ? {} : { 'system/disk/in': read.inBytes / MIB, 'system/disk/out': read.outBytes / MIB }),
    ...(received === undefined
      ? {}
      : { 'system/network/recv': received.inBytes, 'system/network/sent': received.outBytes }),
  };
}

function since(first: Traffic | undefined, now: Traffic | undefined): Traffic | undefined {
  if (first === undefined || now === undefined) return undefined;
  // A disk or an interface that was taken away takes its counts along.
  return {
    inBytes: Math.max(0, now.inBytes - first.inBytes),
    outBytes: Math.max(0, now.outBytes - first.outBytes),
  };
}

/** To a hundredth: more digits than the figures carry would only fill the log. */
function percent(part: number, whole: number): number {
  return Math.round((part / whole) * 10_000) / 100;
}
