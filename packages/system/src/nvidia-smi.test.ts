import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { gpuMetrics, NvidiaSmi } from './nvidia-smi.ts';

/** A program of that name in a PATH of its own; it notes each start in `started`. */
function install(script: string): { readonly starts: () => number } {
  const folder = mkdtempSync(join(tmpdir(), 'runcast-smi-'));
  const program = join(folder, 'nvidia-smi');
  const started = join(folder, 'started');
  writeFileSync(program, `#!/bin/sh\necho "$*" >> '${started}'\n${script}\n`);
  chmodSync(program, 0o755);
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  return { starts: () => (existsSync(started) ? readFileSync(started, 'utf8').split('\n').length - 1 : 0) };
}

const { signal } = new AbortController();

describe('what the program prints', () => {
  it('has the metrics of each GPU', () => {
    expect(gpuMetrics('0, 87, 40, 1024, 16384, 61, 150.50, 301.00\n1, 0, 0, 0, 16384, 30, 9.1, 300\n')).toEqual({
      'system/gpu/0/gpu': 87,
      'system/gpu/0/memory': 40,
      'system/gpu/0/memoryAllocated': 6.25,
      'system/gpu/0/memoryAllocatedBytes': 1024 ** 3,
      'system/gpu/0/temp': 61,
      'system/gpu/0/powerWatts': 150.5,
      'system/gpu/0/powerPercent': 50,
      'system/gpu/1/gpu': 0,
      'system/gpu/1/memory': 0,
      'system/gpu/1/memoryAllocated': 0,
      'system/gpu/1/memoryAllocatedBytes': 0,
      'system/gpu/1/temp': 30,
      'system/gpu/1/powerWatts': 9.1,
      'system/gpu/1/powerPercent': 3.03,
    });
  });

  it('may lack values, lines and sense', () => {
    expect(gpuMetrics('0, [N/A], , [Not Supported], 16384, 61\n')).toEqual({ 'system/gpu/0/temp': 61 });
    expect(gpuMetrics('No devices were found\n')).toEqual({});
    expect(gpuMetrics('')).toEqual({});
  });
});

describe('the program', () => {
  it('is asked for each sample', async () => {
    const { starts } = install('echo "0, 87, 40, 1024, 16384, 61, 150.50, 301.00"');
    const gpus = new NvidiaSmi();
    expect(await gpus.read(signal)).toMatchObject({ 'system/gpu/0/gpu': 87 });
    expect(await gpus.read(signal)).toMatchObject({ 'system/gpu/0/gpu': 87 });
    expect(starts()).toBe(2);
  });

  it('is asked once where it fails from the first', async () => {
    const { starts } = install('exit 9');
    const gpus = new NvidiaSmi();
    expect([await gpus.read(signal), await gpus.read(signal)]).toEqual([{}, {}]);
    expect(starts()).toBe(1);
  });

  it('is asked again where it has answered before', async () => {
    const { starts } = install('[ -e "$0.failing" ] && exit 1; echo "0, 5" && touch "$0.failing"');
    const gpus = new NvidiaSmi();
    expect(await gpus.read(signal)).toEqual({ 'system/gpu/0/gpu': 5 });
    expect(await gpus.read(signal)).toEqual({});
    expect(await gpus.read(signal)).toEqual({});
    expect(starts()).toBe(3);
  });

  it('need not be there', async () => {
    vi.stubEnv('PATH', '/no/such/directory');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await new NvidiaSmi().read(signal)).toEqual({});
  });

  it('is killed where nobody waits any more, which says nothing of it', async () => {
    const { starts } = install('[ $(wc -l < "${0%/*}/started") -gt 1 ] || exec sleep 30; echo "0, 5"');
    const gpus = new NvidiaSmi();
    const ending = new AbortController();
    const read = gpus.read(ending.signal);
    await vi.waitFor(() => expect(starts()).toBe(1));
    ending.abort();
    expect(await read).toEqual({});
    expect(await gpus.read(signal)).toEqual({ 'system/gpu/0/gpu': 5 });
  });
});
