/** What a delivery has to say while it works. Plain data: it crosses threads. */

import type { JsonObject, RecoveredEvent, RetryEvent, SinkErrorEvent, SinkNotice } from '@runcast/core';

export type DeliveryEvent =
  | ({ readonly type: 'sinkError' } & SinkErrorEvent)
  | ({ readonly type: 'retry' } & RetryEvent)
  | ({ readonly type: 'recovered' } & RecoveredEvent)
  | { readonly type: 'sinkNotice'; readonly sink: string; readonly notice: SinkNotice };

/** How one sink stands when a flush or a close is over. */
export interface SinkSettlement {
  readonly sink: string;
  /** Records of the log that it does not have. */
  readonly owedRecords: number;
  /** Step records it passed over because of `logEveryNSteps`, and how many it took. */
  readonly skippedSteps: number;
  readonly deliveredSteps: number;
  /** Why something is owed or not durable; undefined where all is well. */
  readonly reason: string | undefined;
}

/** A dead letter: a record or line that a sink will never have, and why. */
export interface DeadLetter extends JsonObject {
  readonly writer: string;
  readonly reason: string;
}
