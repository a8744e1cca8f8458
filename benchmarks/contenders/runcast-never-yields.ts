/**
 * The observer of never-yields: starts the trainer in a process of its own, looks at the size of its event file until the
 * trainer has ended, and then sees which event lies where, and when that part of the file had come to be.
 */

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { observeTrainer } from './observed-trainer.ts';
import { eventDirectory } from './open-runcast.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count } = readWorkload();
const { output, file, arrivalMs } = await observeTrainer(
  'runcast-busy-trainer.js',
  [directory, String(count)],
  eventFile,
);
const callsAtMs = z.array(z.number()).length(count).parse(JSON.parse(output));
const lags = stepEnds(file)
  .map(({ step, end }) => arrivalMs(end) - (callsAtMs[step] ?? Number.NaN))
  .toSorted((left, right) => left - right);
if (lags.length !== count) throw new Error(`${lags.length} of ${count} steps are in the event file`);
const quantile = (share: number): number => lags[Math.ceil(share * count) - 1] ?? Number.NaN;
answer({ p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) });

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

/** Each event with a summary: its step, and where it ends in the file. */
function stepEnds(events: Buffer): readonly { readonly step: number; readonly end: number }[] {
  const ends: { readonly step: number; readonly end: number }[] = [];
  for (let start = 0; start < events.length;) {
    // TFRecord: length in 8 bytes, its checksum in 4, the event, its checksum in 4.
    const event = events.subarray(start + 12, start + 12 + Number(events.readBigUInt64LE(start)));
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
