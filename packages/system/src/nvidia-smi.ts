/**
 * What GPUs are used for, by NVIDIA's own program: it comes with every driver, and there is no way to its library from Node
 * without native code. https://docs.nvidia.com/deploy/nvidia-smi/index.html
 *
 * | metric                                | what it is                                                |
 * | ------------------------------------- | --------------------------------------------------------- |
 * | `system/gpu/<i>/gpu`                  | time in which the GPU worked, percent                     |
 * | `system/gpu/<i>/memory`               | time in which its memory was read or written, percent     |
 * | `system/gpu/<i>/memoryAllocated`      | memory that is allocated, percent                         |
 * | `system/gpu/<i>/memoryAllocatedBytes` | the same, bytes                                           |
 * | `system/gpu/<i>/temp`                 | degrees Celsius                                           |
 * | `system/gpu/<i>/powerWatts`           | watts drawn                                               |
 * | `system/gpu/<i>/powerPercent`         | the same, percent of the limit that is enforced           |
 */

import { execFile } from 'node:child_process';

const PROGRAM = 'nvidia-smi';
/** Fields of `--query-gpu`, in the order of the columns. */
const FIELDS = [
  'index',
  'utilization.gpu',
  'utilization.memory',
  'memory.used',
  'memory.total',
  'temperature.gpu',
  'power.draw',
  'enforced.power.limit',
] as const;
/** A driver that hangs must not pile up processes. */
const TIMEOUT_MS = 10_000;
/** Memory is told in MiB. */
const MIB = 1024 ** 2;

type GpuMetrics = Readonly<Record<string, number>>;

/** Asks for GPUs as long as there can be any: a machine without the program, or without its driver, is asked once. */
export class NvidiaSmi {
  #answered: boolean | undefined;

  /** Metrics of all GPUs; none where there are none, or no answer. Never rejects. */
  async read(signal: AbortSignal): Promise<GpuMetrics> {
    if (this.#answered === false) return {};
    const output = await run(signal);
    // One that has answered before is only busy.
    if (!signal.aborted) this.#answered ??= output !== undefined;
    return output === undefined ? {} : gpuMetrics(output);
  }
}

/** Reads what the program prints, a line a GPU: `0, 87, 40, 1024, 16384, 61, 250.50, 300.00`. A value it does not know is left out. */
export function gpuMetrics(csv: string): GpuMetrics {
  const lines = csv.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(lines.flatMap((line) => metricsOf(line)));
}

function metricsOf(line: string): readonly (readonly [string, number])[] {
  // A value that is not supported is `[N/A]`.
  const [index = Number.NaN, gpu, memory, usedMib = Number.NaN, totalMib, temp, watts = Number.NaN, limit] = line
    .split(',')
    .map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
  if (Number.isNaN(index)) return [];
  const metrics = {
    gpu,
    memory,
    memoryAllocated: percent(usedMib, totalMib),
    memoryAllocatedBytes: usedMib * MIB,
    temp,
    powerWatts: watts,
    powerPercent: percent(watts, limit),
  };
  return Object.entries(metrics).flatMap(([name, value]) =>
    value === undefined || !Number.isFinite(value) ? [] : [[`system/gpu/${index}/${name}`, value] as const],
  );
}

function percent(part: number, whole: number = Number.NaN): number {
  return Math.round((part / whole) * 10_000) / 100;
}

/** What the program prints; undefined where it is not there or fails. */
function run(signal: AbortSignal): Promise<string | undefined> {
  const args = [`--query-gpu=${FIELDS.join()}`, '--format=csv,noheader,nounits'];
  return new Promise((resolve) => {
    execFile(PROGRAM, args, { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', signal }, (error, stdout) =>
      resolve(error === null ? stdout : undefined),
    );
  });
}
