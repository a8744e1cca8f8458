/** A run on the disk whose logs a test writes line by line, and time that the test advances. */

import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isJsonObject, toJson, type JsonObject, type JsonValue, type RunRecord } from '@runcast/core';
import { prepareRunDirectory, type RunDirectory } from '@runcast/runlog';
import { stepRecord, type ManualClock } from '@runcast/testing';
import { expect, onTestFinished } from 'vitest';
import type { DeliveryEvent } from '../src/delivery-event.ts';
import type { Scheduler } from '../src/scheduler.ts';

export interface RunOnDisk {
  /** Directory of all runs. */
  readonly dir: string;
  readonly directory: RunDirectory;
  /** Appends whole lines to the log of `writer`. */
  readonly append: (writer: string, records: readonly RunRecord[]) => void;
  readonly appendText: (writer: string, text: string) => void;
  /** Appends `count` step records, numbered from `seq`; `n` and `step` are `seq` + 1. */
  readonly steps: (writer: string, seq: number, count: number) => readonly RunRecord[];
  /** The cursor file of a sink as JSON; throws where there is none. */
  readonly cursor: (sink: string) => JsonObject;
  /** The dead letters of a sink as JSON. */
  readonly deadLetters: (sink: string) => readonly JsonValue[];
}

const MANIFEST = { v: 1, run: 'run-1', created: 0, sinks: [], settled: false } as const;

/** Removed with the test that makes it. */
export function makeRun(): RunOnDisk {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-delivery-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const { directory } = prepareRunDirectory(dir, 'run-1', 'never', () => false, MANIFEST);
  const appendText = (writer: string, text: string): void =>
    appendFileSync(join(directory.logDirectory, `${writer}.jsonl`), text);
  const append = (writer: string, records: readonly RunRecord[]): void =>
    appendText(writer, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return {
    dir,
    directory,
    append,
    appendText,
    steps: (writer, seq, count) => {
      const records = Array.from({ length: count }, (_, index) => {
        const number = seq + index + 1;
        return stepRecord({ seq: seq + index, n: number, step: number });
      });
      append(writer, records);
      return records;
    },
    cursor: (sink) => {
      const value = parseJson(readFileSync(join(directory.cursorDirectory, `${sink}.json`), 'utf8'));
      if (!isJsonObject(value)) throw new TypeError('no cursor');
      return value;
    },
    deadLetters: (sink) =>
      readFileSync(join(directory.deadLetterDirectory, `${sink}.jsonl`), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => parseJson(line)),
  };
}

function parseJson(text: string): JsonValue {
  const value: unknown = JSON.parse(text);
  const json = toJson(value);
  if (!json.ok) throw new TypeError(json.problem);
  return json.value;
}

/** Time and chance as the clock and `random` have them. */
export function schedulerOn(clock: ManualClock, random: () => number = () => 0.5): Scheduler {
  return {
    nowMs: clock.now,
    schedule: (callback, delayMs) => {
      const timer = clock.setTimeout(callback, delayMs);
      return () => clock.clearTimeout(timer);
    },
    random,
  };
}

export interface EventLog {
  readonly events: readonly DeliveryEvent[];
  readonly onEvent: (event: DeliveryEvent) => void;
  /** Resolves with the next event. */
  readonly next: () => Promise<DeliveryEvent>;
  readonly ofType: <T extends DeliveryEvent['type']>(
    type: T,
  ) => readonly Extract<DeliveryEvent, { readonly type: T }>[];
}

export function createEventLog(): EventLog {
  const events: DeliveryEvent[] = [];
  const waiting: ((event: DeliveryEvent) => void)[] = [];
  return {
    events,
    onEvent: (event) => {
      events.push(event);
      for (const resolve of waiting.splice(0)) resolve(event);
    },
    next: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
      }),
    ofType: (type) =>
      events.filter((event): event is Extract<DeliveryEvent, { readonly type: typeof type }> => event.type === type),
  };
}

/** What `work` resolves to, time passing until it does, ten minutes at most. */
export async function timePasses<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const working = work.finally(() => over.abort());
  for (let passed = 0; passed < 600_000 && !over.signal.aborted; passed += 5) await clock.advance(5);
  expect(over.signal.aborted).toBe(true);
  return working;
}

/** As a trainer whose loop never yields: until `isDone`, which another thread brings about. Throws after ten seconds. */
export function waitWithoutYielding(isDone: () => boolean): void {
  const word = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const deadline = performance.now() + 10_000;
  while (!isDone()) {
    if (performance.now() > deadline) throw new Error('nothing came of it');
    // Leaves the processor to the other thread, but not this loop to anybody.
    Atomics.wait(word, 0, 0, 5);
  }
}
