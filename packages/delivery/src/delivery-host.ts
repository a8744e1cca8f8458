/** Where deliveries run, as the publisher sees it: the same few calls whether they are in a worker thread or on its own loop. */

import type { SinkHealth, SinkOutcome } from '@runcast/core';
import type { SinkSettlement } from './delivery-event.ts';

export interface DeliveryHost {
  /** `none` for a member of a run that another process delivers. */
  readonly kind: 'worker' | 'inline' | 'none';
  /** Why it is not the host that was asked for. */
  readonly reason: string | undefined;
  /** As of now for an in-line host, at most about a quarter of a second ago for a worker. */
  health(): Readonly<Record<string, SinkHealth>>;
  /** Makes everything now in the logs durable in every sink, as far as the time allows. Never rejects. */
  flush(timeoutMs: number): Promise<readonly SinkSettlement[]>;
  /** As flush, and ends with every sink. Never rejects; no other call follows. */
  close(outcome: SinkOutcome, timeoutMs: number): Promise<readonly SinkSettlement[]>;
  /** As close, within this call and for local sinks only: the process is ending. Blocks for `timeoutMs` at most. */
  endNow(outcome: SinkOutcome, timeoutMs: number): void;
}
