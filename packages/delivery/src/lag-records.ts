/** What a sink lacks by its health: what either lane has not come to. */

import type { SinkHealth } from '@runcast/core';

/** Records that the sink does not have whole. */
export function lagRecords({ lagRecords: own, uploads }: SinkHealth): number {
  return Math.max(own, uploads?.lagRecords ?? 0);
}
