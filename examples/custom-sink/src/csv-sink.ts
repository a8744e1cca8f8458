/**
 * A sink of one's own: losses and other step metrics as CSV, a row a value, each exactly once. It shows all of the contract.
 * There is no queue, no retry and no timer here: delivery calls one method at a time and repeats what throws.
 */

import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PositionLostError, type RunRecord, type Sink } from 'runcast';
import { z } from 'zod';

const positionSchema = z.object({ length: z.int().min(0) }).default({ length: 0 });

/** Writes `<dir>/<run id>.csv` with the columns kind, at (the step or epoch), metric and value. */
export function csvSink(dir: string): Sink {
  let file = -1;
  let length = 0;

  /** Writes where the last complete batch ended, so that a batch that comes again overwrites what a failure left of it. */
  const append = (rows: string): void => {
    const bytes = Buffer.from(rows);
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(file, bytes, written, bytes.length - written, length + written);
    }
    length += bytes.length;
  };

  return {
    name: 'csv',
    // Other kinds are not handed to this sink at all, which health counts.
    traits: { kinds: ['step', 'validation'], guarantee: 'exactly-once', locality: 'local' },
    open({ runId, position }) {
      mkdirSync(dir, { recursive: true });
      file = openSync(join(dir, `${runId}.csv`), constants.O_RDWR | constants.O_CREAT);
      length = positionSchema.parse(position).length;
      if (fstatSync(file).size < length) throw new PositionLostError(`${runId}.csv is shorter than what was delivered`);
      // What lies beyond the known position was written, but not yet counted as delivered, when a process died.
      ftruncateSync(file, length);
      if (length === 0) append('kind,at,metric,value\n');
    },
    write({ records }) {
      append(records.map(csvRows).join(''));
    },
    flush() {
      fsyncSync(file);
    },
    close() {
      closeSync(file);
    },
    position() {
      return { length };
    },
  };
}

function csvRows(record: RunRecord): string {
  if (record.kind !== 'step' && record.kind !== 'validation') return '';
  const at = record.kind === 'step' ? record.step : record.epoch;
  return Object.entries(record.metrics)
    .map(([metric, value]) => `${record.kind},${at},${csvField(metric)},${value}\n`)
    .join('');
}

/** A field as RFC 4180 writes it. */
function csvField(text: string): string {
  return /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
