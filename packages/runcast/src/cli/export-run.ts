/** A run as a file of another kind, made from its log. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '@runcast/append-file';
import { encodeRow } from '@runcast/jsonl';
import type { RunDirectory } from '@runcast/runlog';
import { createTensorboardSink, tensorboardTraits } from '@runcast/tensorboard';
import { longHeader, longLines, WideTable } from './export-csv.ts';
import type { ExportOutput } from './export-output.ts';
import { readRecordPieces, type RecordPiece } from './export-records.ts';

export const EXPORT_FORMATS = ['csv', 'jsonl', 'tensorboard'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportResult {
  readonly records: number;
  /** Lines of the log that are no records. */
  readonly corrupt: number;
}

export type OnProgress = (readBytes: number, foundBytes: number) => void;

/** Scalars as CSV. Throws the system's error, as the others do. */
export function exportCsv(
  directory: RunDirectory,
  output: ExportOutput,
  long: boolean,
  onProgress: OnProgress,
): ExportResult {
  if (long) {
    output.write(longHeader());
    return eachPiece(directory, onProgress, ({ records }) => {
      for (const record of records) output.write(longLines(record));
    });
  }
  const table = new WideTable();
  const result = eachPiece(directory, onProgress, ({ records }) => {
    for (const record of records) table.add(record);
  });
  for (const line of table.lines()) output.write(line);
  return result;
}

/** The rows of the JSONL sink, every record one. */
export function exportJsonl(directory: RunDirectory, output: ExportOutput, onProgress: OnProgress): ExportResult {
  return eachPiece(directory, onProgress, ({ writer, records }) => {
    for (const record of records) output.write(`${encodeRow(writer, record)}\n`);
  });
}

/** Whether event files of the run can be made below `logDir`: nothing is there under its id yet. */
export function isFreeLogDir(directory: RunDirectory, logDir: string): boolean {
  try {
    return readdirSync(join(logDir, directory.runId)).length === 0;
  } catch {
    // Not there, or not to be read, which making the files will say.
    return true;
  }
}

/** Event files in `<logDir>/<run id>`. */
export function exportTensorboard(directory: RunDirectory, logDir: string, onProgress: OnProgress): ExportResult {
  makeDirectory(logDir);
  const sink = createTensorboardSink({ logDir });
  sink.open({ runId: directory.runId, runDirectory: directory.path, position: undefined });
  try {
    return eachPiece(directory, onProgress, ({ writer, records }) => {
      const taken = records.filter(({ kind }) => tensorboardTraits.kinds.includes(kind));
      const [first] = taken;
      const last = taken.at(-1);
      if (first === undefined || last === undefined) return;
      sink.write({ writer, from: first.seq, to: last.seq, records: taken });
    });
  } finally {
    sink.close();
  }
}

function eachPiece(directory: RunDirectory, onProgress: OnProgress, take: (piece: RecordPiece) => void): ExportResult {
  let records = 0;
  let corrupt = 0;
  for (const piece of readRecordPieces(directory)) {
    take(piece);
    records += piece.records.length;
    corrupt += piece.corrupt;
    onProgress(piece.readBytes, piece.foundBytes);
  }
  return { records, corrupt };
}
