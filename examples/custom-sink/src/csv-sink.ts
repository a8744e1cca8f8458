/**
 * A sink of one's own: step and validation metrics as CSV, a row a value, each exactly once. It has no queue, no retry and
 * no timer: delivery calls one method at a time, in order, and repeats what throws.
 */

import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PositionLostError, type RunRecord, type Sink } from 'runcast';
import { z } from 'zod';

const HEADER = 'kind,at,metric,value\n';
const positionSchema = z.object({ length: z.int().min(0) }).default({ length: 0 });

/** Writes `<dir>/<run id>.csv`. The column `at` holds the step of a step, the epoch of a validation. */
export function csvSink(dir: string): Sink {
  let file: number | undefined;
  let length = 0;
  return {
    name: 'csv',
    // Records of other kinds are never handed to this sink; health counts them as skipped.
    traits: { kinds: ['step', 'validation'], guarantee: 'exactly-once', locality: 'local' },
    open({ runId, position }) {
      mkdirSync(dir, { recursive: true });
      file = openSync(join(dir, `${runId}.csv`), constants.O_RDWR | constants.O_CREAT);
      length = positionSchema.parse(position).length;
      if (fstatSync(file).size < length) throw new PositionLostError(`${runId}.csv lost rows that were delivered`);
      // What lies beyond the position was written by a process that died before it could tell, and comes again.
      ftruncateSync(file, length);
    },
    write({ records }) {
      if (file === undefined) throw new Error('the CSV sink is not open');
      const rows = Buffer.from((length === 0 ? HEADER : '') + records.map(csvRows).join(''));
      // At the length, not at the end: a batch that comes again overwrites what its first attempt left.
      for (let done = 0; done < rows.length;) done += writeSync(file, rows, done, rows.length - done, length + done);
      length += rows.length;
    },
    flush() {
      if (file !== undefined) fsyncSync(file);
    },
    close() {
      if (file !== undefined) closeSync(file);
    },
    position() {
      return { length };
    },
  };
}

function csvRows(record: RunRecord): string {
  if (record.kind !== 'step' && record.kind !== 'validation') return '';
  const at = record.kind === 'step' ? record.step : record.epoch;
  const row = ([metric, value]: readonly [string, number | string]): string =>
    `${record.kind},${at},${csvField(metric)},${value}\n`;
  return Object.entries(record.metrics).map(row).join('');
}

/** A field as RFC 4180 writes it. */
function csvField(text: string): string {
  return /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
