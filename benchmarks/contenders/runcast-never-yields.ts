/**
 * The observer of never-yields: starts the trainer in a process of its own, looks at the size of its event file until the
 * trainer has ended, and then sees which event lies where, and when that part of the file had come to be.
 */

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { eventDirectory } from './open-runcast.ts';
import { answer, readWorkload } from './workload.ts';

const POLL_MS = 2;

interface Observation {
  readonly atMs: number;
  readonly size: number;
}

const { directory, count } = readWorkload();
const trainer = spawn(
  process.execPath,
  [path.join(import.meta.dirname, 'runcast-busy-trainer.js'), directory, String(count)],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let output = '';
trainer.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
const exit = new Promise<number | null>((resolve, reject) => {
  trainer.on('error', reject);
  trainer.on('close', resolve);
});

const observations: Observation[] = [];
while (trainer.exitCode === null && trainer.signalCode === null) {
  observe();
  await delay(POLL_MS);
}
observe();
if ((await exit) !== 0) throw new Error('the trainer failed');

const callsAtMs = z.array(z.number()).length(count).parse(JSON.parse(output));
const lags = stepEnds(readFileSync(eventFile() ?? ''))
  .map(({ step, end }) => arrivalMs(end) - (callsAtMs[step] ?? Number.NaN))
  .toSorted((left, right) => left - right);
if (lags.length !== count) throw new Error(`${lags.length} of ${count} steps are in the event file`);
const quantile = (share: number): number => lags[Math.ceil(share * count) - 1] ?? Number.NaN;
answer({ p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) });

function observe(): void {
  const size = eventFileSize();
  if (size === undefined || size === observations.at(-1)?.size) return;
  observations.push({ atMs: performance.timeOrigin + performance.now(), size });
}

function eventFile(): string | undefined {
  const events = eventDirectory(directory);
  try {
    const name = readdirSync(events).find((entry) => entry.startsWith('events.out.tfevents.'));
    return name === undefined ? undefined : path.join(events, name);
  } catch {
    // The trainer has not come to make it.
    return undefined;
  }
}

function eventFileSize(): number | undefined {
  const file = eventFile();
  return file === undefined ? undefined : statSync(file).size;
}

/** When the file was first seen with at least so many bytes. Sizes only grow, and steps are asked for in order. */
function arrivalMs(end: number): number {
  return observations.find(({ size }) => size >= end)?.atMs ?? Number.NaN;
}

/** Each event with a summary: its step, and where it ends in the file. */
function stepEnds(file: Buffer): readonly { readonly step: number; readonly end: number }[] {
  const ends: { readonly step: number; readonly end: number }[] = [];
  for (let start = 0; start < file.length;) {
    // TFRecord: length in 8 bytes, its checksum in 4, the event, its checksum in 4.
    const event = file.subarray(start + 12, start + 12 + Number(file.readBigUInt64LE(start)));
    start += 12 + event.length + 4;
    const { step, next } = readStep(event);
    // Event.summary is field 5.
    if (event[next] === 0x2a) ends.push({ step, end: start });
  }
  return ends;
}

/** Event.step: field 2, a varint after the nine bytes of wall_time, left out where it is 0. */
function readStep(event: Buffer): { readonly step: number; readonly next: number } {
  if (event[9] !== 0x10) return { step: 0, next: 9 };
  let step = 0;
  let at = 10;
  for (let factor = 1; ; factor *= 128, at += 1) {
    const byte = event[at] ?? 0;
    step += (byte % 128) * factor;
    if (byte < 128) return { step, next: at + 1 };
  }
}
