/**
 * A trainer in a process of its own whose file is looked at from outside until it has ended: when each part of the file had
 * come to be.
 */

import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 2;

interface ObservedTrainer {
  /** What the trainer printed. */
  readonly output: string;
  /** The file as it was left. */
  readonly file: Buffer;
  /** When the file was first seen with at least so many bytes, in Unix milliseconds. Sizes only grow. */
  readonly arrivalMs: (size: number) => number;
}

/**
 * @param script A built contender's name.
 * @param findFile The file's path; undefined until the trainer has come to make it.
 * @throws Error where the trainer fails, or leaves no file.
 */
export async function observeTrainer(
  script: string,
  args: readonly string[],
  findFile: () => string | undefined,
): Promise<ObservedTrainer> {
  const trainer = spawn(process.execPath, [path.join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  trainer.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exit = new Promise<number | null>((resolve, reject) => {
    trainer.on('error', reject);
    trainer.on('close', resolve);
  });
  const observations: { readonly atMs: number; readonly size: number }[] = [];
  const observe = (): void => {
    const file = findFile();
    const size = file === undefined ? undefined : statSync(file).size;
    if (size === undefined || size === observations.at(-1)?.size) return;
    observations.push({ atMs: performance.timeOrigin + performance.now(), size });
  };
  while (trainer.exitCode === null && trainer.signalCode === null) {
    observe();
    await delay(POLL_MS);
  }
  observe();
  if ((await exit) !== 0) throw new Error('the trainer failed');
  return {
    output,
    file: readFileSync(findFile() ?? ''),
    arrivalMs: (end) => observations.find(({ size }) => size >= end)?.atMs ?? Number.NaN,
  };
}
