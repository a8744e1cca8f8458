/** A record as one who has only a client would add it: the fields that the Redis sink's entries have. */

import type { StepRecord } from '@runcast/core';

export const STREAM = 'trainer_metrics_events';
export const RUN_ID = 'benchmark';
export const WRITER = 'm4x0000001';

/** What XADD takes. */
export function plainEntry({ seq, time, n, step, metrics }: StepRecord): [string, ...(string | number)[]] {
  const names = ['kind', 'step', 'run', RUN_ID, 'writer', WRITER];
  return [STREAM, '*', ...names, 'seq', seq, 'time', time, 'n', n, 'step', step, 'metrics', JSON.stringify(metrics)];
}
