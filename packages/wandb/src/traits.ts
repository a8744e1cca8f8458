/** What W&B can show of a run. */

import { RECORD_KINDS, type RecordKind, type SinkTraits } from '@runcast/core';

/** Kinds whose bytes travel in the second lane; rows that show them refer to these bytes by their digest. */
export const UPLOAD_KINDS: readonly RecordKind[] = [
  'open',
  'table',
  'bar_chart',
  'image',
  'text',
  'file',
  'artifact',
  'close',
];

/**
 * Rows are written by line number, so that what is sent again lands where it was. Alerts are the exception: one that was sent in
 * the instant of a crash may come twice.
 */
export const wandbTraits: SinkTraits = {
  kinds: RECORD_KINDS,
  guarantee: 'exactly-once',
  locality: 'remote',
};

/** A run written for `wandb sync`: everything in one file of its own, cut back to the position after a crash. */
export const wandbOfflineTraits: SinkTraits = { kinds: RECORD_KINDS, guarantee: 'exactly-once', locality: 'local' };

/**
 * A run sent by W&B's own client for Node, which knows rows of numbers, the configuration it is begun with, and the end of a run.
 * Rows are counted as delivered once the server has taken them; a run that was left is not taken up again.
 */
export const wandbSdkTraits: SinkTraits = {
  kinds: ['open', 'step', 'epoch', 'validation', 'log', 'close'],
  guarantee: 'at-least-once',
  resumes: false,
  locality: 'remote',
};
