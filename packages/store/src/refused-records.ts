/** Which records of a batch a database never takes: each is tried alone, and what it leaves is taken back. */

import { RecordsRefusedError, type RecordBatch, type RecordRefusal } from '@runcast/core';
import { DataError } from './data-error.ts';

/** The batch as batches of one record each. */
export function singleBatches({ writer, records }: RecordBatch): readonly RecordBatch[] {
  return records.map((record) => ({ writer, from: record.seq, to: record.seq, records: [record] }));
}

/** Throws what is no word about the record. */
export function refusalOf({ to }: RecordBatch, error: unknown): readonly RecordRefusal[] {
  if (!(error instanceof DataError)) throw error;
  return [{ seq: to, reason: error.message }];
}

/** Where no record is at fault, repeating the batch without some helps nobody. */
export function refused(error: DataError, refusals: readonly RecordRefusal[]): Error {
  return refusals.length === 0 ? error : new RecordsRefusedError(refusals);
}
